"""Target name to machine: quantise or program a problem, and say how a temperature in cost units is written there.

To add one, write a class with the members of `QuboMachine` and give it to a `equipoise.targets.Target`.
"""

from __future__ import annotations

# Imports inside functions are late: a machine loads its own substrate only.
import math
import sys
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.qubo.quantisation import quantise
from hw_profiles.errors import InputError
from hw_profiles.later import Later
from substrates.base import AnnealingSubstrate, AnnealResult

if TYPE_CHECKING:
    from mappers.placement import Placement
    from substrates.loihi2.annealing import Loihi2Annealer
    from substrates.loihi2.lava.annealer import LavaAnnealer
    from substrates.loihi2.program import Program

__all__ = ["QuboMachine", "longest_anneal"]

FARTHEST = Fraction(sys.float_info.max)


class QuboMachine(Protocol):
    """A problem in a machine's own format, ready to anneal.

    One that can begin at given states says so (``takes_states = True``); it is then handed ``start`` (reads, n).
    """

    scheme: str
    quantisation: dict[str, Any]

    def temperatures(self, wanted: tuple[float, float] | None) -> tuple[float, float]:
        """(high, low) in units of the cost: the wanted ones, or the problem's own."""

    def schedule(self, high: float, low: float, steps: int | None) -> Any:
        """The machine's schedule from high to low: anneals over ``steps``, or without end; see `longest_anneal`."""

    def anneal(self, schedule: Any, seeds: Sequence[int], **limits: Any) -> AnnealResult:
        """Anneal once per seed; ``limits``: steps, timeout_s, target_cost (cost units), threads, start, stop."""


