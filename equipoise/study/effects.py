"""What the swept parameters do to a result, whatever the task: means with intervals over seeds, paired differences.

Runs that differ in one parameter alone, seed included, are a pair. Their differences are averaged seed by seed, and the
interval is Student's over seeds: seeds are what repeats, the other parameters are not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import mean
from typing import Any

from equipoise.study.entry import Entry
from equipoise.study.store import StudyData
from equipoise.workloads.scores import mean_interval

__all__ = [
    "Effect",
    "Point",
    "are_numbers",
    "curves",
    "effects",
    "headlines",
    "is_number",
    "sentences",
    "shown_value",
    "swept",
]

#: parameters that say which instance or which draw it was: repeats, not effects
REPEATS = ("seed", "file", "instance")
MOST_HEADLINES = 2


@dataclass(frozen=True)
class Point:
    """A parameter's value with the result's mean over the runs that have it, and its interval over seeds."""

    value: Any
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Effect:
    """What changing ``parameter`` from ``first`` to ``last`` does to ``result``, all else equal.

    Attributes:
        difference: (mean, low, high) of the paired differences, last less first; NaN ends from one seed.
        pairs, seeds: how many there are.
    """

    result: str
    parameter: str
    first: Point
    last: Point
    difference: tuple[float, float, float]
    pairs: int
    seeds: int

    @property
    def told(self) -> bool:
        """Whether the interval excludes zero."""
        return self.difference[1] > 0 or self.difference[2] < 0


def swept(data: StudyData) -> dict[str, list[Any]]:
    """Parameter -> its values, of every parameter with more than one; numbers in their order, others as they came."""
    found: dict[str, dict[str, Any]] = {}
    for entry in data.complete:
        for name, value in entry.parameters.items():
            found.setdefault(name, {}).setdefault(_word(value), value)
    several = {name: list(values.values()) for name, values in found.items() if len(values) > 1 and not _repeats(name)}
    return {name: sorted(values) if are_numbers(values) else values for name, values in several.items()}


def headlines(data: StudyData) -> list[str]:
    """The results that a study is about: the first numbers that most runs gave and that are not all alike."""
    seen: dict[str, set[float]] = {}
    counts: dict[str, int] = {}
    for entry in data.complete:
        for name, value in entry.results.items():
            if is_number(value) and not name.endswith(": truth"):
                seen.setdefault(name, set()).add(float(value))
                counts[name] = counts.get(name, 0) + 1
    most = 0.8 * len(data.complete)
    found = [name for name in seen if counts[name] >= most and len(seen[name]) > 1]
    own = [name for name in found if name.endswith(": machine")]
    return (own or found)[:MOST_HEADLINES]


def effects(data: StudyData) -> list[Effect]:
    """Of every swept parameter on every headline, between its smallest and largest value; of names, between the two
    with the lowest and the highest mean.
    """
    parameters = swept(data)
    made = (_effect(data, result, name, values) for result in headlines(data) for name, values in parameters.items())
    return [effect for effect in made if effect is not None]


def sentences(data: StudyData) -> list[str]:
    """The effects in words."""
    return [_sentence(effect) for effect in effects(data)]


def curves(data: StudyData, result: str, parameter: str, by: str | None = None) -> dict[str, list[Point]]:
    """Value of ``by`` (empty without) -> a point for each value of ``parameter``."""
    values = swept(data)
    found: dict[str, list[Point]] = {}
    for line in values[by] if by else [None]:
        entries = [e for e in data.complete if by is None or _word(e.parameters.get(by)) == _word(line)]
        points = [_point(entries, result, parameter, value) for value in values[parameter]]
        found["" if by is None else f"{by} = {shown_value(line)}"] = [p for p in points if p is not None]
    return {name: points for name, points in found.items() if points}


def _effect(data: StudyData, result: str, name: str, values: list[Any]) -> Effect | None:
    points = [p for p in (_point(data.complete, result, name, value) for value in values) if p is not None]
    if len(points) < 2:
        return None
    if not are_numbers(values):
        points.sort(key=lambda p: p.mean)
    first, last = points[0], points[-1]
    sides: list[dict[str, Entry]] = [{}, {}]
    for entry in data.complete:
        for side, point in zip(sides, (first, last)):
            if _word(entry.parameters.get(name)) == _word(point.value) and is_number(entry.results.get(result)):
                side[_word({k: v for k, v in entry.parameters.items() if k != name})] = entry
    by_seed: dict[str, list[float]] = {}
    pairs = sides[0].keys() & sides[1].keys()
    for pair in sorted(pairs):
        before, after = (side[pair] for side in sides)
        by_seed.setdefault(_seed(after), []).append(float(after.results[result]) - float(before.results[result]))
    if not by_seed:
        return None
    difference = mean_interval([mean(some) for some in by_seed.values()])
    return Effect(result, name, first, last, difference, len(pairs), len(by_seed))


def _point(entries: Iterable[Entry], result: str, parameter: str, value: Any) -> Point | None:
    by_seed: dict[str, list[float]] = {}
    for entry in entries:
        if _word(entry.parameters.get(parameter)) == _word(value) and is_number(entry.results.get(result)):
            by_seed.setdefault(_seed(entry), []).append(float(entry.results[result]))
    return Point(value, *mean_interval([mean(some) for some in by_seed.values()])) if by_seed else None


def _sentence(effect: Effect) -> str:
    first, last = effect.first, effect.last
    value, low, high = effect.difference
    seeds = f"{effect.seeds} seed{'s' * (effect.seeds != 1)}, {effect.pairs} pair{'s' * (effect.pairs != 1)}"
    interval = f"95 % interval {low:+.3g} to {high:+.3g}, {seeds}" if effect.seeds > 1 else f"{seeds}, so no interval"
    chance = ", which may be chance" if effect.seeds > 1 and not effect.told else ""
    return (
        f"{effect.result}: {first.mean:.4g} at {effect.parameter} = {shown_value(first.value)}, {last.mean:.4g} at "
        f"{shown_value(last.value)}; "
        f"paired difference {value:+.3g} ({interval}){chance}."
    )


def shown_value(value: Any) -> str:
    """A parameter's value in a sentence or a legend."""
    return f"{value:g}" if is_number(value) else str(value)


def _seed(entry: Entry) -> str:
    return _word({name: value for name, value in entry.parameters.items() if _repeats(name)})


def _repeats(name: str) -> bool:
    return name in REPEATS or name.endswith("_seed")


def _word(value: Any) -> str:
    """A parameter's value as something that can be compared: lists and tables are values, too."""
    return json.dumps(value, sort_keys=True, default=str)


def is_number(value: Any) -> bool:
    """Whether it is one that can be averaged: finite, no truth value, not beyond what a float holds."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def are_numbers(values: Iterable[Any]) -> bool:
    """Whether all of them are."""
    return all(is_number(value) for value in values)
