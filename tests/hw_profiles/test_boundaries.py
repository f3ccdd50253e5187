"""One boundary at a time, two prices of a step, neurons in microcode, host traffic, waiting, power at work."""

from __future__ import annotations

import pytest

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import list_profiles, load_profile
from hw_profiles.sensitivity import sensitivity


def loihi(**counts: int) -> Ledger:
    ledger = Ledger()
    for name, count in counts.items():
        ledger.add(Event(name), count, core=0 if name.startswith("neuron") else -1)
    return ledger


def test_the_boundary_replaces_the_static_power_and_nothing_else() -> None:
    profile = load_profile("loihi2")
    costs = {b: price(loihi(steps=10**6), profile, boundary=b) for b in ("silicon", "board", "system")}
    times = {cost.latency.value for cost in costs.values()}
    assert len(times) == 1
    for boundary, watts in (("silicon", 0.214), ("board", 1.78), ("system", 0.70)):
        assert costs[boundary].boundary == boundary
        assert costs[boundary].static.value == pytest.approx(watts * 0.2)
        assert costs[boundary].dynamic == costs["silicon"].dynamic


def test_a_boundary_a_profile_has_not_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="'hermes-pcm' has no power at the boundary board; it has silicon"):
        price(Ledger(), load_profile("hermes-pcm"), boundary="board")
    with pytest.raises(InputError, match="unknown boundary 'moon'"):
        price(Ledger(), load_profile("loihi2"), boundary="moon")


def test_every_profile_prices_at_its_own_boundary() -> None:
    for name in list_profiles():
        if name != "loihi1-fitted":
            profile = load_profile(name)
            assert price(Ledger(), profile).boundary is profile.boundary


def test_a_step_has_two_prices() -> None:
    profile = load_profile("loihi2")
    bare, driven = (price(loihi(steps=1000), profile, drive=how) for how in ("barrier", "lava"))
    assert bare.latency.value == pytest.approx(1000 * 200e-9)
    assert driven.latency.value == pytest.approx(1000 * 1.164e-6)
    assert driven.dynamic.value == pytest.approx(1000 * 32e-9)
    assert bare.latency.high >= driven.latency.high, "what was measured lies in the range of what the chip could do"  # type: ignore[operator]
    assert price(loihi(steps=1000), profile).drive == "barrier"
    with pytest.raises(InputError, match="no steps driven by 'host'; it has barrier, lava, probe"):
        price(loihi(steps=1), profile, drive="host")
    with pytest.raises(InputError, match="its steps have one price"):
        price(loihi(steps=1), load_profile("truenorth"), drive="lava")


def test_microcode_costs_more_than_a_built_in_neuron() -> None:
    ledger = Ledger()
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 1000, core=0, component=Component.NEURONS)
    micro = price(ledger, load_profile("loihi2"))
    ledger = Ledger()
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 1000, core=0, component=Component.BUILT_IN_NEURONS)
    plain = price(ledger, load_profile("loihi2"))
    assert micro.latency.value == pytest.approx(1000 * 49.8e-9)
    assert plain.latency.value == pytest.approx(1000 * 2.65e-9)
    both = price(ledger + loihi(neuron_updates_inactive=1000), load_profile("loihi2"))
    assert both.latency.value == pytest.approx(1000 * (49.8e-9 + 2.65e-9))


def test_host_traffic_is_a_term_of_the_time_and_never_silently_absent() -> None:
    for drive, step, read, write in (
        ("barrier", 200e-9, 15e-9, 15e-9), ("lava", 1.164e-6, 1.49e-6, 1.49e-6), ("probe", 1.164e-6, 27.8e-6, 1.49e-6),
    ):  # fmt: skip
        cost = price(loihi(steps=1, host_reads=1000, host_writes=500), load_profile("loihi2"), drive=drive)
        assert cost.latency.value == pytest.approx(step + 1000 * read + 500 * write)
        assert {term.term for term in cost.terms} == {"barrier", "host"}


