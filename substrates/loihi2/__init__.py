"""substrates.loihi2"""
