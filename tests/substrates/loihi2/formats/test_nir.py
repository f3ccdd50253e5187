"""NIR graphs: a program written and read back is the same integers; snnTorch's own export; refusals by name."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.cli.main import run
from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.formats import from_nir, to_nir
from substrates.loihi2.neurons import LIF, Delta
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Sparse

nir = pytest.importorskip("nir")
STEPS = 24


def drawn(rng: np.random.Generator) -> tuple[Program, np.ndarray[Any, Any]]:
    """A chain of one to three LIF populations with everything that NIR has a counterpart for, and its input."""
    sizes = [int(k) for k in rng.integers(1, 9, rng.integers(2, 5))]
    spikes = (rng.random((STEPS, sizes[0])) < 0.4).astype(np.int64)
    program = Program()
    program.source("in", spikes)
    before = "in"
    for k, (n_in, n) in enumerate(itertools.pairwise(sizes)):
        dv = int(rng.choice([0, 1, 300, 4096]))
        du = 4095 if dv == 0 else int(rng.choice([0, 700, 4095]))
        mantissa = rng.integers(-40, 60, n) if rng.random() < 0.5 else 0
        neuron = LIF(du=du, dv=dv, vth=int(rng.integers(1, 400)), bias_mant=mantissa, bias_exp=6)
        program.population(f"p{k}", n, neuron)
        weights = 2 * rng.integers(-60, 60, (n, n_in))
        if rng.random() < 0.5:
            program.connect(before, f"p{k}", Dense(weights, exponent=int(rng.integers(0, 3))))
        else:
            program.connect(before, f"p{k}", Sparse(np.where(rng.random(weights.shape) < 0.5, weights, 0)))
        before = f"p{k}"
    if rng.random() < 0.4:
        program.connect(before, before, Dense(2 * rng.integers(-20, 20, (sizes[-1], sizes[-1]))))
    return program, spikes


def messages(program: Program, steps: int) -> dict[str, Any]:
    probes = [Probe(name) for name in program.populations]
    probes += [Probe(name, "v") for name in program.populations]
    return dict(Engine(program).run(steps, probes).probes)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_round_trip_through_a_file_keeps_every_integer(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    program, spikes = drawn(np.random.default_rng(seed))
    path = tmp_path_factory.mktemp("nir") / "graph.nir"
    nir.write(path, to_nir(program, dt=1e-3))
    again = from_nir(path)
    first, second = messages(program, STEPS), messages(again.program(spikes), STEPS)
    assert first.keys() == second.keys()
    for key, values in first.items():
        np.testing.assert_array_equal(second[key], values, err_msg=str(key))
    assert all(one.exact for one in again.fidelity)


def test_a_convolution_keeps_its_integers(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    program = Program()
    spikes = (rng.random((STEPS, 6 * 5 * 2)) < 0.3).astype(np.int64)
    program.source("in", spikes)
    conv = Conv(2 * rng.integers(-50, 50, (3, 3, 3, 2)), (6, 5, 2), padding=(1, 1), stride=(2, 1))
    program.population("image", int(np.prod(conv.output_shape)), LIF(du=4095, dv=500, vth=80))
    program.connect("in", "image", conv)
    program.population("out", 4, LIF(du=4095, dv=0, vth=90))
    program.connect("image", "out", Dense(2 * rng.integers(-40, 60, (4, program.size("image")))))
    nir.write(tmp_path / "g.nir", to_nir(program))
    again = from_nir(tmp_path / "g.nir")
    # NIR's images are (channels, height, width): the user's input comes in that order, and neurons keep Lava's
    given = spikes.reshape(STEPS, 6, 5, 2).transpose(0, 3, 2, 1)
    found, wanted = messages(again.program(given), STEPS), messages(program, STEPS)
    for key in (("image", "messages"), ("out", "messages"), ("out", "v")):
        np.testing.assert_array_equal(found[key], wanted[key])


def snntorch_graph(path: Path) -> Any:
    """An untrained network written by snnTorch's own exporter, and what snnTorch says of an input."""
    torch = pytest.importorskip("torch")
    snntorch = pytest.importorskip("snntorch")
    export = pytest.importorskip("snntorch.export_nir").export_to_nir
    torch.manual_seed(3)

    def leaky(n: int) -> Any:
        options = {"reset_mechanism": "zero", "reset_delay": False, "init_hidden": True}
        return snntorch.Leaky(beta=torch.full((n,), 0.9), threshold=torch.ones(n), **options)

    net = torch.nn.Sequential(
        torch.nn.Linear(12, 20, bias=False), leaky(20), torch.nn.Linear(20, 5, bias=False), leaky(5)
    )
    with torch.no_grad():
        for layer in (net[0], net[2]):
            layer.weight.mul_(4)
    nir.write(path, export(net, torch.zeros(1, 12), ignore_dims=[0]))
    spikes = (torch.rand(STEPS, 1, 12) < 0.5).float()
    for layer in (net[1], net[3]):
        layer.mem = layer.init_leaky() if hasattr(layer, "init_leaky") else torch.zeros(1)
    with torch.no_grad():
        said = torch.stack([net(now)[0] for now in spikes])
    return spikes[:, 0].numpy(), said.reshape(STEPS, 5).numpy()


