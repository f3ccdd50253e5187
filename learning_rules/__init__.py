"""Learning rules: equilibria to parameter gradients. See README.md in this folder."""
