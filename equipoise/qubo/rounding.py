"""What rounding did to the costs of the states that were found, and whether it decides which of them is best."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from equipoise.qubo.problem import Problem

__all__ = ["rounding"]

ENOUGH = 4  #: reads from which the spread of their costs says something


def rounding(
    problem: Problem, costs: Sequence[int | float], improvements: Sequence[Any], quantisation: dict[str, Any]
) -> dict[str, float]:
    """``rounding_mean`` and ``rounding_spread``: cost minus what the machine took for it, at the reads' best states.

    Only the spread matters: what all states share moves no minimum. Where it is more than half of the spread of the
    costs themselves there is a warning. Nothing where nothing was rounded, or the machine is no chip of integers.

    Args:
        costs: per read, on the problem itself.
        improvements: per read, (k, 2): step and cost in the machine's integers, the best last.
        quantisation: of the machine: ``exact``, ``scale``, ``groups``.
    """
    if quantisation.get("exact", True) or "groups" not in quantisation or not costs:
        return {}
    seen = np.array([float(trace[-1, 1]) for trace in improvements]) / float(quantisation["scale"])
    true = np.array([float(cost) for cost in costs])
    errors = true - float(problem.offset) - seen
    if len(true) >= ENOUGH and errors.std() > 0.5 * true.std() > 0:
        warnings.warn(
            f"coefficients were rounded to what synapses hold; at the solutions found this changes costs by "
            f"{errors.std():.3g} (standard deviation), while they differ by {true.std():.3g}: the chip cannot tell "
            "which is best; compare with the target cpu, or lower the penalties",
            stacklevel=4,
        )
    return {"rounding_mean": float(errors.mean()), "rounding_spread": float(errors.std())}
