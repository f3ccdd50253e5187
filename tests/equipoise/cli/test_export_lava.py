"""``equipoise export PROGRAM``: a network file, a QUBO, a trained network; the script's answer is ours."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from equipoise import solve
from equipoise.cli.main import run
from equipoise.lava_export import lava_program
from equipoise.qubo import Problem
from equipoise.qubo.formats import write
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.loader import why_unavailable

BLOCK = """
import runpy, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("equipoise", "substrates", "mappers", "hw_profiles", "learning_rules"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run_script(script: Path, *options: str) -> tuple[dict[str, Any], Any]:
    """What it printed, and the arrays it kept; nothing of ours can be imported."""
    out = script.with_suffix(".npz")
    command = [sys.executable, "-I", "-c", BLOCK, str(script), "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout), np.load(out)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "two.net"
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        for number, (n_in, n_out) in enumerate(((6, 40), (40, 3))):
            layer = file.create_group(f"layer/{number}")
            layer["type"], layer["shape"], layer["inFeatures"], layer["outFeatures"] = b"dense", [n_out], n_in, n_out
            layer["weight"] = (2 * rng.integers(-40, 60, (n_out, n_in))).astype(np.float32)
            for key, value in {"type": b"CUBA", "iDecay": 1000, "vDecay": 500, "vThMant": 60}.items():
                layer[f"neuron/{key}"] = value
    return path


@pytest.mark.lava
def test_a_network_file(network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs, script = np.random.default_rng(1).integers(0, 2, (9, 6)), tmp_path / "net.py"
    np.save(tmp_path / "x.npy", inputs)
    command = [
        "export",
        str(network),
        "--input",
        str(tmp_path / "x.npy"),
        "--out",
        str(script),
        "--record-all",
        "--json",
    ]
    assert run(command) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["kind"], report["populations"]) == ("network", {"dense0": 40, "dense1": 3})
    assert report["not_on_chip"] == []
    told, kept = run_script(script)
    engine = lava_program(network, inputs=inputs)
    ours = Engine(engine.program).run(9, [Probe("dense0"), Probe("dense1")]).probes
    for layer in ("dense0", "dense1"):
        np.testing.assert_array_equal(kept[f"messages/{layer}"], ours[layer, "messages"])
    assert told["scores"] == np.count_nonzero(ours["dense1", "messages"], axis=0).tolist()
    assert max(told["scores"]) > 0
    before = script.read_bytes()
    assert run(command) == 2, "nothing that exists is overwritten"
    assert script.read_bytes() == before


@pytest.mark.lava
@pytest.mark.parametrize("scheme", ["two-phase", "refractory", "nebm"])
def test_a_qubo_by_the_annealers_own_neurons(scheme: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    upper = np.triu(rng.integers(-9, 10, (14, 14)))
    problem = Problem.of(upper)
    file, script = tmp_path / "p.npz", tmp_path / "anneal.py"
    write(problem, file)
    options = ["--scheme", scheme, "--steps", "120", "--seed", "3"]
    assert run(["export", "lava", str(file), "--out", str(script), *options]) == 0
    told, kept = run_script(script)
    ours = solve(problem, "loihi2-sim", scheme, steps=120, seed=3)
    x = np.array([int(bit) for bit in told["x"]])
    np.testing.assert_array_equal(x, ours.x)
    assert told["cost"] == ours.best_cost == int(x @ upper @ x)
    assert told["step"] == ours.best_steps[0]
    found = lava_program(file, scheme=scheme, steps=120, seed=3)
    engine = Engine(found.program)
    engine.run(found.steps)
    for variable in ("best", "history", "u"):
        np.testing.assert_array_equal(kept[f"states/variables/{variable}"], engine.state("variables")[variable])


@pytest.mark.lava
@pytest.mark.parametrize("variant", ["relaxation", "sigma-delta"])
def test_the_phases_of_a_trained_network(variant: str, tmp_path: Path) -> None:
    record = tmp_path / "run.h5"
    chip: list[str] = []
    if variant == "sigma-delta":
        settings = {"variant": variant, "damping_shift": 0, "guard_bits": 0, "fraction_bits": 12, "message_bits": 12}
        (tmp_path / "chip.json").write_text(json.dumps(settings))
        chip = ["--activation", "relu", "--chip", str(tmp_path / "chip.json")]
    command = [
        "train", "--epochs", "1", "--layers", "64-6-10", "--target", "loihi2-sim", "--train-samples", "64",
        "--test-samples", "32", "--free-steps", "30", "--nudge-steps", "8", "--out", str(record), *chip,
    ]  # fmt: skip
    assert run(command) == 0
    script = tmp_path / "phases.py"
    checkpoint = Path(f"{record}.checkpoint")
    assert run(["export", str(checkpoint), "--label", "4", "--out", str(script)]) == 0
    told, kept = run_script(script)
    found = lava_program(checkpoint, label=4)
    engine = Engine(found.program)
    ours = engine.run(found.steps, [Probe(name) for name in found.program.populations]).probes
    for name, population in found.program.populations.items():
        np.testing.assert_array_equal(kept[f"messages/{name}"], ours[name, "messages"])
        for variable in found.read[name]:
            np.testing.assert_array_equal(kept[f"states/{name}/{variable}"], engine.state(name)[variable])
        assert ours[name, "messages"].any() or population.n == 0
    assert told["class"] == int(np.argmax(told["scores"]))


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["missing.net"], "no program missing.net"),
        (["two.net"], "the number of steps must be given"),
        (["two.net", "--input", "wrong.npy"], "shape"),
        (["two.net", "--steps", "0"], "the number of steps"),
        (["p.npz", "--scheme", "thirds"], "no scheme 'thirds'"),
        (["p.npz", "--temperature", "1"], "HIGH,LOW"),
        (["p.npz", "--steps", "-2"], "zero or more"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str], text: str, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    np.save("wrong.npy", np.zeros((3, 5), int))
    write(Problem.of([[-1, 1], [0, -1]]), "p.npz")
    assert run(["export", *options, "--out", "x.py"]) == 2
    shown = capsys.readouterr().err
    assert text in shown
    assert shown.count("\n") == 1
    assert not Path("x.py").exists()


def test_a_script_is_python_without_lava_too(network: Path, tmp_path: Path) -> None:
    """Writing needs no Lava; the file compiles, and only running it asks for Lava."""
    script = tmp_path / "net.py"
    code = (
        "import sys\n"
        "sys.modules['lava'] = None\n"
        "from equipoise.lava_export import export_lava\n"
        f"export_lava({str(network)!r}, {str(script)!r}, steps=4)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    compile(script.read_text(), str(script), "exec")
    if why_unavailable():
        with pytest.raises(ModuleNotFoundError):
            runpy.run_path(str(script))
