"""substrates.loihi2.neurons"""
