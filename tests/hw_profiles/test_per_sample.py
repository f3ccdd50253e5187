"""One training sample and one inference out of a whole run's counts."""

from __future__ import annotations

import pytest

from hw_profiles.ledger import Event, Ledger
from hw_profiles.per_sample import INFERENCE, PROBE, TEST, TRAINING_SAMPLE, in_phase, shares
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile

SAMPLES = {TRAINING_SAMPLE: 10, INFERENCE: 4}


def run() -> tuple[Ledger, Ledger, Ledger]:
    """Training, evaluation, and a probe that belongs to neither."""
    training, test, probe = Ledger(), Ledger(), Ledger()
    for phase, steps in (("free", 1000), ("nudge+", 300)):
        training.add(Event.STEPS, steps, phase=phase)
        training.add(Event.SYNAPTIC_OPERATIONS, 50 * steps, layer="l1", phase=phase, core=0)
    training.add(Event.WEIGHT_WRITES, 77, phase="program")
    test.add(Event.STEPS, 200, phase="free")
    test.add(Event.SYNAPTIC_OPERATIONS, 900, layer="l1", phase="free", core=0)
    probe.add(Event.STEPS, 10**6, phase=PROBE)
    return training, in_phase(test, TEST), probe


def test_the_shares_are_the_parts_over_their_samples() -> None:
    training, test, probe = run()
    profile = load_profile("loihi2")
    one, other = shares(training + test + probe, SAMPLES, profile, chips=1)
    assert (one.what, one.samples, other.what, other.samples) == (TRAINING_SAMPLE, 10, INFERENCE, 4)
    assert one.counts[Event.STEPS] == 130
    assert one.counts[Event.WEIGHT_WRITES] == 7.7
    assert other.counts == {Event.SYNAPTIC_OPERATIONS: 225, Event.STEPS: 50}
    whole = price(training, profile, 1)
    assert one.energy.value == pytest.approx(whole.energy.value / 10)
    assert one.latency.high == pytest.approx(whole.latency.high / 10)
    assert one.energy.grade == whole.energy.grade
    assert one.as_dict()["latency_s"]["low"] == pytest.approx(whole.latency.low / 10)


def test_what_was_not_done_has_no_share() -> None:
    training, test, _ = run()
    profile = load_profile("loihi2")
    assert [s.what for s in shares(training, SAMPLES, profile)] == [TRAINING_SAMPLE]
    assert [s.what for s in shares(training + test, {INFERENCE: 4}, profile)] == [INFERENCE]
    assert shares(training + test, {}, profile) == ()


def test_in_phase_moves_every_count_and_loses_none() -> None:
    ledger = Ledger()
    ledger.add(Event.STEPS, 3, phase="free")
    ledger.add(Event.STEPS, 4, phase="nudge+")
    ledger.add(Event.MESSAGES, 5, layer="l1", component="neurons", core=2, phase="free")
    moved = in_phase(ledger, TEST)
    assert moved.totals() == ledger.totals()
    assert {key.phase for key in moved} == {TEST}
    assert moved.total(Event.MESSAGES, layer="l1", component="neurons", core=2) == 5
