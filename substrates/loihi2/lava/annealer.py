"""The annealer as a Lava network: variable neurons, temperature neuron, cost integrator, and the synapses between.

    variables --s_wta--> Sparse Q (off-diagonal) --> variables          changes of the neighbours
    variables --suggest--> Sparse 1[Q != 0] --> variables               two-phase only: rivals
    temperature --> Dense ones --> variables                            changes of the temperature
    variables --s_sig--> Dense ones --> cost integrator                 cost shares
    cost integrator --latch--> Dense ones --> variables                 "that was the best": they keep it

Same problem, schedule and seed give the same flips as `substrates.loihi2.annealing.Loihi2Annealer`, step by step.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.base import AnnealingSubstrate, AnnealResult, Capabilities
from substrates.loihi2.annealing import Loihi2Annealer, Schedule, Settings, kernel
from substrates.loihi2.annealing.anneal_state import chip_ledger
from substrates.loihi2.lava.loader import lava_module
from substrates.loihi2.lava.taps import Tap, tapped_configuration
from substrates.loihi2.lava.watchdog import DEFAULT_TIMEOUT_S, LavaSession
from substrates.loihi2.weights import WeightFormat
from substrates.loihi2.widths import MESSAGE_BITS

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
        flips, suggestions: messages sent.
        flip_synapses, suggestion_synapses: synapses they went through.
    """

    x: npt.NDArray[np.uint8]
    u: npt.NDArray[np.int32]
    temperatures: npt.NDArray[np.int32]
    best: npt.NDArray[np.uint8]
    best_cost: int
    best_step: int
    flips: int
    suggestions: int
    flip_synapses: int
    suggestion_synapses: int


def anneal_here(
    matrix: Any,
    diagonal: I64,
    temperatures: npt.NDArray[np.integer[Any]],
    seed: int,
    settings: Settings,
    start: npt.NDArray[np.uint8] | None = None,
) -> AnnealTrace:
    """Anneal once in this process, unwatched; one algorithmic step per temperature.

    Args:
        matrix: (n, n) SciPy sparse off-diagonal of Q, symmetric, weights the chip can store.
        diagonal: (n,) integers.
        temperatures: (steps,) integers; none runs no step.
        seed: of the random numbers.
        settings: scheme and the open choices of the specification.
        start: (n,) first assignment; zeros when None.
    """
    processes = lava_module("substrates.loihi2.lava.processes")
    n, steps = diagonal.size, len(temperatures)
    two_phase = settings.scheme == "two-phase"
    hold = 2 if two_phase else 1
    x0 = np.zeros(n, np.int64) if start is None else np.asarray(start, np.int64)
    u0 = np.asarray(matrix @ x0).ravel().astype(np.int64)
    cost0 = int((x0 * (diagonal + u0)).sum())
    series = np.asarray(temperatures if steps else [0], np.int64)
    kind = processes.TwoPhaseAnnealing if two_phase else processes.RefractoryAnnealing
    variables = kind(
        shape=(n,), cost_diagonal=diagonal, max_temperature=int(series[0]), start=x0, state=u0,
        best=x0 if cost0 <= 0 else 0 * x0, seed=int(seed), settings=settings, algorithmic_steps=steps,
    )  # fmt: skip
    integrator = processes.CostIntegrator(min_cost=min(cost0, 0), hold=hold)
    _wire(variables, integrator, processes.Temperature(series=series, hold=hold), matrix, n)
    # the cost of the last assignment takes three more time steps: out, into the integrator, latch back
    time_steps = hold * steps + 3
    tap = Tap(("spk_hist", "state", "temperature"), time_steps, n, port="s_wta_out")
    suggest = Tap((), time_steps, n, port="suggest_switch_out")
    configuration = tapped_configuration({variables: [tap, suggest] if two_phase else [tap]})
    variables.run(
        condition=lava_module("lava.magma.core.run_conditions").RunSteps(num_steps=time_steps), run_cfg=configuration
    )
    try:
        best = np.rint(variables.best.get()).astype(np.uint8)
        first, last = (int(v.get()[0]) for v in (integrator.cost_min_first_byte, integrator.cost_min_last_bytes))
        best_step = int(integrator.best_step.get()[0])
    finally:
        variables.stop()
    seen = tap.states()
    after = seen["spk_hist"][hold - 1 :: hold][:steps] & 1
    flipped, suggested = ((t.messages() != 0).sum(0) for t in (tap, suggest))
    fan_out = np.diff(matrix.indptr)
    return AnnealTrace(
        x=np.concatenate([x0[None, :], after]).astype(np.uint8),
        u=seen["state"][::hold][:steps],
        temperatures=seen["temperature"][::hold][:steps, 0],
        best=best,
        best_cost=(first << 24) + last,
        best_step=best_step,
        flips=int(flipped.sum()),
        suggestions=int(suggested.sum()),
        flip_synapses=int((flipped * fan_out).sum()),
        suggestion_synapses=int((suggested * fan_out).sum()),
    )


