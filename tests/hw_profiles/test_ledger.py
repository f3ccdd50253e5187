"""The ledger counts what its enumerations name, and nothing else."""

from __future__ import annotations

import pickle
from copy import copy

import pytest

from hw_profiles.errors import InputError
from hw_profiles.later import Later
from hw_profiles.ledger import Component, Event, Key, Ledger, Phase, Uncounted


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


class Slow:
    """Facts that count ``steps``; says how often they were counted."""

    def __init__(self, steps: int) -> None:
        self.steps, self.asked = steps, 0

    def count(self) -> Ledger:
        self.asked += 1
        ledger = Ledger()
        ledger.add(Event.STEPS, self.steps)
        return ledger

    def joined(self, other: Uncounted) -> Slow | None:
        return Slow(self.steps + other.steps) if isinstance(other, Slow) else None


class Apart(Slow):
    def joined(self, other: Uncounted) -> None:
        return None


def test_facts_are_counted_when_somebody_looks_and_once() -> None:
    facts = Slow(3)
    ledger = Ledger.of(facts)
    ledger.add(Event.STEPS, 1)
    assert facts.asked == 0
    assert ledger.total(Event.STEPS) == 4
    assert len(ledger) == 1
    assert dict(ledger) == {Key(Event.STEPS): 4}
    assert repr(ledger) == "Ledger(steps=4)"
    assert facts.asked == 1


@pytest.mark.parametrize("kind", [Slow, Apart])
def test_facts_are_merged_added_and_copied_like_counts(kind: type[Slow]) -> None:
    one, other = Ledger.of(kind(3)), Ledger.of(kind(5))
    both, kept = one + other, one.copy()
    one.merge(other)
    one.add(Event.STEPS, 1)
    other.merge(other)
    assert [ledger.total(Event.STEPS) for ledger in (one, other, both, kept)] == [9, 10, 8, 3]


def test_a_pickle_holds_counts_not_facts() -> None:
    ledger = pickle.loads(pickle.dumps(Ledger.of(Slow(3))))
    assert dict(ledger) == {Key(Event.STEPS): 3}
    copied = copy(ledger)
    copied.add(Event.STEPS, 1)
    assert ledger.total(Event.STEPS) == 3


def test_an_interrupted_count_loses_nothing() -> None:
    class Broken(Apart):
        def count(self) -> Ledger:
            if not self.asked:
                self.asked = 1
                raise KeyboardInterrupt
            return super().count()

    ledger = Ledger.of(Apart(2))
    ledger.merge(Ledger.of(Broken(5)))
    with pytest.raises(KeyboardInterrupt):
        len(ledger)
    assert ledger.total(Event.STEPS) == 7


def test_later_is_made_once_and_pickled_made() -> None:
    made: list[int] = []
    later = Later(lambda: made.append(1))
    assert not made
    assert later.value is None
    assert later.value is None
    assert made == [1]
    assert pickle.loads(pickle.dumps(later)).value is None
    assert pickle.loads(pickle.dumps(Later(lambda: {1: 2}))).value == {1: 2}