def test_what_snntorch_exports_spikes_as_snntorch_says(tmp_path: Path) -> None:
    spikes, said = snntorch_graph(tmp_path / "s.nir")
    network = from_nir(tmp_path / "s.nir", dt=1e-4, connections=2)
    assert network.reference is not None
    given = spikes.astype(np.int64)
    found = Engine(network.program(given)).run(STEPS + network.latency, [Probe(network.output.name)])
    messages_ = found.probes[network.output.name, "messages"][network.latency :]
    assert said.sum() > 10
    # 14-bit weights: a spike may move by rounding alone
    assert np.abs(messages_.sum(axis=0) - said.sum(axis=0)).max() <= 1


def test_the_command_line_runs_it_and_says_what_rounding_did(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spikes, _ = snntorch_graph(tmp_path / "s.nir")
    np.save(tmp_path / "in.npy", np.stack([spikes, spikes[::-1]]).astype(np.int64))
    np.save(tmp_path / "labels.npy", np.array([0, 1]))
    line = ["run", str(tmp_path / "s.nir"), "--input", str(tmp_path / "in.npy"), "--dt", "1e-4"]
    line += ["--labels", str(tmp_path / "labels.npy"), "--target", "loihi2-sim", "--json"]
    assert run(line) == 0
    found = json.loads(capsys.readouterr().out)
    assert 0 <= found["float_accuracy"] <= 1
    assert len(found["fidelity"]) == 2
    assert run(line[:4]) == 2
    assert "does not say the length of a step" in capsys.readouterr().err
    assert run([*line, "--layers", "1"]) == 2
    assert "--layers: for lava-dl files only" not in capsys.readouterr().out


def _graph(node: Any, n: int = 3) -> Any:
    nodes = {"input": nir.Input(np.array([n])), "a": node, "output": nir.Output(np.array([n]))}
    return nir.NIRGraph(nodes, [("input", "a"), ("a", "output")])


def test_refusals_name_the_thing_and_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "broken.nir"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(InputError, match=r"broken\.nir"):
        from_nir(path, dt=1e-3)
    with pytest.raises(InputError, match="dt"):
        from_nir(_graph(nir.LIF(tau=np.ones(3), r=np.ones(3), v_leak=np.zeros(3), v_threshold=np.ones(3))), dt=-1.0)
    with pytest.raises(InputError, match="dt"):
        from_nir(_graph(nir.LIF(tau=np.ones(3), r=np.ones(3), v_leak=np.zeros(3), v_threshold=np.ones(3))))
    program = Program()
    program.source("in", np.ones((2, 3), np.int64))
    program.population("d", 3, Delta(vth=2))
    program.connect("in", "d", Dense(np.eye(3, dtype=np.int64) * 2))
    with pytest.raises(InputError, match=r"'d' is Delta \(nearest: LIF\)"):
        to_nir(program)