def _stored(weights: I64) -> tuple[I64, int]:
    """(mantissas, exponent) that hold ``weights`` exactly: mixed signs hold even numbers only, so odd ones are doubled.

    Raises:
        InputError: the chip's synapses cannot hold them.
    """
    try:
        if (WeightFormat().store(weights)[0] == weights).all():
            return weights, 0
        if (WeightFormat().store(2 * weights)[0] == 2 * weights).all():
            return 2 * weights, -1
    except InputError:
        pass
    raise InputError(
        f"couplings from {weights.min()} to {weights.max()} do not fit eight-bit synapses as they are: one sign holds "
        "-255 to 255, mixed signs all numbers from -128 to 127 and even ones from -256 to 254; quantise the problem"
    )


def _wire(variables: Any, integrator: Any, temperature: Any, matrix: Any, n: int) -> None:
    from scipy.sparse import csr_matrix

    dense = lava_module("lava.proc.dense.process").Dense
    sparse = lava_module("lava.proc.sparse.process").Sparse

    def join(out: Any, connection: Any, into: Any) -> None:
        out.connect(connection.s_in)
        connection.a_out.connect(into)

    weights = csr_matrix(matrix, dtype=np.int64)
    if weights.nnz:
        mantissas, exponent = _stored(weights.data)
        stored = csr_matrix((mantissas, weights.indices, weights.indptr), weights.shape)
        join(
            variables.s_wta_out,
            sparse(weights=stored, weight_exp=exponent, num_message_bits=MESSAGE_BITS),
            variables.a_in,
        )
        if hasattr(variables, "suggest_switch_out"):
            conflicts = csr_matrix((np.ones_like(weights.data), weights.indices, weights.indptr), weights.shape)
            join(variables.suggest_switch_out, sparse(weights=conflicts), variables.n_switches_in)
    ones = np.ones((n, 1), np.int64)
    graded = {"num_message_bits": MESSAGE_BITS}
    join(temperature.delta_temperature_out, dense(weights=ones, **graded), variables.delta_temperature_in)
    join(variables.s_sig_out, dense(weights=ones.T, **graded), integrator.cost_in)
    join(integrator.latch_out, dense(weights=ones), variables.latch_in)


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
            _stored(values)
        self.matrix = csr_matrix((values, np.asarray(indices), np.asarray(indptr)), shape=(self.n, self.n))

    def temperature_range(self) -> tuple[int, int]:
        """(high, low) for this problem, as the engine finds it."""
        return self._engine.temperature_range()

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
        """What the engine counts for the same reads, from what Lava's processes sent."""
        ledger = Ledger()
        for trace in traces:
            counters = np.zeros(kernel.COUNTERS, np.int64)
            counters[kernel.STEP] = steps
            counters[kernel.SUGGESTIONS], counters[kernel.FLIPS] = trace.suggestions, trace.flips
            counters[kernel.SUGGESTED_SYNAPSES] = trace.suggestion_synapses
            counters[kernel.FLIPPED_SYNAPSES] = trace.flip_synapses
            counters[kernel.SHARES] = int(trace.x[1:].sum(dtype=np.int64))
            ledger.merge(chip_ledger(counters, self.settings, self.n))
        return ledger
