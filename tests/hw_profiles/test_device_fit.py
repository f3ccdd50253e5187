"""Devices fitted to pulses: published device models are recovered from data that their own equations make."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from equipoise.cli.main import run
from hw_profiles.chip_file import load_chip
from hw_profiles.device_fit import fit_pulses, read_pulses
from hw_profiles.errors import InputError


def write(path: Path, sweeps: list[tuple[str, np.ndarray]], cycle: int | None = None) -> Path:
    head = "direction,conductance" + ("" if cycle is None else ",cycle")
    rows = [f"{way},{g!r}" + ("" if cycle is None else f",{cycle}") for way, values in sweeps for g in values.tolist()]
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def aihwkit(step: float, up: float, down: float, noise: float, cycles: int = 4, seed: int = 0) -> list:
    """aihwkit's linear step device: dw = step (1 -/+ gamma w) (1 + noise xi), range -1 to 1, swept up and down."""
    random = np.random.default_rng(seed)
    sweeps, w = [], -1.0
    for _ in range(cycles):
        for way, gamma, name in ((1, up, "up"), (-1, down, "down")):
            values = []
            for _ in range(round(2 / step)):
                w = float(
                    np.clip(w + way * step * (1 - way * gamma * w) * (1 + noise * random.standard_normal()), -1, 1)
                )
                if abs(w) < 1:  # the bounds are not part of the step's law
                    values.append(1e-6 + 1e-5 * (w + 1) / 2)
            sweeps.append((name, np.array(values)))
    return sweeps


def test_aihwkits_capacitor_is_recovered(tmp_path: Path) -> None:
    # CapacitorPreset: dw_min 0.005, gamma 0.05 up and down; here without its spread from pulse to pulse.
    fit = fit_pulses(read_pulses(write(tmp_path / "p.csv", aihwkit(0.005, 0.05, 0.05, 0.0))))
    shipped = load_chip("capacitor-2018").faults()
    assert fit.levels == pytest.approx(shipped["levels"], abs=3)
    assert fit.write_asymmetry == pytest.approx(shipped["write_asymmetry"], abs=0.01)
    assert fit.write_noise < 0.05


def test_aihwkits_ecram_and_its_noise_are_recovered(tmp_path: Path) -> None:
    # EcRamPreset: dw_min 0.002, gamma 0.1166 up and 0.5091 down, 30 % from pulse to pulse.
    fit = fit_pulses(read_pulses(write(tmp_path / "p.csv", aihwkit(0.002, 0.1166, 0.5091, 0.3, cycles=6))))
    assert fit.levels == pytest.approx(501, rel=0.03)
    assert fit.up.slope == pytest.approx(0.1166, abs=0.05)
    assert fit.down.slope == pytest.approx(0.5091, abs=0.05)
    assert fit.write_asymmetry == pytest.approx(load_chip("ecram-2018").faults()["write_asymmetry"], abs=0.03)
    assert fit.write_noise == pytest.approx(0.3, rel=0.15)
    assert "one number for both" in fit.simplification()


def test_neurosims_silver_device_is_recovered(tmp_path: Path) -> None:
    # MLP+NeuroSim: g = B (1 - exp(-P/A)) + g_min with A = 0.499181 x 97 (label 2.40), 0.200303 x 100 (label -4.88).
    low, high = 3.0769e-9, 38.462e-9

    def curve(a: float, count: int) -> np.ndarray:
        p = np.arange(count + 1)
        return (high - low) / (1 - math.exp(-count / a)) * (1 - np.exp(-p / a))

    up = low + curve(0.499181 * 97, 97)
    down = high - curve(0.200303 * 100, 100)
    sweeps = [("up", up), ("down", down[1:]), ("up", up[1:]), ("down", down[1:])]
    fit = fit_pulses(read_pulses(write(tmp_path / "p.csv", sweeps)))
    assert (fit.low, fit.high) == (pytest.approx(low), pytest.approx(high))
    for side, a, count in ((fit.up, 0.499181, 97), (fit.down, 0.200303, 100)):
        over = 2 / (1 - math.exp(-1 / a)) - 1  # the closed form of the device file's comment
        # a pulse covers a finite piece of the exponential
        assert side.step == pytest.approx(over * (1 - math.exp(-1 / (a * count))), rel=0.02)
        assert side.slope == pytest.approx(1 / over, rel=0.02)
        assert side.curvature < 0.05
    shipped = load_chip("ag-si-2010").faults()
    assert fit.levels == pytest.approx(shipped["levels"], abs=1)
    assert fit.write_asymmetry == pytest.approx(shipped["write_asymmetry"], abs=0.01)


