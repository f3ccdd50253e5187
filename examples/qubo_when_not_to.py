"""When not to anneal: two birefringent plates that should turn one polarisation into another, for several colours.

Light that is linear at 45 degrees passes a plate with its axis at 0 degrees and one at 45. Every plate delays one
component by g = 2 pi dn d / lambda, so that of each colour the Stokes vector comes out as
(sin g1 sin g2, cos g1, -sin g1 cos g2). Which two thicknesses bring every colour within 30 degrees of its target?

It has everything that one anneals for: a rugged landscape, many optima nearly alike, no gradient that helps. It has
also only two unknowns. A scan of 4000 x 4000 thicknesses *is* the exact answer and takes seconds; as a QUBO every pair
of thicknesses would be a coupling, and writing the 16 million couplings down is the scan.
"""

import time

import numpy as np
from scipy.optimize import dual_annealing

GRID, MOST = 4000, 10_000.0  # thicknesses of each plate, the largest in micrometres
CLOSE = np.cos(np.radians(30))
WAVES = 2.4 / np.arange(2, 8)  # micrometres
DISPERSION = 0.0088 + 1.05e-4 / WAVES**2  # of quartz, roughly; without it everything would repeat every 267 um


def stokes(first, second, colour):
    """(..., 3) what comes out of plates this thick."""
    a, b = (2 * np.pi * DISPERSION[colour] * d / WAVES[colour] for d in (first, second))
    return np.stack([np.sin(a) * np.sin(b), np.cos(a) + 0 * b, -np.sin(a) * np.cos(b)], -1)


rng = np.random.default_rng(0)
targets = rng.normal(size=(len(WAVES), 3))
targets /= np.linalg.norm(targets, axis=1, keepdims=True)
thick = np.linspace(0, MOST, GRID)

began = time.perf_counter()
worst = np.ones((GRID, GRID), np.float32)  # of all colours so far, the cosine with the target
print("colours  thicknesses within 30 degrees  were they spread evenly  best")
for colour, target in enumerate(targets):
    a, b = (2 * np.pi * DISPERSION[colour] * thick / WAVES[colour] for _ in range(2))
    first = np.sin(a)[:, None] * (target[0] * np.sin(b) - target[2] * np.cos(b)) + target[1] * np.cos(a)[:, None]
    np.minimum(worst, first, out=worst, casting="same_kind")
    chance = GRID**2 * ((1 - CLOSE) / 2) ** (colour + 1)
    degrees = np.degrees(np.arccos(worst.max()))
    print(f"{colour + 1:7d}  {int((worst >= CLOSE).sum()):30d}  {chance:23.0f}  {degrees:.1f} degrees")
i, j = np.unravel_index(worst.argmax(), worst.shape)
took = time.perf_counter() - began
print(f"scan: {GRID**2} pairs in {took:.2f} s; {thick[i]:.0f} and {thick[j]:.0f} um, exact to the step")


def cost(d):
    return -min(float(stokes(d[0], d[1], colour) @ targets[colour]) for colour in range(len(WAVES)))


began = time.perf_counter()
found = dual_annealing(cost, [(0, MOST)] * 2, maxiter=20_000, maxfun=80_000, seed=0, no_local_search=True)
off = np.degrees(np.arccos(-found.fun))
print(f"annealing: {found.nfev} pairs in {time.perf_counter() - began:.2f} s; {off:.1f} degrees, and no proof of it")
