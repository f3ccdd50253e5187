"""The Loihi 2 annealer: one neuron per binary variable, exactly as the chip would step it, event-driven.

Cost c(x) = x^T Q x with Q symmetric and integer; neuron i holds u_i = sum_j Q_ij x_j and flips with energy
dE_i = (1 - 2 x_i)(Q_ii + 2 u_i). Source: Pierro et al., arXiv 2408.03076; the integer specification is
docs/loihi2_arithmetic.md.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from substrates.base import AnnealingSubstrate, AnnealResult, Capabilities
from substrates.loihi2.annealing.kernel import BLOCK, NEVER, refractory, two_phase
from substrates.loihi2.annealing.schedule import Schedule
from substrates.loihi2.annealing.temperature import temperature_range
from substrates.loihi2.random import stream_key

__all__ = ["SCHEMES", "Loihi2Annealer", "Settings"]

SCHEMES = ("two-phase", "refractory")
STATE_MAX = 2**23 - 1  #: largest magnitude of the neurons' 24-bit state
DENSE_ABOVE = 0.25  #: density from which whole rows are updated


@dataclass(frozen=True)
class Settings:
    """The open choices of the integer specification, with their measured defaults.

    Attributes:
        scheme: ``two-phase`` (suggest, then switch; two hardware steps) or ``refractory`` (one).
        random_bits: width k of the random number whose leading zeros are counted; dE > k T is never accepted.
        strict: accept dE < T clz only (the default accepts equality).
        refractory_scaling: after a flip a neuron rests rand8 >> scaling steps.
    """

    scheme: str = "two-phase"
    random_bits: int = 16
    strict: bool = False
    refractory_scaling: int = 4

    def __post_init__(self) -> None:
        if self.scheme not in SCHEMES:
            raise InputError(f"no scheme {self.scheme!r}; there are {', '.join(SCHEMES)}")
        if not 1 <= self.random_bits <= 32:
            raise InputError(f"random_bits must be 1 to 32, got {self.random_bits}")
        if not 0 <= self.refractory_scaling <= 8:
            raise InputError(f"refractory_scaling must be 0 to 8, got {self.refractory_scaling}")


class Loihi2Annealer(AnnealingSubstrate):
    """Holds one problem and anneals it.

    Args:
        indptr, indices, weights: the off-diagonal of Q in CSR form, symmetric, integer.
        diagonal: (n,) integer.
        settings: see `Settings`.

    Raises:
        InputError: shapes disagree, or a neuron's state could leave its 24 bits.
    """

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        weights: npt.ArrayLike,
        diagonal: npt.ArrayLike,
        settings: Settings | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.indptr = np.ascontiguousarray(indptr, np.int64)
        self.indices = np.ascontiguousarray(indices, np.int32)
        self.weights = np.ascontiguousarray(weights, np.int32)
        self.diagonal = np.ascontiguousarray(diagonal, np.int64)
        self.n = len(self.diagonal)
        if self.n == 0 or len(self.indptr) != self.n + 1 or len(self.indices) != len(self.weights):
            raise InputError("a problem needs at least one variable, and CSR arrays that agree with each other")
        reach = np.zeros(self.n + 1, np.int64)
        reach[1:] = np.cumsum(
            np.add.reduceat(
                np.abs(np.append(self.weights, 0)).astype(np.int64), np.minimum(self.indptr[:-1], len(self.weights))
            )
            * (np.diff(self.indptr) > 0)
        )
        worst = int((np.diff(reach) * 2 + np.abs(self.diagonal)).max())
        if worst > STATE_MAX:
            raise InputError(f"a flip energy may reach {worst}, beyond the 24-bit state's {STATE_MAX}; scale Q down")
        density = len(self.weights) / max(self.n * (self.n - 1), 1)
        self._padded = -(-self.n // BLOCK) * BLOCK
        self._dense = np.zeros((0, 0), np.int32)
        if density > DENSE_ABOVE and self.n <= 8192:
            self._dense = np.zeros((self.n, self._padded), np.int32)
            rows = np.repeat(np.arange(self.n), np.diff(self.indptr))
            self._dense[rows, self.indices] = self.weights

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("loihi2-sim", integer=True)

    def temperature_range(self) -> tuple[float, float]:
        """(high, low) of the problem, from the flip energies of a greedily found local minimum."""
        x, energy, _ = self._start(None)
        run = _Run(self, np.uint64(0), x, energy, 0, -(2**62))
        run.advance(np.zeros(min(4 * self.n + 100, 20000), np.int32), Settings("two-phase"))
        return temperature_range(run.energy[: self.n].astype(np.int64))

    def cost(self, x: npt.NDArray[np.uint8]) -> int:
        """x^T Q x in integers."""
        on = np.flatnonzero(x)
        rows = np.repeat(np.arange(self.n), np.diff(self.indptr))
        pair = np.asarray(x[rows], np.int64) * x[self.indices] * self.weights
        return int(self.diagonal[on].sum() + pair.sum())

    def _start(self, x: npt.NDArray[np.uint8] | None) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], int]:
        state = np.zeros(self.n, np.uint8) if x is None else np.ascontiguousarray(x, np.uint8).copy()
        rows = np.repeat(np.arange(self.n), np.diff(self.indptr))
        u = np.bincount(rows, self.weights * state[self.indices].astype(np.float64), self.n).astype(np.int64)
        energy = np.full(self._padded, NEVER, np.int32)
        energy[: self.n] = (1 - 2 * state.astype(np.int64)) * (self.diagonal + 2 * u)
        return state, energy, self.cost(state)

    def anneal(  # type: ignore[override]
        self,
        schedule: Schedule,
        seeds: Sequence[int] | npt.NDArray[np.uint64],
        *,
        steps: int | None = None,
        target_cost: int | None = None,
        timeout_s: float | None = None,
        threads: int = 1,
        start: npt.NDArray[np.uint8] | None = None,
        chunk: int = 4096,
    ) -> AnnealResult:
        """Anneal once per seed; each read ends at ``steps``, ``timeout_s`` or ``target_cost``, whichever is first.

        The trajectory depends on the seed and the schedule alone; a limit only says where it ends.
        """
        if steps is None:
            steps = schedule.length
        if steps is None and timeout_s is None:
            raise InputError("give a number of steps or a timeout: this schedule has no end")
        if steps is not None and steps < 0:
            raise InputError(f"the number of steps cannot be negative, got {steps}")
        target = -(2**62) if target_cost is None else int(target_cost)

        def one(read: int) -> _Run:
            x, energy, cost = self._start(None if start is None else start[read])
            run = _Run(self, stream_key(int(seeds[read]), "anneal"), x, energy, cost, target)
            clock = time.perf_counter_ns()
            deadline = None if timeout_s is None else clock + int(timeout_s * 1e9)
            size = min(chunk, 256) if deadline else chunk
            while (steps is None or run.step < steps) and run.best_cost > target:
                if deadline is not None and time.perf_counter_ns() >= deadline:
                    break
                count = size if steps is None else min(size, steps - run.step)
                run.advance(schedule.temperatures(run.step, count), self.settings)
            run.wall_ns = time.perf_counter_ns() - clock
            return run

        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                runs = list(pool.map(one, range(len(seeds))))
        else:
            runs = [one(read) for read in range(len(seeds))]
        ledger = Ledger()
        for run in runs:
            ledger.merge(run.ledger(self.settings))
        return AnnealResult(
            np.stack([run.best for run in runs]) if runs else np.zeros((0, self.n), np.uint8),
            np.array([run.best_cost for run in runs], np.int64),
            np.array([run.step for run in runs], np.int64),
            np.array([run.best_step for run in runs], np.int64),
            tuple(np.concatenate(run.trace) if run.trace else np.zeros((0, 2), np.int64) for run in runs),
            np.array([run.wall_ns for run in runs], np.int64),
            ledger,
        )


class _Run:
    """The evolving state of one read."""

    def __init__(
        self,
        annealer: Loihi2Annealer,
        key: np.uint64,
        x: npt.NDArray[np.uint8],
        energy: npt.NDArray[np.int32],
        cost: int,
        target: int,
    ) -> None:
        self.annealer, self.key, self.x, self.energy, self.cost, self.target = annealer, key, x, energy, cost, target
        padded = len(energy)
        self.sign = np.ones(padded, np.int32)
        self.sign[: len(x)] -= 2 * x.astype(np.int32)
        self.best = x.copy()
        self.best_cost = cost
        self.best_step = 0
        self.step = 0
        self.wall_ns = 0
        self.trace: list[npt.NDArray[np.int64]] = [np.array([[0, cost]], np.int64)]
        self.counts = np.zeros(4, np.int64)
        self._suggested = np.zeros(2 * padded, np.int64)
        self._marked = np.zeros(padded, np.int64)
        self._improvements = np.zeros((4096, 2), np.int64)

    def advance(self, temperatures: npt.NDArray[np.int32], settings: Settings) -> None:
        """Do one step per temperature."""
        a = self.annealer
        head = (
            self.x, self.sign, self.energy, a.indptr, a.indices, a.weights, a._dense, temperatures, self.step,
            self.key, settings.random_bits, settings.strict, self.cost, self.best_cost, self.best_step, self.best,
            self.target, self._suggested, self._marked,
        )  # fmt: skip
        if settings.scheme == "two-phase":
            out = two_phase(*head, self._improvements, self.counts)
        else:
            out = refractory(*head, settings.refractory_scaling, self._improvements, self.counts)
        done, self.cost, self.best_cost, self.best_step, found = out
        self.step += done
        if found:
            self.trace.append(self._improvements[:found].copy())

    def ledger(self, settings: Settings) -> Ledger:
        """What the chip would have counted: every neuron steps every time step, skipped here or not."""
        suggestions, flips, suggested_synapses, flipped_synapses = (int(c) for c in self.counts)
        n, phases = self.annealer.n, 2 if settings.scheme == "two-phase" else 1
        ledger = Ledger()
        for phase, sent, synapses in (
            ("suggest", suggestions, suggested_synapses),
            ("switch", flips, flipped_synapses),
        ):
            if phases == 1 and phase == "suggest":
                continue
            ledger.add(Event.STEPS, self.step, component="annealer", phase=phase)
            ledger.add(Event.NEURON_UPDATES_ACTIVE, sent, component="variables", phase=phase)
            ledger.add(Event.NEURON_UPDATES_INACTIVE, self.step * n - sent, component="variables", phase=phase)
            ledger.add(Event.MESSAGES, sent, component="variables", phase=phase)
            ledger.add(Event.SYNAPTIC_OPERATIONS, synapses, component="variables", phase=phase)
        # Every flip also sends its change of cost to the integrator, which steps along.
        ledger.add(Event.SYNAPTIC_OPERATIONS, flips, component="cost integrator", phase="switch")
        ledger.add(Event.NEURON_UPDATES_INACTIVE, self.step * phases * 2, component="cost integrator and temperature")
        return ledger
