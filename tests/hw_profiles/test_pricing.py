"""Prices: published figures recomputed from counts, ranges, refusals, latency as a maximum of bounds."""

from __future__ import annotations

import pytest

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import list_profiles, load_profile


def one(event: Event, count: int = 1, **where: object) -> Ledger:
    ledger = Ledger()
    ledger.add(event, count, **where)  # type: ignore[arg-type]
    return ledger


@pytest.mark.parametrize(
    ("event", "picojoules"),
    [
        (Event.SYNAPTIC_OPERATIONS, 23.6),
        (Event.SYNAPTIC_UPDATES, 120),
        (Event.NEURON_UPDATES_ACTIVE, 81),
        (Event.NEURON_UPDATES_INACTIVE, 52),
        (Event.MESSAGES_BETWEEN_CORES, 1.7),
        (Event.HOPS_EAST_WEST, 3.0),
        (Event.HOPS_NORTH_SOUTH, 4.0),
    ],
)
def test_loihi_1_table_of_davies_2018(event: Event, picojoules: float) -> None:
    cost = price(one(event, 10**9), load_profile("loihi1"))
    assert cost.dynamic.value == pytest.approx(picojoules * 1e-3)
    assert cost.dynamic.grade == "simulated"


@pytest.mark.parametrize(
    ("event", "nanoseconds"),
    [(Event.SYNAPTIC_OPERATIONS, 3.5), (Event.NEURON_UPDATES_ACTIVE, 8.4), (Event.NEURON_UPDATES_INACTIVE, 5.3)],
)
def test_loihi_1_times_of_davies_2018(event: Event, nanoseconds: float) -> None:
    assert price(one(event, 1000, core=0), load_profile("loihi1")).latency.value == pytest.approx(nanoseconds * 1e-6)


def test_hermes_product_of_one_array() -> None:
    ledger = one(Event.CELL_READS, 256 * 256)
    ledger.add(Event.MATRIX_VECTOR_PRODUCTS, 1)
    cost = price(ledger, load_profile("hermes-pcm"))
    # 2 x 256 x 256 operations over 2.48 and 9.76 TOPS/W; 64 arrays give 16.1 and 63.1 TOPS: both lie within the range,
    # which is theirs widened by 1.25, and the value is their geometric mean.
    four, one_phase = 2 * 65536 / 2.48e12, 2 * 65536 / 9.76e12
    assert cost.energy.value == pytest.approx((four * one_phase) ** 0.5, rel=1e-3)
    assert (cost.energy.low, cost.energy.high) == (
        pytest.approx(one_phase / 1.25, rel=1e-2), pytest.approx(four * 1.25, rel=1e-2)
    )  # fmt: skip
    slow, fast = 64 * 2 * 65536 / 16.1e12, 64 * 2 * 65536 / 63.1e12
    assert (cost.latency.low, cost.latency.high) == (
        pytest.approx(fast / 1.25, rel=1e-2), pytest.approx(slow * 1.25, rel=1e-2)
    )  # fmt: skip


@pytest.mark.parametrize(("rate", "joules"), [(20 * 128, 26e-12), (200 * 256, 2.5e-12)])
def test_truenorth_gives_both_published_energies_of_an_event(rate: int, joules: float) -> None:
    # A million neurons for one second of 1 ms ticks: 26 pJ an event in all at 20 Hz x 128 synapses, 2.5 pJ when dense.
    events = 2**20 * rate
    ledger = one(Event.SYNAPTIC_OPERATIONS, events)
    for event in (Event.NEURON_UPDATES_INACTIVE, Event.MESSAGES, Event.HOPS_EAST_WEST):
        ledger.add(event, 7)  # covered: nothing on top
    ledger.add(Event.STEPS, 1000)
    cost = price(ledger, load_profile("truenorth"))
    assert cost.energy.value == pytest.approx(events * joules, rel=0.01)
    assert cost.latency.value == pytest.approx(1.0)


def test_horowitz_multiply_accumulate() -> None:
    profile = load_profile("digital-45nm")
    assert price(one(Event.MACS), profile).energy.value == pytest.approx(4.6e-12)
    assert price(one(Event.MACS), profile).energy.low == pytest.approx(0.23e-12)
    assert price(one(Event.ACS), profile).energy.value == pytest.approx(0.9e-12)
    assert price(one(Event.MACS), profile).latency.missing == ("macs",)


def test_brainscales_sample_from_its_time() -> None:
    cost = price(one(Event.SETTLING_NANOSECONDS, 276_000), load_profile("brainscales2"))
    assert cost.energy.value == pytest.approx(192e-6, rel=1e-3)


def test_hala_point_powers_every_chip() -> None:
    cost = price(one(Event.STEPS, 10), load_profile("hala-point"))
    assert cost.chips == 1152
    assert cost.static.high == pytest.approx(1152 * 2.26 * 10 * 1.75e-6)
    assert cost.boundary == "system"


def test_crossbar_cell_read_follows_from_its_device() -> None:
    profile = load_profile("crossbar")
    names = ("read_voltage", "conductance_max", "conductance_min", "read_time")
    volts, high, low, seconds = (profile.device[name].si().value or 0.0 for name in names)
    read = next(p for p in profile.price if p.event is Event.CELL_READS)
    assert read.energy is not None
    assert read.energy.si().value == pytest.approx(volts**2 * (high + low) / 2 * seconds)


