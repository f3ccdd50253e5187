"""A fitted profile refuses to price outside the range of its data."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger

if TYPE_CHECKING:
    from hw_profiles.schema import ProfileModel

__all__ = ["METRICS", "check_validity"]

Metric = Callable[[Ledger, "ProfileModel"], "float | None"]

_UPDATES = (Event.NEURON_UPDATES_ACTIVE, Event.NEURON_UPDATES_INACTIVE)


def _ratio(above: tuple[Event, ...], below: tuple[Event, ...]) -> Metric:
    def metric(ledger: Ledger, profile: ProfileModel) -> float | None:
        divisor = sum(ledger.total(event) for event in below)
        return sum(ledger.total(event) for event in above) / divisor if divisor else None

    return metric


def _cores(ledger: Ledger, profile: ProfileModel) -> float | None:
    """Cores of the placement; nothing can be said without one."""
    del profile
    return float(len({key.core for key in ledger if key.core >= 0})) or None


#: what a range of validity may speak of, computed from the counts
METRICS: dict[str, Metric] = {
    "cores": _cores,
    "synaptic_operations_per_step": _ratio((Event.SYNAPTIC_OPERATIONS,), (Event.STEPS,)),
    "synaptic_operations_per_message": _ratio((Event.SYNAPTIC_OPERATIONS,), (Event.MESSAGES,)),
    "messages_per_step": _ratio((Event.MESSAGES,), (Event.STEPS,)),
    "neuron_updates_per_step": _ratio(_UPDATES, (Event.STEPS,)),
    "active_fraction": _ratio((Event.NEURON_UPDATES_ACTIVE,), _UPDATES),
}


def check_validity(ledger: Ledger, profile: ProfileModel) -> None:
    """Raise unless the counts lie within every range of ``profile``.

    Raises:
        InputError: names every quantity outside its range, or that the counts cannot give.
    """
    problems = []
    for rule in profile.validity:
        got = METRICS[rule.metric](ledger, profile)
        if got is None:
            problems.append(f"{rule.metric} cannot be computed from these counts")
        elif not rule.low <= got <= rule.high:
            problems.append(f"{rule.metric} is {got:.4g}, the data cover {rule.low:g} to {rule.high:g}")
    if problems:
        raise InputError(
            f"the fitted profile {profile.name!r} refuses to extrapolate: {'; '.join(problems)}; "
            "use a profile that is not fitted, or a run within the range"
        )
