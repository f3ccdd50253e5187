"""What a study searches: parameters with ranges, and what is to become small or large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hw_profiles.texts import shown

__all__ = ["Search", "problems", "search_of"]

SAMPLERS = ("tpe", "random", "nsga2")
WAYS = ("minimise", "maximise")
_WORDS = {"runs", "batch", "seed", "sampler", "profile", "space", "objectives"}
_RANGE = {"low", "high", "log", "step"}


@dataclass(frozen=True)
class Search:
    """How a study looks for good parameters.

    Attributes:
        runs: proposals; each is run once for every combination of the study's grid (seeds, say), and their means count.
        batch: proposals that are made before any of them is known: how many can run side by side. It changes what is
            proposed, the number of workers does not.
        seed: of the sampler.
        sampler: tpe (one objective or several), random, or nsga2 (several).
        profile: prices ``energy`` and ``latency``; the runs' own counts.
        space: parameter -> {low, high, log, step} or {choices}.
        objectives: result -> minimise or maximise; ``energy`` (joules) and ``latency`` (seconds) are priced.
    """

    runs: int
    space: dict[str, dict[str, Any]]
    objectives: dict[str, str]
    batch: int = 4
    seed: int = 0
    sampler: str = "tpe"
    profile: str = ""


def search_of(table: dict[str, Any]) -> Search:
    """From the table ``[search]`` of a study that has no `problems`."""
    return Search(**table)


def problems(table: Any) -> list[str]:
    """Everything that is wrong with a table ``[search]``."""
    if not isinstance(table, dict):
        return ["search must be a table"]
    found = [f"search.{shown(word)} is unknown; known: {', '.join(sorted(_WORDS))}" for word in table.keys() - _WORDS]
    for word, low in (("runs", 1), ("batch", 1), ("seed", 0)):
        value = table.get(word, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            found.append(f"search.{word} must be an integer of {low} or more, got {shown(value)}")
    if "runs" not in table:
        found.append("search.runs says how many proposals are tried; it is missing")
    if table.get("sampler", "tpe") not in SAMPLERS:
        found.append(f"search.sampler is {shown(table.get('sampler'))}; there are {', '.join(SAMPLERS)}")
    objectives, space = table.get("objectives"), table.get("space")
    if not isinstance(objectives, dict) or not objectives or not set(map(str, objectives.values())) <= set(WAYS):
        found.append('search.objectives names results, each "minimise" or "maximise"')
    elif {"energy", "latency"} & objectives.keys() and not table.get("profile"):
        found.append("search.profile says which machine's prices energy and latency have; it is missing")
    if not isinstance(space, dict) or not space:
        return [*found, "search.space names parameters with low and high, or choices"]
    for name, given in space.items():
        said = _range_problem(given)
        found += [f"search.space.{name} {said}"] if said else []
    return found


def _range_problem(given: Any) -> str:
    if not isinstance(given, dict):
        return "must be a table, { low = 0.1, high = 1.0 } or { choices = [...] }"
    if "choices" in given:
        choices = given["choices"]
        plain = isinstance(choices, list) and choices and all(isinstance(c, (str, int, float, bool)) for c in choices)
        return "" if plain and given.keys() == {"choices"} else "has choices that are no list of numbers and texts"
    unknown = given.keys() - _RANGE
    low, high = given.get("low"), given.get("high")
    if unknown or not isinstance(low, (int, float)) or not isinstance(high, (int, float)) or not low < high:
        return "needs low below high, and may have log and step"
    if given.get("log") and (low <= 0 or "step" in given):
        return "with log goes from above zero and has no step"
    return ""
