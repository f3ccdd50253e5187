"""The lottery by relaxing: chances and prices are voltages of a circuit that rests at the linear program's answer.

With all rows A x <= b (fairness, one place each, capacities) divided by their norms and u by its largest value,

    y = max(0, l + rho (A x - b))        dx/dt = u - A^T y,  0 <= x <= 1        dl/dt = rho (A x - b),  l >= 0

the gradient flow of the augmented Lagrangian: one crossbar read from both sides, an integrator for every chance and for
every price, rectifiers at both. At rest x is best and l are the prices. Source: Rockafellar's augmented Lagrangian for
inequalities (1973), run in continuous time as Tank & Hopfield (1986) ran penalties.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.sparse import csr_array

from equipoise.workloads.matching.fairness import F64, Market
from equipoise.workloads.relaxing import count_settling
from hw_profiles.ledger import Ledger, Phase

__all__ = ["DT", "relaxed"]

RHO = 5.0
DT = 0.02  #: time constants of a step of the simulation: rho |A|^2 dt stays below one


def relaxed(market: Market, settling: float) -> tuple[F64, Ledger]:
    """((n, m) chances after ``settling`` time constants from zero, what it took)."""
    n, m = market.shape
    rows = np.concatenate([market.rows, np.kron(np.eye(n), np.ones(m)), np.kron(np.ones(n), np.eye(m))])
    bounds = np.concatenate([np.zeros(len(market.rows)), np.ones(n), market.capacity])
    norms = np.linalg.norm(rows, axis=1)
    rows, bounds = rows / norms[:, None], bounds / norms
    largest = float(np.linalg.eigvalsh(rows.T @ rows)[-1])
    forth, back = csr_array(rows), csr_array(rows.T)  # most chances are in few rows
    utility = market.utility.ravel() / np.abs(market.utility).max()
    dt = min(DT, 0.5 / (RHO * largest))
    x, prices = np.zeros(n * m), np.zeros(len(rows))
    for _ in range(math.ceil(settling / dt)):
        excess = RHO * (forth @ x - bounds)
        x = np.clip(x + dt * (utility - back @ np.maximum(prices + excess, 0.0)), 0.0, 1.0)
        prices = np.maximum(prices + dt * excess, 0.0)
    ledger = Ledger()
    count_settling(
        ledger, "lottery", settling, runs=1, cells=2 * rows.size, units=len(x) + len(prices), read=len(x),
        phase=Phase.FREE,
    )  # fmt: skip
    return x.reshape(n, m), ledger
