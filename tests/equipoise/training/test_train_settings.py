"""From settings to parts: chip files for every target, weak feedback with and without homeostasis."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from equipoise.cli.train import command
from equipoise.training import TrainConfig
from equipoise.training.build import make_learner, make_network
from equipoise.training.machine_settings import machine_settings
from hw_profiles.errors import InputError
from substrates.analog import IdealMachine


@pytest.mark.parametrize("method", ["closed-form", "jacobian-vector"])
@pytest.mark.parametrize("strength", [0.0, 1e-9])
def test_weak_feedback_gives_the_adjoint_with_and_without_homeostasis(method: str, strength: float) -> None:
    gradients = []
    for estimator in ("tangent", "adjoint"):
        config = TrainConfig(
            layers=(6, 9, 8, 4), angle=0.0, feedback_scale=0.3, estimator=estimator, homeostasis=strength,
            homeostasis_method=method, free_steps=600, nudge_steps=600, tolerance=1e-12,
        ).resolved("ideal", 6, 4)  # fmt: skip
        network = make_network(config).double()
        learner = make_learner(config, machine := IdealMachine(network))
        x = torch.rand(5, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        learner.step(machine, x, torch.tensor([0, 1, 2, 3, 0]), learner.init())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 1e-6


def test_settings_left_to_the_target_make_no_network_and_say_the_fix() -> None:
    with pytest.raises(InputError, match=r"use config\.resolved"):
        make_network(TrainConfig(layers=(6, 4)))


def test_weak_feedback_is_refused_with_plain_decay() -> None:
    with pytest.raises(InputError, match="weight-decay"):
        TrainConfig(feedback_scale=0.5, homeostasis_method="weight-decay")


def test_chip_files_serve_every_target(tmp_path: Path) -> None:
    toml, json = tmp_path / "a.toml", tmp_path / "a.json"
    toml.write_text('rounding = "nearest"\n')
    json.write_text('{"parameters": {"levels": 8}}')
    assert machine_settings(str(toml), "loihi2-sim") == {"rounding": "nearest"}
    assert machine_settings(str(json), "analog") == {"levels": 8}
    assert machine_settings("assumed", "analog")["levels"] == 32
    with pytest.raises(InputError, match="analog preset"):
        machine_settings("assumed", "loihi2-sim")


@pytest.mark.parametrize("text", ['{"parameters": 5}', '{"parameters": [1, 2]}', "[1]", "{", "5"])
def test_a_wrong_chip_file_is_one_clear_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "chip.json"
    path.write_text(text)
    result = CliRunner().invoke(command, ["--target", "analog", "--chip", str(path)])
    assert isinstance(result.exception, InputError)
    assert "machine's settings" in str(result.exception)


def test_a_chip_by_name_or_file_is_the_same_from_python(tmp_path: Path) -> None:
    toml = tmp_path / "mine.toml"
    toml.write_text('title = "mine"\ngrade = "assumed"\n[parameters]\nlevels = 16\n')
    for chip in (toml, str(toml)):
        assert TrainConfig(target="analog", chip=chip).chip["levels"] == 16
    assert TrainConfig(target="analog", chip="assumed").chip["levels"] == 32
    with pytest.raises(InputError, match="analog preset"):
        TrainConfig(target="loihi2-sim", chip="assumed")
    with pytest.raises(InputError, match="absent"):
        TrainConfig(target="analog", chip=tmp_path / "absent.toml")
