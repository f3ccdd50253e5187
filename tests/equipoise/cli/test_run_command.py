"""``equipoise run``: a network file, inputs, labels, record, JSON, the same on Lava, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from equipoise.cli.main import run
from hw_profiles.record import Record


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Three inputs to two LIF neurons that forget at once; neuron k spikes where 64 w.x > 64 * 50."""
    path = tmp_path / "two.net"
    with h5py.File(path, "w") as file:
        layer = file.create_group("layer/0")
        layer["type"], layer["shape"], layer["inFeatures"], layer["outFeatures"] = b"dense", [2], 3, 2
        layer["weight"] = np.array([[60, 0, 30], [0, 60, 30]], np.float32)
        for key, value in {"type": b"CUBA", "iDecay": 4096, "vDecay": 4096, "vThMant": 50}.items():
            layer[f"neuron/{key}"] = value
    return path


INPUTS = np.array([[[1, 0, 0], [1, 0, 0], [0, 0, 0]], [[0, 1, 0], [1, 1, 0], [0, 0, 0]], [[0, 0, 1]] * 3])
WANTED = [[[0, 0], [1, 0], [1, 0]], [[0, 0], [0, 1], [1, 1]], [[0, 0]] * 3]  # one step later


def saved(path: Path, values: Any) -> str:
    np.save(path, values)
    return str(path)


def answer(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out)


def test_spikes_counts_cost_accuracy_and_record(
    network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs, labels = saved(tmp_path / "x.npy", INPUTS), saved(tmp_path / "y.npy", [0, 1, 1])
    out = tmp_path / "run.h5"
    command = ["run", str(network), "--input", inputs, "--labels", labels, "--out", str(out), "--json"]
    assert run(command) == 0
    told = answer(capsys)
    assert told["scores"] == [[2, 0], [1, 2], [0, 0]]
    assert told["classes"] == [0, 1, 0]
    assert told["accuracy"] == pytest.approx(2 / 3)
    assert told["layers"] == [{"name": "dense0", "shape": [2], "neuron": "lif", "messages": 5, "overflows": 0}]
    assert told["counts"]["synaptic_operations"] == 2 * int(INPUTS.sum())  # two targets per spike
    assert told["placement"] == {"system": "oheo-gulch", "cores": 1, "chips": 1}
    assert 0 < told["energy_j"]["low"] <= told["energy_j"]["value"]
    record = Record.open(out)
    np.testing.assert_array_equal(record.results["outputs"], WANTED)
    assert [row["class"] for row in record.tables["samples"]] == [0, 1, 0]
    assert record.results["accuracy"] == pytest.approx(2 / 3)
    assert run(command) == 2  # the record is not overwritten
    assert run(["run", str(network), "--input", saved(tmp_path / "one.npy", INPUTS[0])]) == 0
    assert "dense0" in capsys.readouterr().err


@pytest.mark.lava
def test_lava_gives_the_same(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = saved(tmp_path / "x.npy", INPUTS[:1])
    told = []
    for target in ("loihi2-sim", "lava-sim"):
        assert run(["run", str(network), "--input", inputs, "--target", target, "--json"]) == 0
        told.append(answer(capsys))
    for key in ("scores", "classes", "steps"):
        assert told[0][key] == told[1][key]
    assert told[0]["counts"]["synaptic_operations"] == told[1]["counts"]["synaptic_operations"]
    assert told[1]["layers"][0]["messages"] == 2
    assert told[1]["placement"] == told[0]["placement"]
    assert told[1]["energy_j"]["value"] > 0


def test_auto_falls_back_with_a_note_and_the_chip_by_name_is_refused(
    network: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["run", str(network), "--steps", "3", "--json"]
    assert run([*line, "--target", "auto"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["target"]["resolved"] == "loihi2-sim"
    assert "auto runs on loihi2-sim: loihi2 is not here" in err
    assert run([*line, "--target", "loihi2"]) == 2
    assert "'loihi2' is not available" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the number of steps must be given"),
        (["--steps", "0"], "from 1"),
        (["--steps", "5", "--input", "4"], "expected (steps, 3)"),
        (["--input", "x", "--labels", "2"], "labels"),
        (["--input", "x", "--labels", "high"], "the labels must"),
        (["--steps", "3", "--bias", "3"], "only LIF input neurons"),
        (["--steps", "3", "--layers", "2"], "1 to 1"),
        (["--steps", "3", "--target", "analog"], "cannot run a Loihi 2 program"),
        (["--steps", "3", "--system", "nowhere"], "nowhere"),
        (["--input", "half"], "integers"),
    ],
)
def test_bad_input_is_one_line(
    network: Path, tmp_path: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arrays = {
        "x": INPUTS, "4": np.zeros((5, 4), int), "2": [0, 1], "high": [0, 1, 2], "3": [1, 2, 3], "half": INPUTS / 2,
    }  # fmt: skip
    filled = [saved(tmp_path / f"{a}.npy", arrays[a]) if a in arrays and b != "--steps" and b != "--layers" else a
              for b, a in zip(["", *arguments], arguments)]  # fmt: skip
    assert run(["run", str(network), *filled]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


def test_every_sample_starts_from_rest_and_images_enter_as_bias(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "image.net"
    with h5py.File(path, "w") as file:
        layer = file.create_group("layer/0")
        layer["type"], layer["shape"], layer["weight"], layer["bias"] = b"input", [1, 2, 3], 40.0, 36.0
        for key, value in {"type": b"LOIHI", "iDecay": 4096, "vDecay": 0, "vThMant": 99}.items():
            layer[f"neuron/{key}"] = value
    images = np.arange(12).reshape(2, 3, 2, 1) * 10  # (samples, W, H, C)
    bias = saved(tmp_path / "b.npy", images)
    assert run(["run", str(path), "--bias", bias, "--steps", "20", "--json"]) == 0
    # v gains the bias each step, a spike is sent above 99 and v starts from 0: once every 99 // bias + 1 steps
    period = np.where(images > 0, 99 // np.maximum(images, 1) + 1, 10**9)
    assert answer(capsys)["scores"] == (20 // period).reshape(2, 6).tolist()