def test_a_device_that_is_not_linear_says_so(tmp_path: Path) -> None:
    p = np.linspace(0, 1, 200)
    sweeps = [("up", 1e-6 + 1e-5 * p**4), ("down", (1e-6 + 1e-5 * p**4)[::-1][1:])]
    fit = fit_pulses(read_pulses(write(tmp_path / "p.csv", sweeps)))
    assert max(fit.up.curvature, fit.down.curvature) > 0.5


def test_the_command_makes_a_chip_that_trains_and_is_priced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from hw_profiles.profile import load_profile
    from substrates.analog import load_preset

    csv = write(tmp_path / "pulses.csv", aihwkit(0.01, 0.2, 0.2, 0.1))
    chip, picture = tmp_path / "mine.toml", tmp_path / "fit.svg"
    assert run(["devices", "fit", str(csv), "--out", str(chip), "--plot", str(picture), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert picture.read_bytes()[:5] in (b"<?xml", b"<svg ")
    parameters = load_preset(chip)
    assert parameters.open_loop
    assert parameters.levels == told["levels"]
    assert load_profile(chip).name == "mine"
    assert run(["devices", "check", str(chip)]) == 0
    assert run(["devices", "plot", str(chip), "--out", str(tmp_path / "p.png")]) == 0
    assert (tmp_path / "p.png").read_bytes()[1:4] == b"PNG"
    assert run(["devices", "fit", str(csv), "--out", str(chip)]) == 2
    assert run(["devices", "plot", "pcm-2019", "--out", str(tmp_path / "q.png")]) == 2
    assert "there are no pulses to draw" in capsys.readouterr().err


def test_devices_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["devices", "list", "--json"]) == 0
    names = {row["name"] for row in json.loads(capsys.readouterr().out)["devices"]}
    assert {"generic", "pcm-2019", "ag-si-2010"} <= names
    assert run(["devices", "show", "pcm-2019", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["faults"]["drift_time_s"] == 20.0
    assert shown["prices"]["cell read"]["value"] == pytest.approx(0.2**2 * 12.5e-6 * 10e-9)
    assert run(["devices", "show", "generic"]) == 0
    assert run(["devices", "list"]) == 0
    assert run(["devices", "show", "nobody"]) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no direction and no conductance"),
        ("a,b\n1,2\n", "no direction and no conductance"),
        ("direction,conductance\nsideways,1e-6\n", "line 2: direction 'sideways'"),
        ("direction,conductance\nup,much\n", "line 2: conductance 'much'"),
        ("direction,conductance\nup,-1e-6\n", "expected siemens above 0"),
        ("direction,conductance\nup,12\n", "is it in microsiemens"),
        ("direction,conductance\n" + "up,1e-6\n" * 30, "0 steps down; at least 20"),
        ("direction,conductance\n" + "up,1e-6\n" * 30 + "down,1e-6\n" * 30, "every conductance is the same"),
    ],
)
def test_bad_pulses_are_refused(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "p.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        fit_pulses(read_pulses(path))


def test_swapped_directions_are_refused(tmp_path: Path) -> None:
    rise = np.linspace(1e-6, 2e-6, 40)
    path = write(tmp_path / "p.csv", [("down", rise), ("up", rise[::-1][1:])])
    with pytest.raises(InputError, match="swapped"):
        fit_pulses(read_pulses(path))


def test_a_fit_beyond_its_range_is_refused(tmp_path: Path) -> None:
    # Steps that end at mid range: a straight line would go on into conductances nobody measured.
    w = [-1.0]
    for _ in range(300):
        w.append(w[-1] + 0.02 * max(0.0, 1 - 1.25 * (w[-1] + 0.2)))
    up = 1e-6 + 1e-5 * (np.array(w) + 1) / 2
    down = np.linspace(2e-5, 1e-6, 60)
    rows = ["direction,conductance,cycle", *(f"up,{g!r},1" for g in up.tolist())]
    rows += [f"down,{g!r},2" for g in down.tolist()]
    path = tmp_path / "p.csv"
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(InputError, match="would vanish"):
        fit_pulses(read_pulses(path))


def test_steps_are_not_taken_across_cycles(tmp_path: Path) -> None:
    rise, fall = np.linspace(1e-6, 2e-6, 30), np.linspace(2e-6, 1e-6, 30)
    rows = ["direction,conductance,cycle"]
    rows += [
        f"{way},{g!r},{c}" for c in (1, 2) for way, values in (("up", rise), ("down", fall)) for g in values.tolist()
    ]
    path = tmp_path / "p.csv"
    path.write_text("\n".join(rows) + "\n")
    pulses = read_pulses(path)
    assert len(pulses.before) == 2 * (29 + 30)  # the first row of a cycle has nothing before it
