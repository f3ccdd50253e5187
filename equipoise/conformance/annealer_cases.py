"""Random annealing problems: the engine's event-driven kernel against a Lava network, flip by flip.

The engine evaluates only neurons that can pass their test, in blocks of 64, with energies kept up to date; the Lava
network lets every neuron see every step, and finds the best assignment by cost integrator and latch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.conformance.case import Case, Outcome, compare
from hw_profiles.errors import TargetUnavailableError
from substrates.loihi2.annealing.annealer import read_class
from substrates.loihi2.annealing.layout import Layout
from substrates.loihi2.annealing.read import NO_TARGET
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.lava.annealer import anneal_here
from substrates.loihi2.lava.run import LavaTarget
from substrates.loihi2.lava.watchdog import LavaSession

__all__ = ["AnnealingCase", "eviction", "nebm", "refractory", "two_phase"]

Rng = np.random.Generator


@dataclass
class AnnealingCase(Case):
    """A problem, a series of temperatures, and the open choices of the specification."""

    matrix: Any  #: SciPy CSR off-diagonal
    diagonal: npt.NDArray[np.int64]
    temperatures: npt.NDArray[np.int32]
    seed: int
    settings: Settings
    start: npt.NDArray[np.uint8]

    def run(self, session: LavaSession, target: LavaTarget, timeout_s: float) -> Outcome:
        if target != "lava-sim":
            raise TargetUnavailableError("annealers are compared from inside, which the chip does not allow")
        theirs = session.call(
            anneal_here, self.matrix, self.diagonal, self.temperatures, self.seed, self.settings, self.start,
            timeout_s=timeout_s,
        )  # fmt: skip
        q = self.matrix
        layout = Layout.build(q.indptr, q.indices, q.data, self.diagonal)
        read = read_class(self.settings)(layout, self.seed, self.settings, self.start, self.settings.exponent or 0)
        x, u = [], []
        for t in range(len(self.temperatures)):
            u.append(read.inputs())
            read.advance(self.temperatures[t : t + 1], NO_TARGET)
            x.append(read.x())
        outcome = Outcome(len(self.temperatures))
        compare(outcome, "x", np.array(x), theirs.x[1:])
        compare(outcome, "u", np.array(u), theirs.u)
        compare(outcome, "temperature", self.temperatures, theirs.temperatures)
        # costs above zero are never reported by the integrator: no assignment costs nothing
        if read.best_cost <= 0:
            compare(outcome, "best cost", np.array([read.best_cost]), np.array([theirs.best_cost]))
            if read.best_cost < 0:
                compare(outcome, "best assignment", read.best_state()[None], theirs.best[None])
        return outcome


def _case(rng: Rng, steps: int, scheme: str) -> AnnealingCase:
    from scipy.sparse import csr_matrix

    n = int(rng.integers(2, 100))
    pairs = np.triu(rng.random((n, n)) < rng.uniform(0.02, 0.6), 1)
    weights = pairs * (rng.integers(-127, 128, (n, n)) if rng.integers(2) else rng.integers(1, 256, (n, n)))
    diagonal = rng.integers(-600, 200, n).astype(np.int64)
    settings = Settings(
        scheme,
        random_bits=int(rng.choice([1, 8, 16, 32])),
        strict=bool(rng.integers(2)),
        switch_bits=int(rng.choice([4, 8, 16])),
        refractory_scaling=int(rng.integers(2, 7)),
        initial_rest=bool(rng.integers(2)),
        refract=5,
        exponent=int(rng.integers(-2, 3)),
    )
    temperatures = np.sort(rng.integers(0, 800, steps))[::-1].astype(np.int32)
    start = (rng.random(n) < 0.3 * rng.integers(2)).astype(np.uint8)
    seed = int(rng.integers(2**63))
    return AnnealingCase(csr_matrix(weights + weights.T), diagonal, temperatures, seed, settings, start)


def eviction(rng: Rng, steps: int) -> AnnealingCase:
    """Turn on, and the neighbours go off: a packing with weights of its own for every vertex, or with equal ones."""
    case = _case(rng, steps, "eviction")
    n = len(case.diagonal)
    case.diagonal = -(rng.integers(1, 300, n) if rng.integers(2) else np.full(n, rng.integers(1, 256)))
    case.matrix.data = np.full(case.matrix.nnz, 200, np.int64)
    return case


def two_phase(rng: Rng, steps: int) -> AnnealingCase:
    """Suggest, then switch."""
    return _case(rng, steps, "two-phase")


def refractory(rng: Rng, steps: int) -> AnnealingCase:
    """Flip, then rest."""
    return _case(rng, steps, "refractory")


def nebm(rng: Rng, steps: int) -> AnnealingCase:
    """Draw from the heat bath, then hold."""
    return _case(rng, steps, "nebm")
