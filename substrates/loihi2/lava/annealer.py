"""The annealing program through Lava: the target ``lava-sim`` for QUBO problems.

Same problem, schedule and seed give the same flips and the same ledger as `substrates.loihi2.annealing.Loihi2Annealer`,
step by step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.later import Later
from hw_profiles.ledger import Ledger, Phase
from substrates.base import AnnealingSubstrate, AnnealResult, Capabilities
from substrates.loihi2.annealing import Loihi2Annealer, Schedule, Settings
from substrates.loihi2.annealing.layout import Layout
from substrates.loihi2.annealing.program import (
    INTEGRATOR,
    VARIABLES,
    annealing_program,
    digits,
    read_out,
    time_steps,
)
from substrates.loihi2.engine.counts import count
from substrates.loihi2.lava.run import run_here
from substrates.loihi2.lava.watchdog import DEFAULT_TIMEOUT_S, LavaSession
from substrates.loihi2.neurons.cost_integrator import join_cost
from substrates.loihi2.program import Placement, Program

__all__ = ["AnnealTrace", "LavaAnnealer", "anneal_here"]

I64 = npt.NDArray[np.int64]


@dataclass(frozen=True)
class AnnealTrace:
    """One anneal on Lava, step by step and as read back at its end.

    Attributes:
        x: (steps + 1, n) uint8, assignments before the first and after every algorithmic step.
        u: (steps, n) the neurons' states when they were tested.
        temperatures: (steps,) as the neurons saw them.
        best: (n,) read back from the neurons' latches.
        best_cost, best_step: read back from the integrator.
        sent: per outlet of the program, how often each neuron sent.
    """

    x: npt.NDArray[np.uint8]
    u: npt.NDArray[np.int32]
    temperatures: npt.NDArray[np.int32]
    best: npt.NDArray[np.uint8]
    best_cost: int
    best_step: int
    sent: dict[str, I64]


def anneal_here(
    matrix: Any,
    diagonal: I64,
    temperatures: npt.NDArray[np.integer[Any]],
    seed: int,
    settings: Settings,
    start: npt.NDArray[np.uint8] | None = None,
) -> AnnealTrace:
    """Anneal once in this process, unwatched; see `annealing_program` for the arguments."""
    program = annealing_program(matrix, diagonal, temperatures, seed, settings, start)
    n, steps, hold = diagonal.size, len(temperatures), settings.hardware_steps
    run = run_here(program, time_steps(settings, steps), "lava-sim", "taps")
    x0 = np.zeros(n, np.uint8) if start is None else np.asarray(start, np.uint8)
    seen, read = run.states[VARIABLES], {name: int(value[0]) for name, value in run.final[INTEGRATOR].items()}
    return AnnealTrace(
        x=np.concatenate([x0[None, :], seen["history"][hold - 1 :: hold][:steps] & 1]).astype(np.uint8),
        u=seen["u"][::hold][:steps],
        temperatures=seen["temperature"][::hold][:steps, 0],
        best=run.final[VARIABLES]["best"].astype(np.uint8),
        best_cost=join_cost(read["least_first"], read["least_last"]),
        best_step=read["best_step"],
        sent=run.sent,
    )


class LavaAnnealer(AnnealingSubstrate[Schedule]):
    """Anneals through Lava's CPU runtime, watched: the target ``lava-sim`` for QUBO problems.

    It takes and gives what `substrates.loihi2.annealing.Loihi2Annealer` does; it is there to check that, not for speed.

    Args:
        indptr, indices, weights: off-diagonal of Q in CSR form, symmetric, integer.
        diagonal: (n,) integer.
        settings: scheme and open choices.

    Raises:
        InputError: weights that the chip cannot store as they are.
    """

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        weights: npt.ArrayLike,
        diagonal: npt.ArrayLike,
        settings: Settings | None = None,
    ) -> None:
        from scipy.sparse import csr_matrix

        self._engine = Loihi2Annealer(indptr, indices, weights, diagonal, settings)
        self.settings = replace(self._engine.settings, exponent=self._engine.exponent)
        self.diagonal = np.atleast_1d(np.asarray(diagonal)).astype(np.int64)
        self.n = self.diagonal.size
        values = np.asarray(weights, np.int64)
        if values.size:
            digits(values)
        self.matrix = csr_matrix((values, np.asarray(indices), np.asarray(indptr)), shape=(self.n, self.n))

    def temperature_range(self) -> tuple[int, int]:
        """(high, low) for this problem, as the engine finds it."""
        return self._engine.temperature_range()

    @property
    def pattern(self) -> Program:
        """The program, without weights: for placing and counting."""
        return self._engine.pattern

    @property
    def layout(self) -> Layout:
        """The problem's arrays."""
        return self._engine.layout

    @property
    def stored(self) -> Later[Program]:
        """`pattern`, made when it is first asked for."""
        return self._engine.stored

    @property
    def placement(self) -> Placement | None:
        """Cores of `pattern`, as for the engine's annealer."""
        return self._engine.placement

    @placement.setter
    def placement(self, placement: Placement | None) -> None:
        self._engine.placement = placement

    def place_later(self, placement: Later[Placement | None]) -> None:
        """Set `placement` to what is made when the counts are first looked at."""
        self._engine.place_later(placement)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("lava-sim", integer=True)

    def anneal(
        self,
        schedule: Schedule,
        seeds: Sequence[int] | npt.NDArray[np.uint64],
        *,
        steps: int | None = None,
        target_cost: int | None = None,
        timeout_s: float | None = None,
        start: npt.NDArray[np.uint8] | None = None,
        threads: int = 1,
        should_stop: Callable[[], bool] | None = None,
    ) -> AnnealResult:
        """Anneal once per seed for ``steps`` (or the schedule's length) algorithmic steps.

        Lava cannot be stopped by a cost or a clock inside a run: ``target_cost`` skips the reads after the one that
        reached it, and ``timeout_s`` is the time after which a read counts as hung. ``should_stop`` is asked between
        reads; ``threads`` changes nothing.

        Raises:
            InputError: no number of steps.
            LavaWorkerError: Lava died or did not answer in time.
        """
        count = schedule.length if steps is None else steps
        if count is None or count < 0:
            raise InputError("the target lava-sim needs a number of steps; a timeout alone cannot stop Lava")
        temperatures = np.asarray(schedule.temperatures(0, count))
        traces: list[AnnealTrace] = []
        wall = []
        with LavaSession() as session:
            for read, seed in enumerate(seeds):
                clock = time.perf_counter_ns()
                traces.append(
                    session.call(
                        anneal_here, self.matrix, self.diagonal, temperatures, int(seed), self.settings,
                        None if start is None else start[read], timeout_s=timeout_s or DEFAULT_TIMEOUT_S,
                    )
                )  # fmt: skip
                wall.append(time.perf_counter_ns() - clock)
                if target_cost is not None and traces[-1].best_cost <= target_cost:
                    break
                if should_stop is not None and should_stop():
                    break
        return AnnealResult(
            np.stack([trace.best for trace in traces]) if traces else np.zeros((0, self.n), np.uint8),
            np.array([trace.best_cost for trace in traces], np.int64),
            np.full(len(traces), count, np.int64),
            np.array([trace.best_step for trace in traces], np.int64),
            tuple(np.array([[trace.best_step, trace.best_cost]], np.int64) for trace in traces),
            np.array(wall, np.int64),
            self._ledger(traces, count),
        )

    def _ledger(self, traces: Sequence[AnnealTrace], steps: int) -> Ledger:
        """What Lava's processes sent, counted."""
        if not traces:
            return Ledger()
        total = {o: np.sum([trace.sent[o] for trace in traces], axis=0) for o in traces[0].sent}
        taken = len(traces) * time_steps(self.settings, steps)
        reads = read_out(self.n, len(traces))
        return count(self._engine.pattern, self.placement, total, taken, reads=reads, phase=Phase.ANNEAL)
