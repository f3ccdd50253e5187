"""substrates.loihi2.lava"""
