"""The Loihi 2 annealer: one neuron per binary variable, exactly as the chip would step it, event-driven.

Cost c(x) = x^T Q x with Q symmetric and integer. Source: Pierro et al., arXiv 2408.03076; the integer specification is
`substrates.loihi2.annealing.specification`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.later import Later
from hw_profiles.ledger import Ledger, Phase
from substrates.base import AnnealingSubstrate, AnnealResult, Capabilities
from substrates.loihi2.annealing.eviction_state import EvictionRead
from substrates.loihi2.annealing.layout import Layout
from substrates.loihi2.annealing.metropolis_state import MetropolisRead
from substrates.loihi2.annealing.nebm_state import NebmRead
from substrates.loihi2.annealing.packing import HEATS, check_packing, couplings
from substrates.loihi2.annealing.program import pattern_program, read_out, time_steps
from substrates.loihi2.annealing.read import NO_TARGET, Read
from substrates.loihi2.annealing.schedule import Linear, Reanneal, Schedule
from substrates.loihi2.annealing.schemes import SCHEMES
from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.temperature_range import temperature_range
from substrates.loihi2.annealing.tempering import Replicas, temper
from substrates.loihi2.engine.counts import Activity
from substrates.loihi2.program import Placement, Program
from substrates.loihi2.random import stream_key, word_array
from substrates.loihi2.widths import STATE_MAX, TEMPERATURE_MAX

__all__ = ["Loihi2Annealer", "read_class"]

FINEST = 16  #: the automatic exponent makes the low temperature at least this many units
NOWHERE: Later[Placement | None] = Later(lambda: None)
CHECK_NS = 200_000  #: how often a timeout is looked at
MAX_PIECE = 65536  #: steps whose temperatures are made at once


class Loihi2Annealer(AnnealingSubstrate[Schedule]):
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
        self.layout = Layout.build(indptr, indices, weights, diagonal)
        self.n = self.layout.n
        rows, synapses = self.layout.rows, self.layout.rows.weights
        if self.settings.scheme == "eviction":
            check_packing(rows.indptr, rows.indices, rows.weights, self.layout.diagonal)
            synapses = couplings(rows.indptr, self.layout.diagonal)
        #: the program that this annealer runs, without weights: for placing and counting
        self.stored = Later(partial(pattern_program, rows.indptr, rows.indices, synapses, self.n, self.settings))
        self._placement: Later[Placement | None] = NOWHERE
        self._range: tuple[float, float] | None = None
        chosen = self.settings.exponent
        if chosen is not None and self.layout.worst << max(chosen, 0) > STATE_MAX:
            raise InputError(f"with the exponent {chosen} a flip energy may leave the 24-bit state; choose less")
        self._exponent = chosen

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("loihi2-sim", integer=True)

    @property
    def exponent(self) -> int:
        """Q is stored as Q 2^exponent; temperatures are in stored units."""
        if self._exponent is None:
            low = self._natural_range()[1]
            room = int(np.floor(np.log2(STATE_MAX / max(self.layout.worst, 1))))
            hot = int(np.floor(np.log2(TEMPERATURE_MAX / max(self._natural_range()[0], 1e-9))))
            self._exponent = max(-16, min(int(np.ceil(np.log2(FINEST / low))), room, hot, 20))
        return self._exponent

    @property
    def pattern(self) -> Program:
        """The program that this annealer runs, without weights."""
        return self.stored.value

    @property
    def placement(self) -> Placement | None:
        """Cores of `pattern`; with them, counts are told apart by core."""
        return self._placement.value

    @placement.setter
    def placement(self, placement: Placement | None) -> None:
        self.place_later(Later(lambda: placement))

    def place_later(self, placement: Later[Placement | None]) -> None:
        """Set `placement` to what is made when the counts are first looked at."""
        self._placement = placement

    def temperature(self, value: float) -> int:
        """A temperature in cost units (accept a loss of ``value`` every other time), as the chip's integer."""
        return int(min(max(round(value * 2.0**self.exponent), 0), TEMPERATURE_MAX))

    def temperature_range(self) -> tuple[int, int]:
        """(high, low) for this problem, in stored units, from its own flip energies."""
        high, low = self._natural_range()
        return self.temperature(high), max(self.temperature(low), 1)

    def schedule(self, steps: int | None = None) -> Schedule:
        """The automatic schedule: one anneal of ``steps``, or without end anneals that grow longer."""
        high, low = self.temperature_range()
        if steps is not None:
            return Linear(high, low, steps)
        return Reanneal(high, low, shortest=1000)

    def cost(self, x: npt.NDArray[np.uint8]) -> int:
        """x^T Q x in integers."""
        return self.layout.cost(np.asarray(x, np.uint8))

    def _natural_range(self) -> tuple[float, float]:
        if self.settings.scheme == "eviction":
            unit = float(-self.layout.diagonal.mean())
            return HEATS[0] * unit, HEATS[1] * unit
        if self._range is None:
            read = MetropolisRead(self.layout, 0, Settings("two-phase"), None, 0)
            before, idle = 1, 0
            while read.best_cost < before or idle < 2:
                idle = 0 if read.best_cost < before else idle + 1
                before = read.best_cost
                read.advance(np.zeros(32, np.int32))
                if read.steps > 2 * self.n + 64:
                    break
            self._range = temperature_range(read.energy.astype(np.int64), read.cost)
        return self._range

    def anneal(
        self,
        schedule: Schedule | None = None,
        seeds: Sequence[int] | npt.NDArray[np.uint64] = (0,),
        *,
        steps: int | None = None,
        target_cost: int | None = None,
        timeout_s: float | None = None,
        threads: int = 1,
        start: npt.NDArray[np.uint8] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> AnnealResult:
        """Anneal once per seed; each read ends at ``steps``, ``timeout_s`` or ``target_cost``, whichever is first.

        The trajectory depends on problem, settings, schedule and seed alone; a limit only says where it ends.

        Args:
            schedule: temperatures in stored units; None for `schedule` of this problem and ``steps``.
            seeds: one read each, 0 to 2^64 - 1.
            start: (reads, n) or (n,) states to start from; zeros when None.
            threads: reads run at the same time.
            should_stop: asked every few milliseconds; True ends every read, keeping what it has.

        Raises:
            InputError: no limit at all, a negative one, or states of another shape.
        """
        if schedule is None:
            schedule = self.schedule(steps)
        if steps is None:
            steps = schedule.length
        if steps is None and timeout_s is None:
            raise InputError("give a number of steps or a timeout: this schedule has no end")
        if steps is not None and steps < 0:
            raise InputError(f"the number of steps cannot be negative, got {steps}")
        if timeout_s is not None and not timeout_s >= 0:
            raise InputError(f"the timeout must be zero seconds or more, got {timeout_s}")
        if threads < 1:
            raise InputError(f"the number of threads must be at least 1, got {threads}")
        starts = self._starts(start, len(seeds))
        target = _target(target_cost)
        exponent = self.exponent

        kind = read_class(self.settings)

        def one(index: int) -> tuple[Read, int]:
            clock = time.perf_counter_ns()
            read: Read = kind(self.layout, int(seeds[index]), self.settings, starts[index], exponent)
            self._run(read, schedule, steps, timeout_s, target, clock, should_stop)
            return read, time.perf_counter_ns() - clock

        if threads > 1 and len(seeds) > 1:
            with ThreadPoolExecutor(threads) as pool:
                done = list(pool.map(one, range(len(seeds))))
        else:
            done = [one(index) for index in range(len(seeds))]
        return self._result(done)

    def temper(
        self,
        seeds: Sequence[int] | npt.NDArray[np.uint64] = (0,),
        *,
        replicas: int = 8,
        period: int = 50,
        temperatures: tuple[int, int] | None = None,
        steps: int | None = None,
        target_cost: int | None = None,
        timeout_s: float | None = None,
    ) -> AnnealResult:
        """Parallel tempering: ``replicas`` copies of the network at fixed temperatures that trade places.

        Where it pays and where not is measured in README.md. One result per seed: the best over its replicas;
        ``steps`` are steps of each replica, the ledger counts all of them.

        Args:
            temperatures: (high, low) of the ladder in stored units; None for `temperature_range`, low end raised.
            period: steps between exchanges.

        Raises:
            InputError: no limit, a negative one, or fewer than two replicas.
        """
        if steps is None and timeout_s is None:
            raise InputError("give a number of steps or a timeout: tempering has no end of its own")
        if not SCHEMES[self.settings.scheme].tempers:
            fit = " or ".join(scheme.name for scheme in SCHEMES.values() if scheme.tempers)
            raise InputError(f"tempering needs the scheme {fit}, got {self.settings.scheme}")
        if replicas < 2 or period < 1 or (steps is not None and steps < 0):
            raise InputError("tempering needs at least 2 replicas, a period of at least 1 and zero or more steps")
        high, low = temperatures or self.temperature_range()
        ladder = np.rint(np.geomspace(high, max(low if temperatures else 1.4 * low, 1), replicas)).astype(np.int32)
        target = _target(target_cost)
        done = []
        for seed in seeds:
            clock = time.perf_counter_ns()
            end = None if timeout_s is None else clock + int(timeout_s * 1e9)
            keys = word_array(stream_key(int(seed), "anneal replicas"), 0, np.arange(replicas))
            copies = [MetropolisRead(self.layout, int(key), self.settings, None, self.exponent) for key in keys]
            temper(copies, ladder, int(seed), self.exponent, steps=steps, period=period, target=target, deadline_ns=end)
            done.append((Replicas(copies), time.perf_counter_ns() - clock))
        return self._result(done)

    def _starts(self, start: npt.NDArray[np.uint8] | None, reads: int) -> list[npt.NDArray[np.uint8] | None]:
        if start is None:
            return [None] * reads
        states = np.asarray(start)
        if states.shape == (self.n,):
            states = np.broadcast_to(states, (reads, self.n))
        if states.shape != (reads, self.n) or not np.isin(states, (0, 1)).all():
            raise InputError(f"start must hold zeros and ones in the shape ({reads}, {self.n}), got {states.shape}")
        return list(states.astype(np.uint8))

    def _run(
        self,
        read: Read,
        schedule: Schedule,
        steps: int | None,
        timeout_s: float | None,
        target: int,
        clock: int,
        should_stop: Callable[[], bool] | None,
    ) -> None:
        """Advance in pieces, so that the clock can be looked at; pieces do not change the trajectory."""
        deadline = None if timeout_s is None else clock + int(timeout_s * 1e9)
        watched = deadline is not None or should_stop is not None
        size = max(1, min(64, 2**22 // self.n)) if watched else MAX_PIECE
        while (steps is None or read.steps < steps) and read.best_cost > target:
            now = time.perf_counter_ns()
            if deadline is not None and now >= deadline:
                return
            if should_stop is not None and should_stop():
                return
            count = size if steps is None else min(size, steps - read.steps)
            read.advance(schedule.temperatures(read.steps, count), target)
            if watched:
                spent = max(time.perf_counter_ns() - now, 1)
                left = CHECK_NS if deadline is None else max(deadline - now - spent, 1)
                size = int(max(1, min(size * 4, size * min(CHECK_NS, left) / spent, MAX_PIECE)))

    def _result(self, done: Sequence[tuple[Read | Replicas, int]]) -> AnnealResult:
        reads = [read for read, _ in done]
        return AnnealResult(
            np.stack([r.best_state() for r in reads]) if reads else np.zeros((0, self.n), np.uint8),
            np.array([r.best_cost for r in reads], np.int64),
            np.array([r.steps for r in reads], np.int64),
            np.array([r.best_step for r in reads], np.int64),
            tuple(r.improvements() for r in reads),
            np.array([wall for _, wall in done], np.int64),
            self._ledger([copy for read in reads for copy in read.copies()]),
        )

    def _ledger(self, reads: Sequence[Read]) -> Ledger:
        """What the chip counts: every neuron steps in every time step, whatever the kernel skipped."""
        if not reads:
            return Ledger()
        sent = reads[0].sent()
        for read in reads[1:]:
            for outlet, counts in read.sent().items():
                sent[outlet] = sent[outlet] + counts
        steps = sum(time_steps(self.settings, read.steps) for read in reads)
        reading = read_out(self.n, len(reads))
        return Ledger.of(Activity(self.stored, self._placement, sent, steps, reading, Phase.ANNEAL))


def read_class(settings: Settings) -> type[MetropolisRead] | type[NebmRead] | type[EvictionRead]:
    """The state of one anneal in progress, by scheme."""
    others: dict[str, type[NebmRead] | type[EvictionRead]] = {"nebm": NebmRead, "eviction": EvictionRead}
    return others.get(settings.scheme, MetropolisRead)


def _target(cost: int | None) -> int:
    """What the kernel compares costs with; beyond 62 bits no cost makes a difference."""
    return NO_TARGET if cost is None else max(NO_TARGET, min(int(cost), -NO_TARGET))
