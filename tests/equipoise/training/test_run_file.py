"""Run files: what is written is read back, what is wrong is named, and the command line comes first."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.cli.main import run
from equipoise.training import TrainConfig
from equipoise.training.options import GROUPS, choices_of, group_of, options_of
from equipoise.training.run_file import config_from, read_run_file, run_file_text
from hw_profiles.errors import InputError
from hw_profiles.record import Record
from learning_rules import CORRECTIONS, SamplePolicy
from learning_rules.combine import Combination
from learning_rules.homeostasis import METHODS
from learning_rules.stencil import FORCES
from substrates.devices import PRECISIONS

numbers = st.floats(0, 1e12, allow_subnormal=False)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
configs = st.builds(
    TrainConfig,
    dataset=words,
    data_dir=st.sampled_from([None, Path("a b/c")]),
    layers=st.lists(st.integers(1, 10**6), max_size=4).map(tuple),
    chip=st.dictionaries(words, st.floats(allow_nan=False, allow_infinity=False) | st.booleans() | words),
    nudge=numbers,
    adaptive=st.booleans(),
    nudge_force=st.sampled_from(["", "held"]),
    tolerance=numbers,
    homeostasis_end=st.none() | numbers,
    cosine=st.booleans(),
    train_samples=st.none() | st.integers(1, 99),
    seed=st.integers(0, 2**63),
)


@given(configs)
@settings(deadline=None, max_examples=50)
def test_a_configuration_is_read_back_as_it_was(config: TrainConfig) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.toml"
        path.write_text(run_file_text(config), encoding="utf-8")
        assert config_from(read_run_file(path)) == config


def test_every_option_is_in_one_group_with_a_word_of_help() -> None:
    declared = [one.name for group in GROUPS for one in options_of(group)]
    assert sorted(declared) == sorted(one.name for one in fields(TrainConfig))
    assert len(set(declared)) == len(declared)
    assert all(one.metadata["text"] for one in fields(TrainConfig))
    assert group_of("angle") == "network"


def test_fixed_choices_are_those_of_the_rules() -> None:
    """Written as types, so that editors and the command line know them without loading torch."""
    assert choices_of(TrainConfig, "correction") == tuple(CORRECTIONS)
    assert choices_of(TrainConfig, "nudge_force") == tuple(FORCES)
    assert choices_of(TrainConfig, "precision") == tuple(PRECISIONS)
    assert choices_of(TrainConfig, "combination") == get_args(Combination)
    assert choices_of(TrainConfig, "unsettled") == get_args(get_type_hints(SamplePolicy)["unsettled"])
    assert sorted(choices_of(TrainConfig, "homeostasis_method")) == sorted(METHODS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[rule]\nangle = 3", r"no option angle in \[rule\]; it belongs into \[network\]"),
        ("angle = 3", r"angle belongs into the table \[network\]"),
        ("[rool]\nnudge = 1", r"no table \[rool\]; there are data, network"),
        ("[rule]\nnugde = 1", r"no option nugde in \[rule\]; did you mean 'nudge'"),
        ("[rule]\nnudge = 'much'", "nudge: got 'much', expected: input should be a valid number"),
        ("[rule]\npoints = 2.5", "points: got 2.5"),
        ("[rule]\nnudge = -1", "nudge: got -1.0, expected a finite number of 0 or more"),
        ("[rule]\nnudge = nan", "nudge: got nan, expected a finite number"),
        ("[network]\ntied = 1", "tied: got 1, expected: input should be a valid boolean"),
        ("[network]\nlayers = '64-x'", "expected sizes joined by hyphens"),
        ("[network]\nangle = 200", "angle: got 200.0, expected 0 to 180"),
        ("[optimizer]\noptimizer = 'lion'", "optimizer: got 'lion', expected: input should be 'sgd' or 'adamw'"),
        ("[network", "is not a TOML file"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=expected):
        config_from(read_run_file(path))


def test_python_callers_get_the_same_checks() -> None:
    for options, expected in (
        ({"nudge": "auto"}, "nudge is 'auto'; expected a number"),
        ({"points": 1.5}, "points is 1.5; expected a whole number"),
        ({"feedback_scale": 0}, "feedback-scale: got 0, expected a finite number of more than 0"),
        ({"unsettled": "hide"}, "unsettled is 'hide'; expected 'drop' or 'down-weight' or 'keep'"),
    ):
        with pytest.raises(InputError, match=expected):
            TrainConfig(**options)


def test_a_saved_file_runs_and_the_command_line_comes_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "run.toml", tmp_path / "r.h5"
    small = ["--layers", "64-8-10", "--epochs", "1", "--train-samples", "32", "--test-samples", "10"]
    assert run(["train", *small, "--nudge", "0.25", "--seed", "3", "--save-config", str(file)]) == 0
    assert f"equipoise train {file} runs it" in capsys.readouterr().err
    assert 'target = "ideal"' in file.read_text()
    assert run(["train", *small, "--save-config", str(file)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["train", str(file), "--seed", "7", "--no-such"]) == 2
    assert run(["train", str(file), "--seed", "7", "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["epochs"][0]["nudge"] == 0.25
    config = Record.open(out).config
    assert (config["seed"], config["nudge"], config["layers"]) == (7, 0.25, [64, 8, 10])
    assert run(["train", str(tmp_path / "none.toml")]) == 2
