"""States to begin with, as people have them: values by label, rows of a matrix, or a dimod sample set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["starting_states"]


def starting_states(problem: Problem, given: Any, reads: int) -> npt.NDArray[np.uint8]:
    """``given`` as (reads, n) zeros and ones in the order of the problem's labels; fewer than ``reads`` are repeated.

    Args:
        problem: whose variables they are.
        given: (n,) or (k, n) values in the order of ``problem.labels``, a mapping from label to value, a list of
            those, or a `dimod.SampleSet`. Values are 0 and 1, or -1 and 1.
        reads: how many are wanted.

    Raises:
        InputError: another shape, unknown or missing labels, or values that are neither.
    """
    states = _rows(problem, given)
    if states.ndim != 2 or not len(states) or states.shape[1] != problem.num_variables:
        raise InputError(
            f"initial states of shape {states.shape}; expected (states, {problem.num_variables}), one value for each "
            "variable in the order of problem.labels, or values by label"
        )
    if len(states) > reads:
        raise InputError(f"{len(states)} initial states for {reads} reads; ask for as many reads, or give fewer states")
    if np.isin(states, (0, 1)).all():
        bits = states.astype(np.uint8)
    elif np.isin(states, (-1, 1)).all():
        bits = (states > 0).astype(np.uint8)
    else:
        wrong = states[~np.isin(states, (-1, 0, 1))]
        raise InputError(
            f"initial states hold {shown(wrong[0].item()) if wrong.size else 'both 0 and -1'}; expected 0 and 1, or "
            "-1 and 1"
        )
    return np.resize(bits, (reads, problem.num_variables))


def _rows(problem: Problem, given: Any) -> npt.NDArray[Any]:
    if hasattr(given, "record") and hasattr(given, "variables"):  # a sample set
        return _by_label(problem, list(given.variables), np.asarray(given.record.sample))
    maps = [given] if isinstance(given, Mapping) else given
    if isinstance(maps, (list, tuple)) and maps and all(isinstance(one, Mapping) for one in maps):
        labels = list(maps[0])
        if any(one.keys() != maps[0].keys() for one in maps):
            raise InputError("initial states have different variables; give every state all of them")
        return _by_label(problem, labels, np.array([[one[label] for label in labels] for one in maps]))
    try:
        values = np.asarray(given)
    except ValueError:
        values = np.zeros(0, object)
    if values.dtype.kind not in "biuf":
        raise InputError(f"initial states {shown(given)}: expected numbers, values by label, or a sample set")
    return values[None] if values.ndim == 1 else values


def _by_label(problem: Problem, labels: list[Any], values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    place = {label: at for at, label in enumerate(labels)}
    unknown = [label for label in labels if label not in set(problem.labels)]
    missing = [label for label in problem.labels if label not in place]
    for what, found in (("unknown variables", unknown), ("no value for", missing)):
        if found:
            more = f" and {len(found) - 1} more" if len(found) > 1 else ""
            raise InputError(f"initial states have {what} {shown(found[0])}{more}")
    return values[:, [place[label] for label in problem.labels]]
