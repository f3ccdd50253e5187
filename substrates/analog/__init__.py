"""substrates.analog"""
