"""Chips: drawn once, written through their faults, aged, saved; every fault with its limit."""

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy import stats

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.analog import AnalogMachine, ChipInstance, ChipParameters, IdealMachine
from substrates.analog.imperfections import Array, fill_normals, quantise, sample_keys
from substrates.analog.solvers import AlternatingBlocks
from substrates.base import Nudge, Stop
from substrates.network import layered


def network():
    return layered([10, 8, 6, 3], seed=2)


def test_no_fault_is_the_ideal_machine():
    net, x = network(), torch.rand(4, 10)
    results = []
    for machine in (IdealMachine(net), AnalogMachine(net, ChipParameters.ideal(), seed=9)):
        results.append(machine.relax(machine.drive(x), Stop(100)))
    assert all(bool((a == b).all()) for a, b in zip(*(r.activities for r in results)))


def test_same_seed_same_chip_other_seed_other_chip():
    p = ChipParameters(gain_mismatch=0.1, conductance_mismatch=0.1, drift_exponent=0.1, drift_spread=0.2)
    a, b, c = (AnalogMachine(network(), p, seed=s).instance for s in (1, 1, 2))
    assert all(np.array_equal(x, y) for x, y in zip(a.gain, b.gain))
    assert not np.array_equal(a.gain[0], c.gain[0])
    # forward and backward arrays of a pair are drawn independently
    assert abs(np.corrcoef(a.arrays[1].mismatch.ravel(), a.arrays[2].mismatch.T.ravel())[0, 1]) < 0.5


def test_chip_persists_and_goes_on(tmp_path):
    p = ChipParameters(gain_mismatch=0.1, levels=16, programming_error=0.02, drift_exponent=0.05, drift_spread=0.3)
    net, x = network(), torch.rand(3, 10)
    machine = AnalogMachine(net, p, seed=5)
    machine.age(100.0)
    path = machine.instance.save(tmp_path / "chip.h5")
    again = AnalogMachine(net, instance=ChipInstance.load(path))
    for m in (machine, again):
        m.age(1000.0)
    one, two = (m.relax(m.drive(x), Stop(50)) for m in (machine, again))
    assert all(bool((a == b).all()) for a, b in zip(one.activities, two.activities))
    (tmp_path / "bad.h5").write_bytes(b"no")
    with pytest.raises(InputError, match="not a readable HDF5 chip instance"):
        ChipInstance.load(tmp_path / "bad.h5")
    with pytest.raises(InputError, match="draw a chip"):
        AnalogMachine(layered([10, 4, 3]), instance=ChipInstance.load(path))


def test_levels_and_bounds():
    p = ChipParameters(levels=4, on_off_ratio=10.0, weight_range=1.0)
    array = Array.draw(np.zeros((50, 50)), p, 0, 0)
    array.write(np.random.default_rng(0).normal(size=(50, 50)), p, 0, 0, 0.0)
    values = np.unique(np.round(array.read(p, 0.0), 12))
    np.testing.assert_allclose(values, np.linspace(-0.9, 0.9, 7), atol=1e-9)


def test_programming_error_has_its_size_and_only_changed_cells_are_rewritten():
    p = ChipParameters(programming_error=0.05, weight_range=2.0)
    array = Array.draw(np.zeros((100, 100)), p, 0, 0)
    wanted = np.full((100, 100), 0.5)
    assert array.write(wanted, p, 0, 0, 0.0) == 10_000
    assert np.std(array.stored - wanted) == pytest.approx(0.1, rel=0.03)
    before = array.stored.copy()
    wanted = wanted.copy()
    wanted[0] = 0.7
    assert array.write(wanted, p, 0, 0, 1.0) == 100
    assert np.array_equal(array.stored[1:], before[1:])


def test_asymmetric_steps_follow_their_formula():
    p = ChipParameters(open_loop=True, write_asymmetry=0.5, weight_range=1.0)
    array = Array.draw(np.zeros((1, 2)), p, 0, 0)
    array.write(np.array([[0.4, 0.4]]), p, 0, 0, 0.0)
    array.write(np.array([[0.5, 0.3]]), p, 0, 0, 0.0)
    np.testing.assert_allclose(array.stored, [[0.4 + 0.1 * (1 - 0.5 * 0.4), 0.4 - 0.1 * (1 + 0.5 * 0.4)]])