def test_total_is_refused_by_name_and_the_rest_still_priced() -> None:
    ledger = one(Event.SYNAPTIC_OPERATIONS, 100, core=0)
    ledger.add(Event.WEIGHT_WRITES, 5)
    cost = price(ledger, load_profile("loihi1"))
    assert cost.energy.value is None
    assert cost.energy.missing == ("weight_writes",)
    assert cost.by("component")["synapse"].value == pytest.approx(2.36e-9)
    assert cost.as_dict()["energy"] == {
        "value": None, "low": None, "high": None, "grade": None, "missing": ["weight_writes"],
    }  # fmt: skip


def test_a_processor_needs_a_time_before_it_covers_other_counts() -> None:
    ledger = one(Event.MACS, 10)
    assert price(ledger, load_profile("cpu")).energy.missing == ("macs",)
    ledger.add(Event.WALL_NANOSECONDS, 10**9)
    cost = price(ledger, load_profile("cpu"))
    assert (cost.energy.low, cost.energy.high) == (pytest.approx(11.7), pytest.approx(140))
    assert cost.energy.grade == "assumed"


def test_a_counter_replaces_the_assumed_power() -> None:
    ledger = one(Event.WALL_NANOSECONDS, 10**9)
    assert price(ledger, load_profile("this-machine")).energy.grade == "assumed"
    ledger.add(Event.MEASURED_MICROJOULES, 7_000_000, component="rail", layer="package-0")
    cost = price(ledger, load_profile("this-machine"))
    assert cost.energy.value == pytest.approx(7.0)
    assert cost.energy.grade == "measured"


def test_step_time_is_the_heaviest_term_of_the_heaviest_core() -> None:
    profile = load_profile("loihi1")
    ledger = one(Event.STEPS, 10)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 1000, core=0)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 4000, core=3)
    ledger.add(Event.SYNAPTIC_OPERATIONS, 2000, core=0)
    assert price(ledger, profile).latency.value == pytest.approx(4000 * 5.3e-9)
    ledger.add(Event.SYNAPTIC_OPERATIONS, 10_000, core=0)
    assert price(ledger, profile).latency.value == pytest.approx(12_000 * 3.5e-9)
    idle = one(Event.STEPS, 10)
    assert price(idle, profile).latency.value == pytest.approx(10 * 465e-9)


def test_phases_add_up_and_unphased_work_goes_on_beside() -> None:
    profile = load_profile("loihi1")
    ledger = Ledger()
    for phase, updates in (("free", 1000), ("nudge+", 3000)):
        ledger.add(Event.STEPS, 1, phase=phase)
        ledger.add(Event.NEURON_UPDATES_INACTIVE, updates, core=0, phase=phase)
    expected = 4000 * 5.3e-9
    assert price(ledger, profile).latency.value == pytest.approx(expected)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 10, core=0)
    assert price(ledger, profile).latency.value == pytest.approx(expected)


def test_without_a_placement_there_is_no_step_time() -> None:
    ledger = one(Event.STEPS, 1)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 2048)
    cost = price(ledger, load_profile("loihi1"))
    assert cost.latency.missing == ("counts without cores",)
    assert cost.energy.missing == ("counts without cores",)
    assert cost.dynamic.value == pytest.approx(2048 * 52e-12 + 128e-12)
    assert "place the program" in cost.assumptions[0]
    ledger = one(Event.STEPS, 1)
    for core in (0, 1):
        ledger.add(Event.NEURON_UPDATES_INACTIVE, 1024, core=core)
    ledger.add(Event.MESSAGES_BETWEEN_CORES, 4000)  # of no core: spread over the two used
    cost = price(ledger, load_profile("loihi1"))
    assert cost.latency.value == pytest.approx(1024 * 5.3e-9)
    assert any(term.term == "link" and term.time.value == pytest.approx(2000 * 2.1e-9) for term in cost.terms)


def test_static_energy_is_power_times_chips_times_time() -> None:
    ledger = one(Event.NEURON_UPDATES_INACTIVE, 10**6, core=0)
    once, twice = (price(ledger, load_profile("loihi1"), chips=c) for c in (1, 2))
    assert once.static.value == pytest.approx(0.104 * 5.3e-3)
    assert twice.static.value == pytest.approx(2 * once.static.value)  # type: ignore[operator]
    assert once.energy.value == pytest.approx(once.static.value + once.dynamic.value)  # type: ignore[operator]
    with pytest.raises(InputError, match="chips"):
        price(ledger, load_profile("loihi1"), chips=0)


def test_fitted_prices_refuse_to_extrapolate() -> None:
    profile = load_profile("loihi1-fitted")
    ledger = Ledger()
    for core in range(116):
        ledger.add(Event.NEURON_UPDATES_INACTIVE, 10, core=core)
    assert price(ledger, profile).dynamic.value == pytest.approx(1160 * 72.8e-12)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 10, core=116)
    with pytest.raises(InputError, match=r"cores is 117, the data cover 1 to 116"):
        price(ledger, profile)


def test_an_empty_ledger_costs_nothing_anywhere() -> None:
    for name in list_profiles():
        if name != "loihi1-fitted":
            assert price(Ledger(), load_profile(name)).energy.value == 0


def test_ranges_hold_the_value_on_every_profile() -> None:
    ledger = Ledger()
    for event in (Event.SYNAPTIC_OPERATIONS, Event.NEURON_UPDATES_ACTIVE, Event.NEURON_UPDATES_INACTIVE, Event.STEPS):
        ledger.add(event, 1000, phase="free", core=0)
    for name in list_profiles():
        cost = price(ledger, load_profile(name))
        for estimate in (cost.energy, cost.latency, cost.dynamic, cost.static):
            if estimate.value is not None:
                assert estimate.low is not None
                assert estimate.high is not None
                assert estimate.low <= estimate.value <= estimate.high
