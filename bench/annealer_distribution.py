"""How far the annealing neurons are from the Boltzmann distribution at a fixed temperature, exactly, as a table.

    python bench/annealer_distribution.py

Stationary distributions of the exact chains (`equipoise.testing.chains`; no sampling) of random problems with
couplings from -3 to 3: total variation from 2^(-c/T), and, after the slash, the temperature whose Boltzmann
distribution is nearest, over T, with the distance from that one in brackets. Means over the problems, medians of the
temperatures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from equipoise.testing.chains import (
    assignments,
    boltzmann,
    distance,
    effective_temperature,
    single_flip_matrix,
    stationary,
    step_matrix,
)
from substrates.loihi2.annealing import Settings

TEMPERATURES = (1, 2, 4, 8, 16)
OPEN = Settings(strict=False)
SHORT_RESTS = Settings("refractory", refractory_scaling=6)


def problem(seed: int, n: int, size: int = 3) -> Any:
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.integers(-size, size + 1, (n, n)) * (rng.random((n, n)) < 0.7), 1)
    return upper + upper.T + np.diag(rng.integers(-2 * size, 2 * size + 1, n))


def cell(chain: Callable[[Any, int], Any], n: int, count: int, t: int) -> str:
    far, nearest, rest = [], [], []
    for seed in range(100, 100 + count):
        q = problem(seed, n)
        p = assignments(stationary(chain(q, t)), n)
        near = effective_temperature(q, p)
        far.append(distance(p, boltzmann(q, t)))
        nearest.append(near / t)
        rest.append(distance(p, boltzmann(q, near)))
    return f"{np.mean(far):.2f} / {np.median(nearest):.1f} ({np.mean(rest):.2f})"


ROWS: tuple[tuple[str, Callable[[Any, int], Any], int, int], ...] = (
    ("one neuron at a time, not strict", lambda q, t: single_flip_matrix(q, t, OPEN), 6, 20),
    ("one neuron at a time, strict", lambda q, t: single_flip_matrix(q, t, Settings()), 6, 20),
    ("two-phase, not strict", lambda q, t: step_matrix(q, t, OPEN), 6, 20),
    ("two-phase, strict (default)", lambda q, t: step_matrix(q, t, Settings()), 6, 20),
    ("all at once, strict", lambda q, t: step_matrix(q, t, Settings("refractory", refractory_scaling=8)), 6, 20),
    ("two-phase, strict, 3 variables", lambda q, t: step_matrix(q, t, Settings()), 3, 6),
    ("refractory, rests 0 to 3, 3 variables", lambda q, t: step_matrix(q, t, SHORT_RESTS), 3, 6),
    ("refractory, rests 0 to 15 (default), 3 variables", lambda q, t: step_matrix(q, t, Settings("refractory")), 3, 6),
)  # fmt: skip


def main() -> None:
    print("| chain | " + " | ".join(f"T = {t}" for t in TEMPERATURES) + " |")
    print("|" + "---|" * (len(TEMPERATURES) + 1))
    for name, chain, n, count in ROWS:
        print(f"| {name} | " + " | ".join(cell(chain, n, count, t) for t in TEMPERATURES) + " |", flush=True)


if __name__ == "__main__":
    main()