def test_open_loop_pulses_are_unbiased_and_the_parameters_follow_the_cells():
    p = ChipParameters(open_loop=True, levels=33, weight_range=4.0)
    net = network()
    machine = AnalogMachine(net, p, seed=1)
    weight = net.couplings[1].weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight += 0.01  # a small part of a pulse (0.125)
    machine.program()
    change = (weight - before).detach()
    assert set(np.round(change.unique().numpy(), 4)) <= {0.0, 0.125}
    array = Array.draw(np.zeros((200, 200)), p, 0, 0)
    array.write(np.zeros((200, 200)), p, 0, 0, 0.0)
    array.write(np.full((200, 200), 0.01), p, 0, 0, 0.0)
    assert array.stored.mean() == pytest.approx(0.01, rel=0.1)


def test_drift_follows_the_power_law():
    p = ChipParameters(drift_exponent=0.06, drift_time_s=2.0)
    machine = AnalogMachine(network(), p)
    fresh = machine.instance.read(0).copy()
    machine.age(1000.0)
    np.testing.assert_allclose(machine.instance.read(0), fresh * (1 + 500.0) ** -0.06)


def test_noise_numbers_are_normal_and_independent():
    keys = sample_keys(3, np.arange(64, dtype=np.uint64), 0)
    draws = np.empty((20, 64, 500), np.float32)
    for step in range(20):
        fill_normals(keys, step, draws[step])
    assert stats.kstest(draws.ravel(), "norm").pvalue > 1e-3
    for axis in range(3):
        a, b = np.moveaxis(draws, axis, 0)[:-1].ravel(), np.moveaxis(draws, axis, 0)[1:].ravel()
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.006


@pytest.mark.parametrize("kind", ["read_noise", "read_noise_proportional"])
def test_output_referred_read_noise_is_the_cells_noise(kind):
    """One undamped step from rest, against drawing an error for every cell."""
    net, chip = network(), ChipParameters(**{kind: 0.05})
    machine = AnalogMachine(net, chip, seed=1)
    x = torch.rand(1, 10).repeat(4000, 1)
    got = machine.relax(machine.drive(x), Stop(1)).membranes[1].numpy() * 2  # half steps
    rng, twin = np.random.default_rng(0), machine._twin
    v0 = 1 / (1 + np.exp(2.0))
    total = np.zeros((4000, 6))
    for index in (1, 4):  # l1 -> l2, out -> l2
        w = twin.couplings[index].matrix.detach().numpy()
        scale = machine.instance.arrays[index].w_max if kind == "read_noise" else w
        total += (0.05 * scale * rng.standard_normal((4000, *w.shape)) * v0).sum(axis=2)
    np.testing.assert_allclose(got.std(axis=0), total.std(axis=0), rtol=0.08)


def test_state_noise_has_the_standing_deviation_it_names():
    net = layered([4, 5], seed=0)  # one population, not coupled
    for solver_steps in (100,):
        machine = AnalogMachine(net, ChipParameters(state_noise=0.03), seed=0)
        u = machine.relax(machine.drive(torch.zeros(3000, 4)), Stop(solver_steps)).membranes[0]
        assert float(u.std()) == pytest.approx(0.03, rel=0.03)


def test_repeated_nudges_meet_new_noise_and_zero_noise_none():
    net, x, y = network(), torch.rand(2, 10), torch.zeros(2, dtype=torch.int64)
    for noise in (0.0, 0.02):
        machine = AnalogMachine(net, ChipParameters(state_noise=noise), seed=0)
        drive = machine.drive(x)
        free = machine.relax(drive, Stop(50))
        a, b = (machine.relax(drive, Stop(20), nudge=Nudge(0.1, y), start=free) for _ in range(2))
        assert bool((a.activities[0] == b.activities[0]).all()) == (noise == 0.0)


