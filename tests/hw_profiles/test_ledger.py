"""The ledger counts what its enumerations name, and nothing else."""

from __future__ import annotations

import pytest

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Key, Ledger, Phase


@pytest.mark.parametrize(("field", "wrong"), [("phase", "fre"), ("component", "neuron")])
def test_a_name_outside_the_enumerations_is_refused(field: str, wrong: str) -> None:
    with pytest.raises(InputError, match=f"no {field} '{wrong}'; there are"):
        Ledger().add(Event.STEPS, 1, **{field: wrong})  # type: ignore[arg-type]


def test_keys_hold_plain_strings() -> None:
    ledger = Ledger()
    ledger.add(Event.STEPS, 1, component=Component.MACHINE, phase=Phase.NUDGE_PLUS)
    (key,) = ledger
    assert type(key.phase) is str
    assert f"{key.component} {key.phase}" == "machine nudge+"


def test_older_names_are_read_as_they_are() -> None:
    old = Key(Event.STEPS, "annealer", "", -1, "suggest")
    assert Ledger({old: 3}).total(Event.STEPS, phase="suggest") == 3


@pytest.mark.parametrize(
    ("beta", "phase"),
    [(None, Phase.FREE), (0.5, Phase.NUDGE_PLUS), (-0.5, Phase.NUDGE_MINUS), (0.5j, Phase.NUDGE), (0, "nudge+")],
)
def test_the_phase_of_a_nudge(beta: complex | None, phase: str) -> None:
    assert Phase.of_nudge(beta) == phase
