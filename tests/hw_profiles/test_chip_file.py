"""One chip file gives faults and prices: closed forms of both, no number without a consequence, bad files refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hw_profiles.chip_file import QUANTITIES, SWITCHES, check_chip, list_chips, load_chip
from hw_profiles.chip_prices import chip_quantities
from hw_profiles.citations import references
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile

NUMBERS = {
    "conductance_max": 2e-5, "conductance_min": 2e-6, "read_voltage": 0.2, "write_voltage": 1.5, "pulse_width": 1e-7,
    "pulses_per_write": 3, "levels": 33, "write_asymmetry": 0.2, "write_noise": 0.1, "programming_error": 0.01,
    "conductance_mismatch": 0.02, "drift_exponent": 0.05, "drift_spread": 0.1, "drift_time": 20.0, "read_noise": 0.001,
    "read_noise_proportional": 0.01, "rows": 128, "columns": 64, "line_resistance": 0.1, "line_capacitance": 1e-16,
    "weight_range": 1.0, "static_power": 0.005, "gain_mismatch": 0.01, "offset_mismatch": 0.02,
    "time_constant_mismatch": 0.03, "state_noise": 0.001, "rail": 5.0, "amplifier_power": 1e-5, "adc_bits": 8,
    "adc_step_energy": 1e-14, "adc_rate": 1e7, "adc_count": 64, "dac_bits": 6, "dac_step_energy": 2e-15,
    "readout_noise": 0.001, "read_time": 1e-8, "time_constant": 1e-7, "settling_time": 1e-5,
}  # fmt: skip
#: what a line's length takes from the larger of its two
SHADOWED = {"columns": {"columns": 200}}


def chip(path: Path, changes: dict[str, object] | None = None, **switches: bool) -> Path:
    """A chip file that gives every number."""
    numbers = {**NUMBERS, **(changes or {})}
    lines = ['schema_version = 1\nname = "mine"\ntitle = "Mine"\ngrade = "assumed"\nnote = "ours"\n']
    for section in dict.fromkeys(q.section for q in QUANTITIES.values()):
        lines.append(f"[{section}]")
        lines += [f"{n} = {v!r}" for n, v in numbers.items() if QUANTITIES[n].section == section]
        lines += [f"{n} = {str(v).lower()}" for n, v in switches.items() if SWITCHES[n][0] == section]
    path.write_text("\n".join(lines) + "\n")
    return path


def made(path: Path) -> tuple[dict[str, object], dict[str, object], object]:
    found = load_chip(path)
    profile = load_profile(path)
    parallel = [p.parallel for p in profile.price]
    return found.faults(), chip_quantities(found), parallel


@pytest.mark.parametrize("name", list(NUMBERS))
def test_no_number_is_without_a_consequence(tmp_path: Path, name: str) -> None:
    before = made(chip(tmp_path / "a.toml"))
    value = NUMBERS[name]
    changed = SHADOWED.get(name, {name: value + 1 if QUANTITIES[name].whole else value * 0.9})
    assert made(chip(tmp_path / "b.toml", changed)) != before


def test_every_fault_is_a_parameter_of_the_machine(tmp_path: Path) -> None:
    from substrates.analog import ChipParameters, load_preset

    path = chip(tmp_path / "a.toml", open_loop=True, thermal_noise=True, transposed_reads=False)
    parameters = load_preset(path)
    assert isinstance(parameters, ChipParameters)
    assert (parameters.open_loop, parameters.transposed_reads) == (True, False)
    assert parameters.levels == 33
    assert parameters.on_off_ratio == pytest.approx(10)


# Energy, as physics says


def cost(path: Path, event: Event) -> tuple[float, float]:
    ledger = Ledger()
    ledger.add(event, 10**6)
    found = price(ledger, load_profile(path))
    assert found.dynamic.value is not None
    assert found.latency.value is not None
    return found.dynamic.value, found.latency.value


def test_a_read_goes_with_the_square_of_the_voltage(tmp_path: Path) -> None:
    changes = {"line_capacitance": 0.0}
    one, _ = cost(chip(tmp_path / "a.toml", changes), Event.CELL_READS)
    ten, _ = cost(chip(tmp_path / "b.toml", {**changes, "read_voltage": 2.0}), Event.CELL_READS)
    assert one == pytest.approx(1e6 * 0.2**2 * 1.1e-5 * 1e-8)
    assert ten == pytest.approx(100 * one)


def test_a_line_is_charged_at_each_read(tmp_path: Path) -> None:
    bare, _ = cost(chip(tmp_path / "a.toml", {"line_capacitance": 0.0}), Event.CELL_READS)
    line, _ = cost(chip(tmp_path / "b.toml"), Event.CELL_READS)
    assert line - bare == pytest.approx(1e6 * 1e-16 * 0.2**2)


def test_a_better_off_state_reads_cheaper_and_reaches_further(tmp_path: Path) -> None:
    for ratio in (2.0, 10.0, 100.0):
        path = chip(
            tmp_path / "a.toml", {"conductance_min": 2e-5 / ratio, "line_capacitance": 0.0, "line_resistance": 0.0}
        )
        energy, _ = cost(path, Event.CELL_READS)
        assert energy == pytest.approx(1e6 * 0.2**2 * 1e-5 * (1 + 1 / ratio) * 1e-8)
        assert load_chip(path).largest_weight() == pytest.approx(1 - 1 / ratio)


def test_a_conversion_doubles_with_each_bit(tmp_path: Path) -> None:
    energies = [cost(chip(tmp_path / "a.toml", {"adc_bits": bits}), Event.ADC_CONVERSIONS)[0] for bits in (4, 5, 8)]
    assert energies[0] == pytest.approx(1e6 * 1e-14 * 16)
    assert energies[1] == pytest.approx(2 * energies[0])
    assert energies[2] == pytest.approx(16 * energies[0])


def test_a_longer_pulse_takes_longer_and_costs_more(tmp_path: Path) -> None:
    one = cost(chip(tmp_path / "a.toml"), Event.CELL_WRITES)
    two = cost(chip(tmp_path / "b.toml", {"pulse_width": 2e-7}), Event.CELL_WRITES)
    assert one[0] == pytest.approx(1e6 * 3 * 1.5**2 * 1.1e-5 * 1e-7)
    assert one[1] == pytest.approx(1e6 / 64 * 3 * 1e-7)
    assert two == (pytest.approx(2 * one[0]), pytest.approx(2 * one[1]))


# Accuracy, as physics says


def stored(path: Path, weights: np.ndarray) -> np.ndarray:
    """What an array of this chip holds after one write of ``weights``."""
    from substrates.analog import load_preset
    from substrates.analog.imperfections import Array

    parameters = load_preset(path)
    array = Array.draw(weights, parameters, 1, 0)
    array.write(weights, parameters, 1, 0, 0.0)
    return array.read(parameters, 0.0)


PLAIN = {"programming_error": 0.0, "conductance_mismatch": 0.0, "drift_exponent": 0.0, "line_resistance": 0.0}


def test_the_on_off_ratio_cuts_the_weights_it_cannot_hold(tmp_path: Path) -> None:
    weights = np.linspace(-1, 1, 201)[None, :]
    for ratio in (2.0, 5.0, 50.0):
        path = chip(tmp_path / "a.toml", {**PLAIN, "levels": 0, "conductance_min": 2e-5 / ratio})
        reach = 1 - 1 / ratio
        np.testing.assert_allclose(stored(path, weights), np.clip(weights, -reach, reach), atol=1e-12)
        with pytest.raises(InputError, match=f"with an on/off ratio of {ratio:g} reaches"):
            load_chip(path).check_weights(1.0)
        load_chip(path).check_weights(reach)


@pytest.mark.parametrize("levels", [3, 9, 33])
def test_levels_leave_the_error_of_a_uniform_quantiser(tmp_path: Path, levels: int) -> None:
    # step / sqrt(12), the standard deviation of rounding
    path = chip(tmp_path / "a.toml", {**PLAIN, "levels": levels, "conductance_min": 0.0})
    weights = np.random.default_rng(0).uniform(-1, 1, (400, 400))
    error = (stored(path, weights) - weights).std()
    assert error == pytest.approx(1 / (levels - 1) / math.sqrt(12), rel=0.02)


@pytest.mark.parametrize("bits", [3, 6])
def test_adc_bits_leave_the_error_of_a_uniform_quantiser(tmp_path: Path, bits: int) -> None:
    import torch

    from substrates.analog import load_preset
    from substrates.analog.imperfections import quantise

    parameters = load_preset(chip(tmp_path / "a.toml", {"adc_bits": bits}))
    assert parameters.adc_bits == bits
    values = torch.rand(100_000, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    error = (quantise(values, parameters.adc_bits, 0.0, 1.0) - values).std().item()
    assert error == pytest.approx(1 / (2**bits - 1) / math.sqrt(12), rel=0.02)


def test_thermal_noise_falls_with_the_voltage_and_the_root_of_conductance_and_time(tmp_path: Path) -> None:
    def noise(**changes: float) -> float:
        found = load_chip(chip(tmp_path / "a.toml", {"read_noise_proportional": 0.0, **changes}, thermal_noise=True))
        return float(found.faults()["read_noise_proportional"])

    one = noise()
    assert one == pytest.approx(math.sqrt(2 * 1.380649e-23 * 300 / (1.1e-5 * 1e-8)) / 0.2)
    assert noise(read_voltage=0.4) == pytest.approx(one / 2)
    assert noise(read_time=4e-8) == pytest.approx(one / 2)
    assert noise(conductance_max=8e-5, conductance_min=8e-6, line_resistance=0.0) == pytest.approx(one / 2)


def test_a_line_that_loses_voltage_spreads_the_weights_until_it_is_refused(tmp_path: Path) -> None:
    lossless = {"conductance_mismatch": 0.0}
    path = chip(tmp_path / "a.toml", lossless)
    loss = 0.1 * 1.1e-5 * 128 * 129 / 2
    # Kirchhoff, cell by cell: the current of the cells beyond flows through each piece of the line.
    beyond = np.arange(128, 0, -1)
    drop = np.cumsum(0.1 * 1.1e-5 * beyond)
    assert drop[-1] == pytest.approx(loss)
    assert load_chip(path).faults()["conductance_mismatch"] == pytest.approx(drop.std(), rel=0.02)
    problems = check_chip(chip(tmp_path / "b.toml", {"rows": 1024}))
    assert "of the read voltage" in problems[0]
    slow = check_chip(chip(tmp_path / "c.toml", {"line_capacitance": 1e-11}))
    assert "the current would not settle" in slow[0]


# The files


@pytest.mark.parametrize("name", list_chips())
def test_every_shipped_device_is_sound_and_cited(name: str) -> None:
    found = load_chip(name)
    for figure in found.figures.values():
        assert set(figure.cite) <= references().keys()
    assert not found.missing_for_prices()
    assert load_profile(name).kind == "analog"


def test_the_profile_crossbar_is_the_generic_device() -> None:
    assert [p.energy for p in load_profile("crossbar").price] == [p.energy for p in load_profile("generic").price]


def test_neurosims_device_costs_what_neurosims_numbers_say() -> None:
    # MLP+NeuroSim V3.0, RealDevice: 0.5 V for 5 ns, 300 us pulses of 3.2 V up and 2.8 V down, 38.462 to 3.0769 nS.
    mean = 0.5 * (38.462e-9 + 3.0769e-9)
    found = chip_quantities(load_chip("ag-si-2010"))
    assert found["cell read"].value == pytest.approx(0.25 * mean * 5e-9, rel=1e-4)
    assert found["cell write"].high == pytest.approx(3.2**2 * mean * 300e-6, rel=1e-4)
    assert found["cell write"].low == pytest.approx(2.8**2 * mean * 300e-6, rel=1e-4)
    assert load_chip("ag-si-2010").on_off_ratio == pytest.approx(12.5, rel=1e-3)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("read_voltage = 0.2", "read_voltag = 0.2", "no number 'read_voltag'"),
        ("read_voltage = 0.2", "read_voltage = -0.2", "must not be negative"),
        ("read_voltage = 0.2", "read_voltage = 0.0", "must be above 0"),
        ("read_voltage = 0.2",
         "read_voltage = { value = 1, low = 1, high = 1, unit = 'A', grade = 'measured' }", "unit 'A'"),
        ("read_voltage = 0.2",
         "read_voltage = { value = 1, low = 1, high = 1, unit = 'W', grade = 'assumed', note = 'x' }", "unit 'W'"),
        ("conductance_min = 2e-06", "conductance_min = 3e-05", "no weight can be held"),
        ("levels = 33", "levels = 33.5", "expected a whole number"),
        ("levels = 33", "levels = 1", "at least 2"),
        ("write_asymmetry = 0.2", "write_asymmetry = 1.2", "at most 1"),
        ("[timing]", "[tuning]", "unknown table 'tuning'"),
        ("schema_version = 1", "schema_version = 9", "this version reads 1"),
        ('grade = "assumed"', 'grade = "certain"', "unknown grade 'certain'"),
        ('title = "Mine"', 'title = "Mine"\nextends = "mine"', "extends takes the name of another"),
        ('title = "Mine"', 'title = "Mine"\nextends = "nobody"', "nobody"),
        ("levels = 33", "levels = 33\nopen_loop = 1", "expected true or false"),
    ],
)  # fmt: skip
def test_bad_files_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = chip(tmp_path / "mine.toml")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        load_chip(path)


def test_faults_without_prices_are_refused_for_pricing_by_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "cell.toml"
    path.write_text('schema_version = 1\nname = "cell"\ntitle = "Cell"\nnote = "x"\n[device]\nlevels = 9\n')
    assert load_chip(path).faults() == {"levels": 9}
    with pytest.raises(InputError, match=r"gives faults and no prices: no conductance_max.*extends"):
        load_profile(path)


def test_a_training_run_takes_faults_and_prices_from_the_same_file(tmp_path: Path) -> None:
    from equipoise.training.run_file import config_from

    path = chip(tmp_path / "mine.toml")
    config = config_from({"dataset": "digits", "target": "analog", "chip": str(path)})
    assert config.profile == str(path)
    assert config.chip["levels"] == 33
    assert config_from({"target": "analog", "chip": str(path), "profile": "crossbar"}).profile == "crossbar"
