"""Networks in lava-dl's HDF5: read without Lava, equal to the same network wired by hand from Lava's processes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.formats import read_netx
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.loihi2.neurons import LIF

HERE = Path(__file__).parent / "by_hand"
sys.path.insert(0, str(HERE))
import lava_by_hand  # noqa: E402
import netx_files as files  # noqa: E402

sys.path.remove(str(HERE))


def spikes(rng: np.random.Generator, *shape: int, p: float = 0.3) -> np.ndarray:
    return (rng.random(shape) < p).astype(np.int64)


def convolutions(rng: np.random.Generator) -> tuple[list[files.Layer], np.ndarray]:
    first = files.conv(
        rng, (4, 9, 7), 6, files.lif(rng, vThMant=60), kernel=(3, 2), stride=(2, 1), padding=(1, 0), groups=2
    )
    second = files.conv(rng, tuple(first["shape"]), 3, files.lif(rng, vThMant=60), kernel=(2, 3), dilation=(2, 1))
    n = int(np.prod(second["shape"]))
    layers = [
        files.source(4, 9, 7), first, second, files.flatten(n),
        files.dense(rng, n, 8, files.lif(rng, vThMant=40)), files.dense(rng, 8, 5, files.lif(rng, vThMant=10)),
    ]  # fmt: skip
    return layers, spikes(rng, 20, 7, 9, 4)


def sigma_delta(rng: np.random.Generator) -> tuple[list[files.Layer], np.ndarray]:
    first = files.conv(rng, (2, 6, 5), 4, files.sdnn(rng), stride=(2, 1), padding=(1, 0))
    n = int(np.prod(first["shape"]))
    output = files.dense(rng, 7, 3, files.sdnn(rng, sigma_output=True))
    del output["bias"]
    layers = [
        files.source(2, 6, 5, neuron=files.sdnn(rng)), first, files.flatten(n),
        files.dense(rng, n, 7, files.sdnn(rng)), output,
    ]  # fmt: skip
    return layers, rng.integers(-40, 40, (9, 5, 6, 2))


def delays(rng: np.random.Generator) -> tuple[list[files.Layer], np.ndarray]:
    layers = [
        files.dense(rng, 12, 12, files.lif(rng, iDecay=0, vThMant=120), delay=rng.integers(0, 9, 12).astype(float)),
        files.dense(rng, 12, 7, files.lif(rng, vThMant=20), delay=rng.integers(0, 5, 12) + 0.7),
        files.dense(rng, 7, 9, files.lif(rng, vThMant=15), delay=rng.integers(0, 5, 9)),
        files.dense(rng, 9, 6, files.lif(rng, vThMant=20), weight=rng.integers(-127, 128, (6, 9)).astype(np.float32)),
    ]
    return layers, spikes(rng, 40, 12)


def recurrent(rng: np.random.Generator) -> tuple[list[files.Layer], np.ndarray]:
    layers = [
        files.source(10), files.flatten(10),
        files.dense(rng, 10, 8, files.lif(rng), type="dense_rec", weight_rec=files.even(rng, 8, 8, most=20)),
        files.dense(rng, 8, 4, files.lif(rng, vThMant=20)),
    ]  # fmt: skip
    return layers, spikes(rng, 30, 10)


def graded(rng: np.random.Generator) -> tuple[list[files.Layer], np.ndarray]:
    layers = [files.dense(rng, 6, 8, files.lif(rng, vThMant=500)), files.dense(rng, 8, 4, files.lif(rng, vThMant=20))]
    return layers, rng.integers(-30, 60, (30, 6))


@pytest.mark.lava
@pytest.mark.parametrize("make", [convolutions, sigma_delta, delays, recurrent, graded])
def test_a_file_runs_as_the_same_network_made_of_lavas_processes(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(HERE))  # the worker looks where this process looks
    with LavaSession() as session:
        for seed in range(2):
            layers, inputs = make(np.random.default_rng(seed))
            steps = len(inputs) + 4
            reset = 9 if make is recurrent else 0
            settings = {"graded_input": make is graded, "reset_interval": reset or None}
            network = read_netx(files.write(tmp_path / f"{seed}.net", layers), **settings)
            name = network.output.name
            ours = Engine(network.program(inputs)).run(steps, [Probe(name)]).probes[name, "messages"]
            theirs = session.call(lava_by_hand.run, layers, inputs, steps, make is graded, reset, timeout_s=120)
            assert np.count_nonzero(theirs) > 3  # a silent network would agree about nothing
            np.testing.assert_array_equal(ours, theirs)


def test_a_layer_without_neurons_sums_for_ever_and_never_spikes(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    layer = files.dense(rng, 5, 3, None)
    del layer["bias"]
    network = read_netx(files.write(tmp_path / "n.net", [layer]))
    assert network.readout == "v"
    inputs = spikes(rng, 25, 5)
    run = Engine(network.program(inputs)).run(26, [Probe("dense0"), Probe("dense0", "v")])
    assert not run.probes["dense0", "messages"].any()
    sums = 64 * np.cumsum(inputs @ layer["weight"].T.astype(np.int64), axis=0)
    np.testing.assert_array_equal(run.probes["dense0", "v"][1:], sums)


def test_the_readers_numbers_and_axes(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    neuron = {"type": "LOIHI", "iDecay": 4096, "vDecay": 128, "vThMant": 2**18, "theta": 7, "wgtExp": 0}
    layers = [files.source(3, 6, 5, neuron=files.lif(rng)), files.conv(rng, (3, 6, 5), 2, neuron)]
    layers[0] |= {"weight": 40.0, "bias": np.array([36.0])}
    network = read_netx(files.write(tmp_path / "n.net", layers))
    assert network.input_shape == (5, 6, 3)
    assert network.transform == (40, 36)
    assert network.output.shape == (3, 4, 2)
    lif = network.output.neuron
    assert isinstance(lif, LIF)
    assert (lif.du, lif.dv, lif.vth, lif.bias_exp) == (4095, 128, 2**17, 6)
    np.testing.assert_array_equal(lif.bias_mant.reshape(3, 4, 2)[1, 2], layers[1]["bias"])
    biased = network.with_bias(np.full((5, 6, 3), 9))
    assert Engine(biased.program()).run(40).sent["input0"].min() > 0
    assert read_netx(tmp_path / "n.net", layers=1).output.name == "input0"


def test_everything_that_is_lacking_is_named_at_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    layers = [
        files.dense(rng, 4, 4, files.lif(rng, type="ALIF")), {"type": "average"},
        files.dense(rng, 4, 4, files.lif(rng, type="ADRF_PHASE")),
    ]  # fmt: skip
    path = files.write(tmp_path / "n.net", layers)
    with pytest.raises(InputError, match=r"/layer/0 .*ALIF.*/layer/1 .*average.*/layer/2 .*ADRF_PHASE.*layers=N"):
        read_netx(path)


def changed(key: str, value: Any) -> list[files.Layer]:
    layer = files.dense(np.random.default_rng(4), 6, 5, files.lif(np.random.default_rng(4)))
    layer[key] = value
    return [layer]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (changed("weight", np.full((5, 6), 300.0)), "eight bits"),
        (changed("weight", np.full((5, 6), np.nan)), "nan"),
        (changed("weight", np.zeros((4, 6))), "shape"),
        (changed("bias", np.zeros(3) + 1), "bias has 3 values"),
        (changed("delay", np.zeros(4)), "delay has shape"),
        (changed("delay", np.full(6, -1)), "delay holds -1"),
        (changed("neuron", {"type": "CUBA", "iDecay": np.array([1, 2]), "vDecay": 1, "vThMant": 1}), "2 different"),
        (changed("neuron", {"type": "CUBA", "iDecay": 5000, "vDecay": 1, "vThMant": 1}), "du must be"),
        (changed("neuron", {"type": "CUBA"}), "no 'vThMant'"),
        (changed("shape", np.zeros(1)), "sizes from 1"),
        ([files.source(2, 3, 4), *changed("weight", np.zeros((5, 24)))], "flatten between"),
        ([files.source(7), *changed("bias", np.zeros(5))], "6 columns, the layer before 7"),
        ([files.conv(np.random.default_rng(0), (1, 5, 5), 2, files.lif(np.random.default_rng(0)))], "input_shape"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(layers: list[files.Layer], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_netx(files.write(tmp_path / "n.net", layers))


def test_foreign_and_truncated_files(tmp_path: Path) -> None:
    pointer = tmp_path / "lfs.net"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(InputError, match="git lfs pull"):
        read_netx(pointer)
    path = files.write(tmp_path / "n.net", changed("bias", np.zeros(5)))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(InputError):
        read_netx(path)
    import h5py

    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = 1
    with pytest.raises(InputError, match="no group 'layer'"):
        read_netx(tmp_path / "other.h5")


@pytest.mark.parametrize(
    ("weights", "stored", "note"),
    [
        ([[-128, -128], [0, -16]], [[-128, -128], [0, -16]], ""),  # lava-dl's own reader makes 0 and -8 of these
        ([[-256, 0], [0, 0]], [[-256, 0], [0, 0]], ""),
        ([[1, -3], [127, -128]], [[2, -6], [254, -256]], ""),
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]], ""),
        ([[255, 1], [3, 5]], [[255, 1], [3, 5]], ""),
        ([[201, -4], [2, 2]], [[200, -4], [2, 2]], "lowest bit"),
        ([[400, -4], [2, -300]], [[254, -4], [2, -256]], "by up to 146"),
    ],
)
def test_weights_are_kept_where_eight_bits_hold_them(
    weights: list[list[int]], stored: list[list[int]], note: str, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    layer = files.dense(rng, 2, 2, files.lif(rng), weight=np.array(weights, np.float32))
    network = read_netx(files.write(tmp_path / "n.net", [layer]))
    np.testing.assert_array_equal(network.output.synapses.weights, stored)
    assert network.output.synapses.exponent == (-1 if stored[0][0] == 2 * weights[0][0] != 0 else 0)
    assert (note in " ".join(network.notes)) if note else not network.notes
