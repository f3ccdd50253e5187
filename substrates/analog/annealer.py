"""The analog annealer: a relaxation network whose noise is cooled until it settles in a low-cost state.

Every variable is a continuous spin v_i between 0 and 1, the output of an amplifier that saturates; its membrane u_i has
some headroom h beyond. It is driven down the gradient of the cost E(v), which is multilinear, so that its minima lie at
the corners:

    tau_i du_i = -g_i (b_i + sum_j W_ij v_j + o_i) dt + sqrt(2 T tau_i) dB_i
    v_i = clip(u_i, 0, 1),    -h <= u_i <= 1 + h

Without headroom the noise of spins that are off leaks into their neighbours, and dense problems stay frozen at zero.
``bounds="soft"`` replaces the clip by a logistic. A chip instance has its own gains g, offsets o, time constants tau
and realised conductances W_ij (W_ij and W_ji independently), written once with verification, the largest coefficient
filling the cells' range; comparators read x_i = (v_i > 1/2). The cost of what they read is evaluated with the true
coefficients. `REFUSED` lists the faults of a chip that have no meaning here; all others are in the model.

Errors: with mismatch the network relaxes on a slightly wrong cost; `max_error` bounds the difference. The noise of a
step is the sum of four uniform numbers (bounded at 3.46 sigma), so a membrane held at its limit by more than that
is skipped exactly. After Langevin annealing (Gidas 1985) and bistable analog Ising machines (BRIM, Afoakwa 2021).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.analog._annealer_kernel import BOUND, descend, langevin
from substrates.analog.imperfections.instance import ChipInstance
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.base import AnnealingSubstrate, AnnealResult, Capabilities
from substrates.random import stream_key

__all__ = ["REFUSED", "AnalogAnnealer", "Cooling", "Run"]

#: fault -> why an annealer cannot have it
REFUSED = {
    "weight_range": "a problem is scaled until its largest coefficient fills the cells",
    "open_loop": "a problem is written once, and verified",
    "write_asymmetry": "a problem is written once, and verified",
    "write_noise": "a problem is written once, and verified",
    "read_noise": "noise of single cells is not modelled here; state_noise is the noise of a whole membrane",
    "read_noise_proportional": "noise of single cells is not modelled here; state_noise is that of a whole membrane",
    "adc_bits": "outputs are read by comparators, of one bit",
    "nudge_bits": "an annealer is not nudged",
}

STEP = 0.4  #: a step moves a spin in the typical local field by this at least,
WARM_STEP = 0.042  #: and one in a field as strong as the highest temperature by this,
COLLECTIVE_STEP = 50.0  #: but a step times the largest eigenvalue of the pair matrix stays below this
TOGETHER = 10.0  #: how far the collective field may exceed the typical one before it sets the unit of the fields
HEADROOM = 0.25  #: how far a membrane goes beyond the range in which its output follows it
READ_EVERY = 10  #: integration steps between two looks of the comparators
SHORTEST = 2000  #: steps of the first


@dataclass(frozen=True)
class Cooling:
    """Noise temperature over steps, in units of the cost, falling linearly from ``high`` to ``low``.

    ``length`` steps, or, when None, anneals one after the other, each twice as long as the one before.
    """

    high: float
    low: float
    length: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high < math.inf:
            raise InputError(f"temperatures {self.high},{self.low}: expected HIGH,LOW with 0 <= LOW <= HIGH")
        if self.length is not None and self.length < 0:
            raise InputError(f"the number of steps cannot be negative, got {self.length}")

    def temperatures(self, first: int, count: int) -> npt.NDArray[np.float64]:
        """Temperatures of the steps ``first`` to ``first + count - 1``."""
        step = np.arange(first, first + count)
        if self.length is None:
            anneal = np.floor(np.log2(step / SHORTEST + 1)).astype(np.int64)
            share = (step - (2**anneal - 1) * SHORTEST) / (2.0**anneal * SHORTEST)
        else:
            share = np.minimum(step / max(self.length - 1, 1), 1.0)
        falling: npt.NDArray[np.float64] = self.high + (self.low - self.high) * share
        return falling


class AnalogAnnealer(AnnealingSubstrate[Cooling]):
    """Holds one problem on one chip instance and anneals it.

    Args:
        indptr, indices, pairs: CSR of both directions of every pair; ``pairs`` is J_ij, the cost of both being on.
        linear: (n,) a_i.
        chip: the kind of chip; None is without fault.
        seed: draws the chip instance.
        bounds: ``hard`` or ``soft`` amplifiers.

    Raises:
        InputError: a fault that is `REFUSED`, or one that leaves nothing to anneal; the text names it.
    """

    name: ClassVar[str] = "analog"
    nominal_s: ClassVar[float] = 1e-7  #: time constant of a chip that is not given
    refused: ClassVar[Mapping[str, str]] = REFUSED

    def __init__(
        self,
        indptr: npt.ArrayLike,
        indices: npt.ArrayLike,
        pairs: npt.ArrayLike,
        linear: npt.ArrayLike,
        chip: ChipParameters | None = None,
        *,
        seed: int = 0,
        bounds: str = "hard",
    ) -> None:
        if bounds not in ("hard", "soft"):
            raise InputError(f"no bounds {bounds!r}; there are hard, soft")
        self.chip = chip or ChipParameters(time_constant_s=self.nominal_s)
        self.soft = bounds == "soft"
        self.indptr = np.ascontiguousarray(indptr, np.int64)
        self.indices = np.ascontiguousarray(indices, np.int32)
        self.pairs = np.ascontiguousarray(pairs, np.float64)
        self.linear = np.ascontiguousarray(linear, np.float64)
        self.n = n = len(self.linear)
        if n == 0 or len(self.indptr) != n + 1 or len(self.indices) != len(self.pairs):
            raise InputError("a problem needs at least one variable, and CSR arrays that agree with each other")
        self._rows = np.repeat(np.arange(n), np.diff(self.indptr))
        field = np.sqrt(np.bincount(self._rows, self.pairs**2, n) / 2 + self.linear**2)
        typical = field[field > 0]
        self._collective = self._spectral_radius()
        #: the local field that moves a spin across its range in one time constant, in cost units: typical, or what all
        #: spins together can muster
        self.unit = max(float(np.median(typical)) if len(typical) else 1.0, self._collective / TOGETHER)
        self.instance = ChipInstance.of_shapes(((n,),), self._cells_of(self.chip), seed)
        self._writes = self.instance.write(0, self.pairs)
        self._realise()

    def _spectral_radius(self) -> float:
        """Of the pair matrix, by power iteration: above 2 over the step, spins would swing to and fro together."""
        v, size = np.ones(self.n), 0.0
        for _ in range(20):
            v = np.asarray(np.bincount(self._rows, self.pairs * v[self.indices], self.n), np.float64)
            size = float(np.linalg.norm(v))
            if not size:
                return 0.0
            v /= size
        return size

    def _cells_of(self, chip: ChipParameters) -> ChipParameters:
        """The kind of chip with cells whose range the largest coefficient fills."""
        wrong = [f"{name} ({why})" for name, why in self.refused.items() if getattr(chip, name)]
        if wrong:
            raise InputError(f"the {self.name} annealer has no {'; no '.join(wrong)}: set them to zero")
        if chip.rail and not chip.rail > 0.5:
            raise InputError(f"rail={chip.rail:g} keeps every output below 1/2, where comparators look; expected more")
        return replace(chip, weight_range=float(np.abs(self.pairs).max(initial=0.0)) or 1.0)

    def _realise(self) -> None:
        """What the problem is on this chip, now."""
        chip, instance = self.chip, self.instance
        self.cells = instance.read(0)
        self.gain = np.maximum(instance.gain[0], 0.05)
        self.offset = instance.offset[0] * self.unit
        self.tau = instance.time_constant[0]
        self.bias = self.linear
        if chip.dac_bits:
            largest = float(np.abs(self.linear).max(initial=0.0)) or 1.0
            gap = largest / (2 ** (chip.dac_bits - 1) - 1)
            self.bias = np.rint(self.linear / gap) * gap
        rail = chip.rail or math.inf
        self.rails = max(-HEADROOM, -rail), min(1 + HEADROOM, rail)
        kept = ("time_constant_s", "drift_time_s", "dac_range", "nudge_range", "range_headroom", "transposed_reads")
        self.imperfect = replace(chip, **{name: getattr(ChipParameters(), name) for name in kept}) != ChipParameters()
        # Both directions of a pair hold an opinion of it; half of their disagreement with J counts for each.
        self.max_error = float(
            np.abs(self.cells - self.pairs).sum() / 2
            + np.abs(self.offset).sum()
            + np.abs(self.bias - self.linear).sum()
        )

    def age(self, seconds: float) -> None:
        """Let time pass between writing and annealing: conductances drift.

        Raises:
            InputError: a negative time.
        """
        if not seconds >= 0:
            raise InputError(f"time runs forward: {seconds} s")
        self.instance.clock_s += seconds
        self._realise()

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(self.name, temporal_noise=True)

    @cached_property
    def _local_minimum(self) -> tuple[npt.NDArray[np.float64], float]:
        """(flip energies above zero, cost) of the state that single flips in the order of the spins lead to."""
        x = np.zeros(self.n, np.uint8)
        field = self.linear.copy()
        cost = descend(x, field, self.indptr, self.indices, self.pairs, 1e-12 * self.unit)
        energy = np.abs(field)
        return energy[energy > 1e-9 * self.unit], float(cost)

    def temperature_range(self) -> tuple[float, float]:
        """(high, low) in cost units, from the flip energies dE of a local minimum.

        At the high one flips excite ``HOT`` of all spins, or would cost ``LOSS`` of the cost reached, whichever is
        colder; at the low one ``COLD`` spins of the whole network are excited: sum exp(-dE / T) counts them.
        """
        energy, cost = self._local_minimum
        if not len(energy):
            return 1.0, 1.0
        high = _temperature(energy, np.ones(len(energy)), HOT * self.n)
        if cost:
            high = min(high, _temperature(energy, energy, LOSS * abs(cost)))
        return high, min(_temperature(energy, np.ones(len(energy)), COLD), high)

    @cached_property
    def pace(self) -> float:
        """Time of an integration step, in time constants.

        Strong fields push their spins to a rail within a step, as they do on the chip; what has to be resolved are
        the spins whose field is comparable with the noise, and what they do to each other.
        """
        warm = WARM_STEP * self.unit / self.temperature_range()[0]
        together = COLLECTIVE_STEP * self.unit / self._collective if self._collective else math.inf
        return min(max(STEP, warm), together)

    def anneal(
        self,
        schedule: Cooling,
        seeds: Sequence[int] | npt.NDArray[np.uint64],
        *,
        steps: int | None = None,
        target_cost: float | None = None,
        timeout_s: float | None = None,
        threads: int = 1,
        should_stop: Callable[[], bool] | None = None,
    ) -> AnnealResult:
        """Anneal once per seed, each until ``steps``, ``timeout_s`` or ``target_cost`` (cost units, without offset).

        ``costs`` and ``improvements`` of the result are float64, in the problem's own units.
        """
        if steps is None:
            steps = schedule.length
        if steps is None and timeout_s is None:
            raise InputError("give a number of steps or a timeout: this schedule has no end")
        if steps is not None and steps < 0:
            raise InputError(f"the number of steps cannot be negative, got {steps}")
        if self.chip.settling_time_s:
            steps = self._cut(steps)

        def one(read: int) -> Run:
            run = self._start(stream_key(int(seeds[read]), f"{self.name} anneal"), schedule)
            clock = time.perf_counter_ns()
            size = 1000 if timeout_s is None else 200
            while (steps is None or run.step < steps) and not run.reached(target_cost):
                if timeout_s is not None and time.perf_counter_ns() - clock >= timeout_s * 1e9:
                    break
                if should_stop is not None and should_stop():
                    break
                count = size if steps is None else min(size, steps - run.step)
                run.advance(schedule.temperatures(run.step, count), target_cost)
            run.wall_ns = time.perf_counter_ns() - clock
            return run

        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                runs = list(pool.map(one, range(len(seeds))))
        else:
            runs = [one(read) for read in range(len(seeds))]
        done = np.array([run.step for run in runs], np.int64)
        return AnnealResult(
            np.stack([run.best for run in runs]) if runs else np.zeros((0, self.n), np.uint8),
            np.array([run.costs[1] for run in runs], np.float64),
            done,
            np.array([run.best_step for run in runs], np.int64),
            tuple(np.concatenate(run.trace) for run in runs),
            np.array([run.wall_ns for run in runs], np.int64),
            self._count(int(done.sum()), len(runs), sum(run.looks for run in runs)),
        )

    def _start(self, key: np.uint64, schedule: Cooling) -> Run:
        """A read from rest; machines with other dynamics have runs of their own."""
        del schedule  # `Run.advance` gets its temperatures
        return Run(self, key)

    def _cut(self, steps: int | None) -> int:
        """The steps that fit in the settling time."""
        fit = int(self.chip.settling_time_s / (self.pace * self.chip.time_constant_s))
        if fit < 1:
            raise InputError(
                f"settling_time_s={self.chip.settling_time_s:g} ends before the first step of "
                f"{self.pace * self.chip.time_constant_s:.2g} s; expected more"
            )
        return fit if steps is None else min(steps, fit)

    def _count(self, steps: int, reads: int, looks: int) -> Ledger:
        """What the machine did: one product per step, every programmed cell conducting, every amplifier settling."""
        nanoseconds = steps * self.pace * self.chip.time_constant_s * 1e9
        cells = int(np.count_nonzero(self.cells))
        ledger = Ledger()
        ledger.add(Event.CELL_WRITES, self._writes + self.n, component=Component.CROSSBAR, phase=Phase.PROGRAM)
        ledger.add(Event.MATRIX_VECTOR_PRODUCTS, steps, component=Component.CROSSBAR, phase=Phase.ANNEAL)
        ledger.add(Event.CELL_READS, steps * cells, component=Component.CROSSBAR, phase=Phase.ANNEAL)
        ledger.add(
            Event.SETTLING_NANOSECONDS,
            math.ceil(nanoseconds),
            component=Component.NEURONS,
            layer="spins",
            phase=Phase.ANNEAL,
        )
        ledger.add(
            Event.AMPLIFIER_NANOSECONDS,
            math.ceil(nanoseconds * self.n),
            component=Component.NEURONS,
            layer="spins",
            phase=Phase.ANNEAL,
        )
        ledger.add(
            Event.ADC_CONVERSIONS,
            looks * self.n,
            component=Component.CONVERTERS,
            layer="comparators",
            phase=Phase.ANNEAL,
        )
        ledger.add(
            Event.DAC_CONVERSIONS,
            reads * self.n + steps,
            component=Component.CONVERTERS,
            layer="biases",
            phase=Phase.ANNEAL,
        )
        return ledger


#: chosen on independent sets of 500 to 2000 nodes, bqp-like problems and cuts that no benchmark reports
HOT, LOSS, COLD = 0.07, 0.24, 0.7


def _temperature(energies: npt.NDArray[np.float64], weights: npt.NDArray[np.float64], wanted: float) -> float:
    """The temperature at which sum weights exp(-dE / T) is ``wanted``, by bisection."""
    low, high = float(energies.min()) / 50.0, float(energies.max()) * 4.0
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if (weights * np.exp(-energies / middle)).sum() < wanted else (low, middle)
    return math.sqrt(low * high)


class Run:
    """The evolving state of one read."""

    def __init__(self, annealer: AnalogAnnealer, key: np.uint64) -> None:
        a = self.annealer = annealer
        self.key = key
        self.v = np.zeros(a.n)
        self.membrane = np.zeros(a.n)
        self.held = np.zeros(a.n)
        self.x = np.zeros(a.n, np.uint8)
        self.best = self.x.copy()
        self.costs = np.zeros(2)  # now, best
        self.step = self.best_step = self.wall_ns = self.looks = 0
        self.trace = [np.zeros((1, 2))]
        self._delta = np.zeros(a.n + 1)
        self._moving = np.zeros(a.n + 1, np.int32)
        self._found = np.zeros((4096, 2))

    def reached(self, target: float | None) -> bool:
        return target is not None and bool(self.costs[1] <= target)

    def advance(self, temperatures: npt.NDArray[np.float64], target: float | None) -> None:
        a = self.annealer
        # Sums kept incrementally are refreshed at every call, so rounding never accumulates.
        speed, spread = a.pace * a.gain / (a.tau * a.unit), np.sqrt(a.pace / a.tau)
        force = a.bias + a.offset + np.bincount(a._rows, a.cells * self.v[a.indices], a.n)
        true = a.linear + np.bincount(a._rows, a.pairs * self.x[a.indices], a.n)
        self.costs[0] = float(self.x @ a.linear + (self.x[a._rows] * a.pairs * self.x[a.indices]).sum() / 2)
        best_step, found = langevin(
            self.v, self.membrane, self.held, force, self.x, true, a.indptr, a.indices, a.cells, a.pairs,
            speed, spread, BOUND * spread / speed, temperatures / a.unit + a.chip.state_noise**2, self.step,
            self.key, READ_EVERY, *a.rails, a.chip.readout_noise, a.soft, 1e-12 * a.unit, self.costs, self.best,
            self.best_step, -np.inf if target is None else target, self._delta, self._moving, self._found,
        )  # fmt: skip
        done = len(temperatures)
        self.looks += (self.step + done) // READ_EVERY - self.step // READ_EVERY
        self.step, self.best_step = self.step + done, best_step
        if found:
            self.trace.append(self._found[:found].copy())