def longest_anneal(n: int) -> int:
    """Steps after which another anneal gains more than a longer one (measured, see the annealer's README)."""
    return max(n * n // 100, 500)


class Loihi2:
    """The Loihi 2 annealer: on the bit-accurate engine, or step by step through Lava's CPU runtime."""

    takes_states: ClassVar[bool] = True

    def __init__(self, problem: Problem, scheme: str, lava: bool = False) -> None:
        from equipoise.qubo.placing import place_annealer  # late, like the next: they compile
        from substrates.loihi2.annealing import Loihi2Annealer, Settings

        Settings(scheme)  # an unknown one is refused before the problem is quantised
        self._quantised = quantise(problem)
        # The engine is fastest on the smallest integers; the common shift is the weights' exponent.
        self._shift = self._quantised.shift
        self._lava = lava
        self.scheme = scheme
        engine: Any = Loihi2Annealer
        if lava:
            from substrates.loihi2.lava.annealer import LavaAnnealer as engine
        self._annealer: Loihi2Annealer | LavaAnnealer = engine(
            *self._quantised.compact_csr(), Settings(scheme, exponent=self._shift)
        )
        self._placement = place_annealer(self._annealer, problem)
        self.quantisation = self._quantised.as_dict()

    @property
    def placement(self) -> Placement | None:
        """Where it is on chips; None where it does not fit."""
        return self._placement.value

    def with_linear(self, linear: npt.NDArray[Any]) -> Loihi2:
        """The same program, scale and place with other biases: synapses are not written again.

        Args:
            linear: (n,) whole numbers or reals that the program's scale represents exactly.

        Raises:
            InputError: they are not whole multiples of the scale, or a flip energy may leave the 24-bit state.
        """
        same, old = copy(self), self._quantised
        ratio = old.ratio
        scaled = np.asarray(linear) * ratio.numerator
        diagonal = np.asarray(scaled // ratio.denominator, np.int64)
        if (diagonal * ratio.denominator != scaled).any() or (diagonal & ((1 << self._shift) - 1)).any():
            raise InputError(f"biases that are no multiples of {2**self._shift / ratio}; load what the scale can hold")
        same._quantised = replace(old, problem=replace(old.problem, linear=np.asarray(linear)), diagonal=diagonal)
        annealer = self._annealer
        same._annealer = type(annealer)(*same._quantised.compact_csr(), annealer.settings)
        same._annealer.place_later(Later(lambda: annealer.placement))
        return same

    def temperatures(self, wanted: tuple[float, float] | None) -> tuple[float, float]:
        if wanted is not None:
            return wanted
        high, low = (t / self._quantised.scale for t in self._annealer.temperature_range())
        if high == low:
            return high, low
        return max(high, _small_problem_heat(self._quantised.problem, high, self._quantised.reach)), low

    def schedule(self, high: float, low: float, steps: int | None) -> Any:
        from substrates.loihi2.annealing import Linear, Reanneal
        from substrates.loihi2.widths import TEMPERATURE_MAX

        if self._lava and steps is None:
            raise InputError("the target lava-sim cannot be stopped by a clock; give a number of steps, not a timeout")
        top = max(min(math.ceil(high * self._quantised.scale), TEMPERATURE_MAX), 1 if high > 0 else 0)
        bottom = min(max(round(low * self._quantised.scale), 0), top)
        if high == low:  # a constant temperature stays one
            top = bottom
        longest = longest_anneal(self._annealer.n)
        if steps is None:
            return Reanneal(top, bottom, min(longest, 1000), longest=longest)
        tries = math.ceil(steps / longest)
        return Reanneal(top, bottom, math.ceil(steps / tries), 1, steps) if tries > 1 else Linear(top, bottom, steps)

    def program(self, schedule: Any, seed: int, steps: int) -> tuple[Program, int]:
        """One anneal as a program, and its time steps on the chip: the same flips as `anneal` with this seed."""
        from scipy.sparse import csr_matrix

        from substrates.loihi2.annealing.program import annealing_program, time_steps

        indptr, indices, weights, diagonal = self._quantised.compact_csr()
        matrix = csr_matrix((weights.astype(np.int64), indices, indptr), shape=(diagonal.size, diagonal.size))
        settings = replace(self._annealer.settings, exponent=self._shift)
        temperatures = np.asarray(schedule.temperatures(0, steps))
        program = annealing_program(matrix, diagonal, temperatures, seed, settings)
        return program, time_steps(settings, steps)

    def anneal(self, schedule: Any, seeds: Sequence[int], **limits: Any) -> AnnealResult:
        if limits.get("target_cost") is not None:
            limits["target_cost"] = self._quantised.units(limits["target_cost"]) >> self._shift
        result = self._annealer.anneal(schedule, seeds, **limits)
        factor = np.array([1, 1 << self._shift])
        return replace(
            result, costs=result.costs << self._shift, improvements=tuple(t * factor for t in result.improvements)
        )


class Analog:
    """A noisy relaxation network on an analog chip instance."""

    scheme = "langevin"
    takes_states: ClassVar[bool] = False

    def __init__(
        self,
        problem: Problem,
        scheme: str,
        chip: Any = None,
        instance: int = 0,
        bounds: str = "hard",
        age_s: float = 0.0,
    ) -> None:
        from substrates.analog.annealer import AnalogAnnealer

        del scheme
        indptr, indices, entry = problem.csr
        self._problem = problem
        annealer = AnalogAnnealer(
            indptr, indices, problem.pairs[entry], problem.linear, chip, seed=instance, bounds=bounds
        )
        annealer.age(age_s)
        self._annealer: AnnealingSubstrate[Any] = annealer
        self.quantisation = {"scale": 1.0, "exact": not annealer.imperfect, "max_error": annealer.max_error}

    def temperatures(self, wanted: tuple[float, float] | None) -> tuple[float, float]:
        if wanted is not None:
            return wanted
        high, low = self._annealer.temperature_range()
        return max(high, _small_problem_heat(self._problem, high)), low

    def schedule(self, high: float, low: float, steps: int | None) -> Any:
        from substrates.analog.annealer import Cooling

        return Cooling(high, low, steps)

    def anneal(self, schedule: Any, seeds: Sequence[int], **limits: Any) -> AnnealResult:
        if limits.get("target_cost") is not None:
            exactly = Fraction(limits["target_cost"]) - Fraction(self._problem.offset)
            limits["target_cost"] = float(max(-FARTHEST, min(exactly, FARTHEST)))
        return self._annealer.anneal(schedule, seeds, **limits)


class Ising(Analog):
    """One of `substrates.analog.ising.ISING_MACHINES` on a chip instance."""

    def __init__(
        self,
        problem: Problem,
        scheme: str,
        machine: str = "p-bits",
        chip: Any = None,
        instance: int = 0,
        age_s: float = 0.0,
    ) -> None:
        from substrates.analog.ising import ising_machine

        del scheme
        self.scheme = machine
        indptr, indices, entry = problem.csr
        self._problem = problem
        annealer = ising_machine(machine)(
            indptr, indices, problem.pairs[entry], problem.linear, chip, seed=instance
        )  # fmt: skip
        annealer.age(age_s)
        self._annealer = annealer
        self.quantisation = {"scale": 1.0, "exact": not annealer.imperfect, "max_error": annealer.max_error}


def _small_problem_heat(problem: Problem, enough: float, reach: float = math.inf) -> float:
    """A floor for the high temperature: half a typical local field below 32 variables, fading above.

    A range found from the flip energies of one local minimum rests on very few numbers there, and one variable that
    is nearly free to flip is enough to make it far too cold. Zero where the floor is certainly below ``enough``,
    because no flip costs more than ``reach``.
    """
    n = problem.num_variables
    share = 0.5 * min(1.0, (32 / n) ** 2)
    if share * reach <= enough:
        return 0.0
    size = problem.pairs.astype(np.float64) ** 2
    field = np.bincount(problem.rows, size, n) + np.bincount(problem.cols, size, n)
    return float(np.median(np.sqrt(field / 2 + problem.linear.astype(np.float64) ** 2))) * share
