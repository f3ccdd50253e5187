"""The fleet: perfect chips agree with the ideal, worse kinds have a lower yield, figures are those of single
machines.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from equipoise.cli.main import run
from equipoise.fleet import run_fleet
from hw_profiles.errors import InputError
from substrates.analog import AnalogMachine, ChipParameters
from substrates.base import Stop
from substrates.network import layered


def test_figures_are_those_of_single_machines_and_fall_with_the_faults() -> None:
    network = layered([6, 8, 3], seed=1, angle=0.0)
    x = torch.rand(60, 6, generator=torch.Generator().manual_seed(0))
    machine = AnalogMachine(network, ChipParameters())
    y = network.cost.predict(machine.relax(machine.drive(x), Stop(300, 1e-5)).activities[-1])

    def fleet(chip: ChipParameters, chips: int = 6):
        return run_fleet(network, lambda n, seed: AnalogMachine(n, chip, seed), x, y, chips=chips, needed=0.95)

    perfect = fleet(ChipParameters(), 2)
    assert perfect.ideal == 1.0
    assert perfect.fraction_good == 1.0
    poor = fleet(ChipParameters(conductance_mismatch=0.5, offset_mismatch=0.3))
    assert poor.fraction_good < 1.0
    one = AnalogMachine(network, ChipParameters(conductance_mismatch=0.5, offset_mismatch=0.3), 3)
    right = network.cost.predict(one.relax(one.drive(x), Stop(200, 1e-4)).activities[-1]) == y
    assert poor.accuracies[3] == pytest.approx(float(right.float().mean()))
    d = poor.as_dict()
    assert d["worst"]["accuracy"] == min(poor.accuracies)
    assert d["joules"]["mean"] > 0
    assert "yield" in poor.table()
    with pytest.raises(InputError, match="0 chips"):
        fleet(ChipParameters(), 0)


def test_the_command_makes_a_table_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record, picture = tmp_path / "run.h5", tmp_path / "fleet.png"
    assert run(["train", "--epochs", "1", "--layers", "64-8-10", "--train-samples", "200", "--test-samples", "50",
                "--out", str(record), "--json"]) == 0  # fmt: skip
    capsys.readouterr()
    assert (
        run(["fleet", f"{record}.checkpoint", "--chips", "3", "--samples", "50", "--plot", str(picture), "--json"]) == 0
    )
    found = json.loads(capsys.readouterr().out)
    assert found["chips"] == 3
    assert len(found["each"]) == 3
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert run(["fleet", f"{record}.checkpoint", "--plot", str(picture)]) == 2, "nothing is overwritten"
