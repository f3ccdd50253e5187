"""The kit for annealers passes what we ship, and refuses mutants by the promise they break."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from equipoise.testing.annealers import check_annealing_substrate, small_problem
from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.analog.annealer import REFUSED, AnalogAnnealer, Cooling
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.base import AnnealResult
from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings


def analog(q: Any, chip: ChipParameters | None = None, kind: type[AnalogAnnealer] = AnalogAnnealer, **more: Any) -> Any:
    both = np.triu(q, 1) + np.triu(q, 1).T
    rows, cols = np.nonzero(both)
    return kind(np.searchsorted(rows, np.arange(len(q) + 1)), cols, both[rows, cols], np.diagonal(q), chip, **more)


def chip(q: Any, settings: Settings) -> Loihi2Annealer:
    both = (np.triu(q, 1) + np.triu(q, 1).T) // 2
    rows, cols = np.nonzero(both)
    return Loihi2Annealer(
        np.searchsorted(rows, np.arange(len(q) + 1)), cols, both[rows, cols], np.diagonal(q), settings
    )


def linear(high: float, low: float, steps: int) -> Linear:
    top = min(max(round(high), 1), 65535)
    return Linear(top, min(max(round(low), 1), top), steps)


@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
@pytest.mark.parametrize("exponent", [0, 3, None])
def test_the_chip_conforms(scheme: Any, exponent: int | None) -> None:
    check_annealing_substrate(lambda q: chip(q, Settings(scheme, exponent=exponent)), linear)


@pytest.mark.parametrize("bounds", ["hard", "soft"])
@pytest.mark.parametrize(
    "kind",
    [
        None,
        ChipParameters(gain_mismatch=0.05, offset_mismatch=0.02, conductance_mismatch=0.02, levels=64),
        ChipParameters(readout_noise=0.02, state_noise=0.02, dac_bits=8, rail=1.1, time_constant_mismatch=0.1),
    ],
    ids=["perfect", "mismatch", "noise"],
)
def test_the_analog_annealer_conforms(kind: ChipParameters | None, bounds: str) -> None:
    check_annealing_substrate(lambda q: analog(q, kind, bounds=bounds), Cooling)


class Mutant(AnalogAnnealer):
    """A perfect annealer in which one thing is broken."""

    calls = 0

    def anneal(self, schedule: Any, seeds: Any, **limits: Any) -> AnnealResult:
        self.calls += 1
        return self.change(super().anneal(schedule, self.seeds(list(seeds)), **self.limits(limits)), limits)

    def seeds(self, seeds: list[int]) -> list[int]:
        return seeds

    def limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        return limits

    def change(self, result: AnnealResult, limits: dict[str, Any]) -> AnnealResult:
        return result


class WrongCost(Mutant):
    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        return replace(result, costs=result.costs + 1, improvements=tuple(t + [0, 1] for t in result.improvements))


class Inverted(Mutant):
    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        return replace(result, states=1 - result.states)


class Timid(Mutant):
    """Returns the start."""

    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        n = len(result.costs)
        return replace(
            result, states=0 * result.states, costs=0 * result.costs, best_steps=np.zeros(n, np.int64),
            improvements=tuple(np.zeros((1, 2)) for _ in range(n)),
        )  # fmt: skip


class EmptyLedger(Mutant):
    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        return replace(result, ledger=Ledger())


class HalfTheCounts(Mutant):
    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        return replace(result, ledger=Ledger({key: count // 2 for key, count in result.ledger.items()}))


class CountsOneRead(Mutant):
    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        share = max(len(result.costs), 1)
        return replace(result, ledger=Ledger({key: count // share for key, count in result.ledger.items()}))


class OneSeed(Mutant):
    def seeds(self, seeds: list[int]) -> list[int]:
        return [3] * len(seeds)


class Remembers(Mutant):
    def seeds(self, seeds: list[int]) -> list[int]:
        return [seed + 1000 * (self.calls > 3) for seed in seeds]


class Neighbours(Mutant):
    def seeds(self, seeds: list[int]) -> list[int]:
        return [seed + 1000 * len(seeds) for seed in seeds]


class Threaded(Mutant):
    def anneal(self, schedule: Any, seeds: Any, **limits: Any) -> AnnealResult:
        shift = 100 * (limits.get("threads", 1) - 1)
        return super().anneal(schedule, [seed + shift for seed in seeds], **limits)


class OneStepMore(Mutant):
    def limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        return limits if limits.get("steps") is None else {**limits, "steps": limits["steps"] + 1}


class BestTooLate(Mutant):
    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        return replace(result, best_steps=result.best_steps + 1)


class EveryLook(Mutant):
    """Lists states that are no better."""

    def change(self, result: AnnealResult, limits: Any) -> AnnealResult:
        return replace(result, improvements=tuple(np.concatenate([t, t[-1:]]) for t in result.improvements))


class NoTarget(Mutant):
    def limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        return {**limits, "target_cost": None}


class NoStop(Mutant):
    def limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        return {**limits, "should_stop": None}


class UpsideDown(Mutant):
    def temperature_range(self) -> tuple[float, float]:
        high, low = super().temperature_range()
        return low / 2, high

    def anneal(self, schedule: Any, seeds: Any, **limits: Any) -> AnnealResult:
        return super().anneal(Cooling(20.0, 0.5, schedule.length), seeds, **limits)


class TakesAnything(Mutant):
    def limits(self, limits: dict[str, Any]) -> dict[str, Any]:
        return {**limits, "steps": abs(limits["steps"])} if limits.get("steps") is not None else limits


MUTANTS: list[tuple[type[Mutant], str]] = [
    (WrongCost, "is said to cost"),
    (Inverted, "is said to cost"),
    (Timid, "ten reads found"),
    (EmptyLedger, "the ledger is empty"),
    (HalfTheCounts, "400 steps were done; the ledger counts 200"),
    (CountsOneRead, "two reads count"),
    (OneSeed, "the seed is ignored"),
    (Remembers, "state leaks between calls|two fresh machines"),
    (Neighbours, "depends on the reads beside it"),
    (Threaded, "number of threads"),
    (OneStepMore, "were asked for"),
    (BestTooLate, "after the last step|not at the best step"),
    (EveryLook, "do not improve"),
    (NoTarget, "the read went on to its last step"),
    (NoStop, "should_stop is ignored"),
    (UpsideDown, "does not fall from high to low"),
    (TakesAnything, "negative number of steps"),
]


@pytest.mark.parametrize(("mutant", "promise"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS])
def test_a_mutant_is_refused_by_the_promise_it_breaks(mutant: type[Mutant], promise: str) -> None:
    def schedule(high: float, low: float, steps: int) -> Cooling:
        return Cooling(max(high, low), min(high, low), steps)

    with pytest.raises(AssertionError, match=promise):
        check_annealing_substrate(lambda q: analog(q, kind=mutant), schedule)


#: a value of each fault that an annealing of eight spins shows
FAULTS: dict[str, dict[str, Any]] = {
    "gain_mismatch": {"gain_mismatch": 0.3},
    "offset_mismatch": {"offset_mismatch": 0.3},
    "time_constant_mismatch": {"time_constant_mismatch": 0.5},
    "conductance_mismatch": {"conductance_mismatch": 0.3},
    "programming_error": {"programming_error": 0.3},
    "levels": {"levels": 2},
    "on_off_ratio": {"on_off_ratio": 1.5},
    "drift_exponent": {"drift_exponent": 0.2},
    "drift_spread": {"drift_exponent": 0.2, "drift_spread": 0.5},
    "state_noise": {"state_noise": 0.3},
    "readout_noise": {"readout_noise": 0.3},
    "rail": {"rail": 0.8},
    "settling_time_s": {"settling_time_s": 1e-6},
    "dac_bits": {"dac_bits": 2},
}
NOT_FAULTS = {"range_headroom", "drift_time_s", "time_constant_s", "dac_range", "nudge_range", "transposed_reads"}


def test_every_fault_of_a_chip_is_honoured_or_refused() -> None:
    assert {f.name for f in dataclasses.fields(ChipParameters)} == set(FAULTS) | set(REFUSED) | NOT_FAULTS


def runs(kind: ChipParameters) -> Any:
    machine = analog(small_problem(2, 12), kind)
    machine.age(100.0)
    found = machine.anneal(Cooling(20.0, 0.5, 600), [1, 2, 3])
    return [trace.tolist() for trace in found.improvements], found.steps.tolist(), machine.max_error


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_changes_what_is_read(name: str) -> None:
    without = ChipParameters(**{key: value for key, value in FAULTS[name].items() if key != name})
    assert runs(ChipParameters(**FAULTS[name])) != runs(without)


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_meaning_is_refused_by_name(name: str) -> None:
    value = True if name == "open_loop" else 4 if name.endswith("bits") else 0.5
    with pytest.raises(InputError, match=name):
        analog(small_problem(1), ChipParameters(**{name: value}))


def test_impossible_limits_of_a_chip_are_refused() -> None:
    with pytest.raises(InputError, match=r"rail=0\.4"):
        analog(small_problem(1), ChipParameters(rail=0.4))
    with pytest.raises(InputError, match="settling_time_s"):
        analog(small_problem(1), ChipParameters(settling_time_s=1e-9)).anneal(Cooling(1, 0, 5), [0])


def test_a_perfect_chip_is_the_problem_itself() -> None:
    machine = analog(small_problem(3))
    assert not machine.imperfect
    assert machine.max_error == 0.0
    np.testing.assert_array_equal(machine.cells, machine.pairs)
    assert analog(small_problem(3), ChipParameters(readout_noise=0.1)).imperfect