def test_a_program_on_several_chips_pays_their_barrier_and_their_links() -> None:
    profile = load_profile("loihi2")

    def placed(last: int, **counts: int) -> Ledger:
        ledger = loihi(**counts)
        for core in (0, last):
            ledger.add(Event.NEURON_UPDATES_INACTIVE, 1, core=core, component=Component.BUILT_IN_NEURONS)
        return ledger

    one, two = (price(placed(last, steps=1000), profile) for last in (119, 120))
    assert (one.chips, two.chips) == (1, 2)
    assert one.latency.value == pytest.approx(1000 * 200e-9)
    assert two.latency.value == pytest.approx(1000 * 10e-6)
    neurons = 2 * 52e-12
    assert one.dynamic.value == pytest.approx(1000 * 128e-12 + neurons)
    assert two.dynamic.value == pytest.approx(2 * 1000 * 128e-12 + neurons), "a barrier is spent by every chip"
    crossed = price(placed(120, messages_between_chips=10**6), profile)
    assert crossed.latency.value == pytest.approx(10**6 * 15e-9 / 2), "each chip sends its share beside the other"
    assert crossed.dynamic.value == pytest.approx(10**6 * 480e-12 + neurons)
    beside = placed(120, messages_between_chips=10**6)
    beside.add(Event.SYNAPTIC_OPERATIONS, 10**8, core=0)
    assert price(beside, profile).latency.value == pytest.approx(10**8 * 0.76e-9), "links work beside the cores"
    # Chips that are powered and hold nothing of the program have no part in its barrier.
    whole = price(placed(119, steps=1000), load_profile("hala-point"))
    assert (whole.chips, whole.latency.value) == (1152, pytest.approx(1000 * 200e-9))


def test_waiting_draws_static_power_only() -> None:
    ledger = Ledger()
    ledger.add(Event.WAITING_NANOSECONDS, 10**9)
    still = price(ledger, load_profile("cpu-ryzen-2600x"))
    assert still.energy.value == pytest.approx(50.3)
    ledger.add(Event.WALL_NANOSECONDS, 10**9)
    both = price(ledger, load_profile("cpu-ryzen-2600x"))
    assert both.energy.value == pytest.approx(2 * 50.3 + 33.95)
    assert both.by("component")["power at work"].value == pytest.approx(33.95)


def test_a_roofline_takes_the_longer_of_arithmetic_and_memory_and_adds_the_launches() -> None:
    profile = load_profile("gpu-h100")
    peak, share, band, launch = 494e12, 0.3, 3350e9, 4.78e-6

    def seconds(**counts: int) -> float | None:
        return price(loihi(**counts), profile).latency.value

    assert seconds(macs=10**14) == pytest.approx(10**14 / (peak * share), rel=1e-3)
    assert seconds(macs=10**14, memory_bytes=10**9) == pytest.approx(10**14 / (peak * share), rel=1e-3)
    assert seconds(macs=10**9, memory_bytes=10**12) == pytest.approx(10**12 / band, rel=1e-3)
    assert seconds(macs=10**9, memory_bytes=10**12, kernel_launches=100) == pytest.approx(
        10**12 / band + 100 * launch, rel=1e-3
    )


def test_a_processor_refuses_the_counts_of_another_machines_program() -> None:
    cost = price(loihi(steps=10, synaptic_operations=100), load_profile("gpu-h100"))
    assert set(cost.energy.missing) == {"synaptic_operations", "steps"}


def test_sensitivity_of_a_product_is_the_logarithms_of_its_factors() -> None:
    # Static energy alone: power times time, two prices; shares follow from their ranges in closed form.
    import math

    ledger = loihi(host_reads=1000)
    found = sensitivity(ledger, load_profile("loihi2"), drive="probe")["energy"]
    power, time = math.log(0.353 / 0.078), math.log(41.7 / 18.5)
    shares = {swing.price: swing.share for swing in found}
    assert shares["static power at the boundary silicon"] == pytest.approx(power / (power + time))
    assert shares["time of host reads (driven by probe)"] == pytest.approx(time / (power + time))
    assert [swing.share for swing in found] == sorted((swing.share for swing in found), reverse=True)


def test_sensitivity_of_a_sum_names_the_price_that_matters() -> None:
    ledger = loihi(steps=1)
    ledger.add(Event.SYNAPTIC_OPERATIONS, 10**9, core=0)
    found = sensitivity(ledger, load_profile("loihi2"), drive="barrier")
    # a synaptic operation costs energy itself, and time in which the chip draws its static power
    assert {"energy of synaptic operations", "time of synaptic operations"} <= {
        swing.price for swing in found["energy"]
    }
    assert found["latency"][0].price == "time of synaptic operations"
    assert sum(swing.share for swing in found["energy"]) == pytest.approx(1)
    refused = Ledger()
    refused.add(Event.CELL_READS, 1)
    assert sensitivity(refused, load_profile("loihi2")) == {"energy": (), "latency": ()}