def test_settling_time_cuts_and_counts():
    p = ChipParameters(settling_time_s=1e-6, time_constant_s=1e-7)
    machine = AnalogMachine(network(), p)
    got = machine.relax(machine.drive(torch.rand(3, 10)), Stop(1000))
    assert got.steps.tolist() == [20, 20, 20]  # half a time constant each
    counts = got.ledger.totals()
    assert counts[Event.SETTLING_NANOSECONDS] == 3 * 1000
    assert counts[Event.AMPLIFIER_NANOSECONDS] == 3 * 1000 * 17
    assert counts[Event.ADC_CONVERSIONS] == 3 * 17
    assert counts[Event.DAC_CONVERSIONS] == 3 * 10
    assert counts[Event.MATRIX_VECTOR_PRODUCTS] == 60 * 5
    assert counts[Event.CELL_READS] == 60 * (80 + 2 * 48 + 2 * 18)


@pytest.mark.parametrize("bits", [0, 10])
def test_averaged_readings_have_the_noise_of_a_mean(bits: int) -> None:
    """Beside the closed form s / sqrt(R), and of independent draws: no reading is taken twice."""
    x, chip = torch.rand(2000, 10), ChipParameters(readout_noise=0.02, adc_bits=bits)
    spread = {}
    for readings in (1, 4, 16):
        machine = AnalogMachine(network(), chip, seed=1, readings=readings)
        drive = machine.drive(x)
        got = machine.relax(drive, Stop(50))
        exact = AnalogMachine(network(), ChipParameters(), seed=1).relax(drive, Stop(50, 0.0))
        error = torch.cat([(a - b).flatten() for a, b in zip(got.activities, exact.activities)])
        spread[readings] = float(error.std())
        assert got.ledger.totals()[Event.ADC_CONVERSIONS] == readings * 2000 * 17
        assert abs(float(error.mean())) < 5 * spread[readings] / math.sqrt(error.numel()) + (
            0.5 / 1023 if bits else 1e-4
        )
    converted = (1 / 1023) ** 2 / 12 if bits else 0.0
    for readings, found in spread.items():
        assert found == pytest.approx(math.sqrt((0.02**2 + converted) / readings), rel=0.02)


@pytest.mark.parametrize("readings", [0, -1, 1.5, True, "2", 10**9])
def test_readings_are_a_sensible_number(readings: object) -> None:
    with pytest.raises(InputError, match="readings"):
        AnalogMachine(network(), readings=readings)  # type: ignore[arg-type]


def test_rail_and_converters():
    machine = AnalogMachine(network(), ChipParameters(rail=0.3, adc_bits=4))
    got = machine.relax(machine.drive(5 * torch.rand(3, 10)), Stop(100))
    assert max(float(u.abs().max()) for u in got.membranes) <= 0.3 + 1e-6
    codes = torch.cat([v.flatten() for v in got.activities]) * 15
    torch.testing.assert_close(codes, codes.round(), atol=1e-4, rtol=0)
    assert quantise(torch.tensor([0.2, -3.0]), 2, 0.0, 1.0).tolist() == pytest.approx([1 / 3, 0.0])
    assert not machine.capabilities.complex_states


def test_bad_parameters_are_all_named():
    with pytest.raises(InputError, match=r"gain_mismatch.*write_asymmetry"):
        ChipParameters(gain_mismatch=-1.0, write_asymmetry=2.0)
    with pytest.raises(InputError, match="wobble"):
        ChipParameters.from_dict({"wobble": 1.0})
    with pytest.raises(InputError, match="damped map"):
        AnalogMachine(network(), ChipParameters(state_noise=0.1), solver=AlternatingBlocks())


@pytest.mark.parametrize(
    ("where", "key", "value"),
    [
        ("/", "clock_s", [0.0]),
        ("arrays/0", "w_max", [1.0]),
        ("arrays/0", "w_max", "one"),
        ("arrays/0", "writes", float("nan")),
        ("arrays/0", "writes", [1, 2]),
    ],
)
def test_what_is_not_one_number_is_refused(tmp_path: Path, where: str, key: str, value: object) -> None:
    path = tmp_path / "chip.h5"
    AnalogMachine(network(), ChipParameters(gain_mismatch=0.1, conductance_mismatch=0.1)).instance.save(path)
    with h5py.File(path, "r+") as file:
        file[where if where == "/" else f"arrays/{next(iter(file['arrays']))}"].attrs[key] = value
    with pytest.raises(InputError, match=r"chip\.h5"):
        ChipInstance.load(path)
