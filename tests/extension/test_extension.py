"""Eleven files as a stranger writes them, each used by the Python API, the command line, a study and the report.

The files import public names only, and nothing in the tree knows of them.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equipoise.cli.main import run
from equipoise.registry import KINDS, load_reference, registry
from equipoise.testing.neurons import check_neuron
from equipoise.testing.rules import check_rule
from equipoise.testing.substrates import check_relaxation_substrate
from hw_profiles.registry import _all_entry_points, _entry_points

FILES = Path(__file__).parent / "files"
Json = Callable[..., Any]

#: kind -> (file, name in it)
OFFERED = {
    "target": ("machine.py", "TARGET"),
    "estimator": ("rule.py", "Richardson"),
    "neuron": ("neuron.py", "Gate"),
    "profile": ("profile.toml", ""),
    "device": ("device.toml", ""),
    "generator": ("generator.py", "ladder"),
    "format": ("format.py", "FORMAT"),
    "data set": ("dataset.py", "rings"),
    "activation": ("activation.py", "ARCTAN"),
    "task": ("task.py", "descent"),
    "workload": ("workload.py", "Coins"),
}
#: a small training run, as options; each kind replaces one of them
SMALL = {
    "dataset": f"{FILES}/dataset.py:rings", "layers": "2-10-2", "epochs": 1, "train_samples": 60, "test_samples": 40,
    "free_steps": 60, "nudge_steps": 20,
}  # fmt: skip
TRAINS = {
    "target": {"target": f"{FILES}/machine.py:TARGET"},
    "estimator": {"estimator": f"{FILES}/rule.py:Richardson"},
    "profile": {"profile": f"{FILES}/profile.toml"},
    "device": {"target": "analog", "chip": f"{FILES}/device.toml"},
    "data set": {},
    "activation": {"activation": f"{FILES}/activation.py:ARCTAN"},
}


def reference(kind: str) -> str:
    file, name = OFFERED[kind]
    return f"{FILES / file}:{name}" if name else str(FILES / file)


def plugged(kind: str) -> str:
    """Its name as a plug-in."""
    return "small-steps" if kind == "target" else f"strange-{kind.replace(' ', '-')}"


def thing(kind: str) -> Any:
    return load_reference(reference(kind))


@pytest.fixture
def json_of(capsys: pytest.CaptureFixture[str]) -> Json:
    """Run a command line that must succeed; what it printed, from JSON."""

    def call(*arguments: object) -> Any:
        code = run([str(a) for a in arguments])
        out, err = capsys.readouterr()
        assert code == 0, err
        return json.loads(out)

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("extension")


@pytest.fixture(scope="module")
def records(folder: Path) -> dict[str, Path]:
    """A record of each kind that a training run can be made of, and of a solved problem, by the command line."""
    found = {}
    for kind, own in TRAINS.items():
        options = {**SMALL, **own}
        found[kind] = folder / f"{kind.replace(' ', '-')}.h5"
        words = [str(part) for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
        assert run(["train", *words, "--out", str(found[kind]), "--json"]) == 0, kind
    found["generator"] = folder / "ladder.h5"
    form, file = reference("format"), str(folder / "six.colon")
    words = [reference("generator"), "--rungs", "6", "--format", form, "--out", file]
    assert run(["qubo", "generate", *words]) == 0
    words = [file, "--format", form, "--target", "loihi2-sim", "--out", str(found["generator"])]
    assert run(["qubo", "solve", *words]) == 0
    return found


def test_the_eleven_files_import_public_names_only() -> None:
    for file in FILES.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                words = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
                private = [w for w in words if w.startswith("_") and w != "__future__"]
                assert not private, f"{file.name} imports {private}"
    assert {path.name for path in FILES.iterdir() if path.suffix in (".py", ".toml")} == {
        f for f, _ in OFFERED.values()
    }


@pytest.mark.parametrize("kind", [*TRAINS, "generator"])
def test_a_record_by_the_command_line(kind: str, records: dict[str, Path], json_of: Json) -> None:
    shown = json_of("records", "show", records[kind], "--json")
    assert shown["status"] == "complete"
    words = {"target": "small-steps", "profile": "profile.toml", "estimator": "rule.py:Richardson"}
    assert words.get(kind, "") in json.dumps(shown)
    if kind == "generator":  # the largest matching of a ladder with n rungs has n edges
        assert shown["results"]["best_cost"] == -6


def test_one_report_of_all_records(records: dict[str, Path], folder: Path, json_of: Json) -> None:
    json_of("report", *records.values(), "--out", folder / "page.html", "--profile", reference("profile"), "--json")
    page = (folder / "page.html").read_text()
    for word in ("small-steps", "laptop", "six.colon"):
        assert word in page


def test_one_study_of_all_kinds(folder: Path, json_of: Json) -> None:
    """A study names each file where it would name something of ours; its page shows what every task gave."""
    file = folder / "two.colon"
    file.write_bytes(thing("format").write(thing("generator")(rungs=2, seed=0).problem))
    loihi = {"target": "loihi2-sim", "steps": 1000}
    cases: list[tuple[str, dict[str, Any], str]] = [
        *(("train", {**SMALL, **own}, "seed = [0]") for own in TRAINS.values()),
        ("qubo", {"generator": reference("generator"), "rungs": 5, **loihi}, "seed = [0, 1]"),
        ("qubo", {"file": str(file), "format": reference("format"), **loihi}, "seed = [0]"),
        ("neuron", {"neuron": reference("neuron"), "steps": 50}, "least = [10, 2000]"),
        (reference("task"), {"nodes": 10, "density": 0.4}, "seed = [0, 1]"),
    ]
    lines = ['name = "own"']
    for task, fixed, grid in cases:
        lines += ["[[case]]", f'task = "{task}"', "[case.fixed]"]
        lines += [*(f"{name} = {json.dumps(value)}" for name, value in fixed.items()), "[case.grid]", grid]
    study, page = folder / "study.toml", folder / "study.html"
    study.write_text("\n".join([*lines, ""]))
    said = json_of("sweep", study, "--out", folder / "study.h5", "--report", page, "--allow-tasks", "--json")
    assert (said["failed"], said["complete"]) == ([], len(TRAINS) + 7)
    for result in ("test_accuracy", "best_cost", "messages", "flips"):
        assert f"<code>{result}</code>" in page.read_text()


def test_a_machine_passes_the_kit() -> None:
    from substrates.network import layered

    target = thing("target")
    check_relaxation_substrate(lambda n: target.network(n, {}, 0), network=layered([12, 9, 7, 4], seed=3, angle=30.0))


def test_a_rule_is_fourth_order_and_an_activation_has_its_derivative() -> None:
    check_rule(thing("estimator")(), estimates="response", order=4)
    arctan = thing("activation")
    u = torch.linspace(-2, 2, 41, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(arctan.function(u).sum(), u)
    torch.testing.assert_close(slope, arctan.derivative(u))


def test_a_neuron_passes_the_kit() -> None:
    check_neuron(thing("neuron"))


@pytest.mark.lava
def test_a_neuron_agrees_with_its_lava_process(json_of: Json) -> None:
    pytest.importorskip("lava.proc")
    said = json_of("conform", "--model", reference("neuron"), "--cases", 3, "--json")
    row = said["by_model"][reference("neuron")]
    assert (row["cases"], row["mismatches"], row["rule"]) == (3, 0, "Lava's public fixed-point model")


@pytest.mark.lava
def test_a_wrong_lava_process_is_found_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("lava.proc")
    wrong = tmp_path / "wrong.py"
    text = (FILES / "neuron.py").read_text()
    wrong.write_text(text.replace('"vth": self.least}', '"vth": self.least + 300}').replace('"gate"', '"wrong-gate"'))
    assert run(["conform", "--model", f"{wrong}:Gate", "--cases", "8", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["mismatches"] > 0


def test_a_device_and_a_profile_by_the_python_interface() -> None:
    from hw_profiles import Event, Ledger
    from hw_profiles.pricing import price
    from hw_profiles.profile import load_profile
    from substrates.analog import load_preset

    assert load_preset(reference("device")).levels == 16
    ledger = Ledger()
    ledger.add(Event.WALL_NANOSECONDS, 10**9)
    assert price(ledger, load_profile(reference("profile"))).energy.value == pytest.approx(20.0)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The eleven files as one installed distribution, by its entry points."""
    package = tmp_path / "site" / "strange"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        "from pathlib import Path\nPROFILE = Path(__file__).with_name('profile.toml')\n"
        "DEVICE = str(Path(__file__).with_name('device.toml'))\n"
    )
    for file, _ in OFFERED.values():
        (package / file).write_text((FILES / file).read_text())
    info = tmp_path / "site" / "strange-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    places = {"profile": "strange:PROFILE", "device": "strange:DEVICE"}
    lines = []
    for kind, (file, name) in OFFERED.items():
        place = places.get(kind) or f"strange.{file.removesuffix('.py')}:{name}"
        lines += [f"[{registry(kind).group}]", f"{plugged(kind)} = {place}"]
    (info / "entry_points.txt").write_text("\n".join([*lines, ""]))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    for cached in (_entry_points, _all_entry_points):
        cached.cache_clear()
    yield
    for cached in (_entry_points, _all_entry_points):
        cached.cache_clear()
    for name in [name for name in sys.modules if name.split(".")[0] == "strange"]:
        del sys.modules[name]
    for kind in KINDS:
        for name in ("small-steps", *(plugged(kind) for kind in OFFERED)):
            registry(kind).remove(name)


@pytest.mark.parametrize("kind", OFFERED)
def test_an_installed_plug_in_is_listed_and_loads(kind: str, installed: None) -> None:
    name = plugged(kind)
    table = registry(kind)
    assert name in list(table)
    assert table.texts()[name] == "from strange"
    assert table.find(name) is not None
    assert table.broken() == {}


def test_help_and_commands_know_what_is_installed(
    installed: None, json_of: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["train", "--help"]) == 0
    told = re.sub(r"\s+", "", capsys.readouterr().out)  # help breaks names over lines
    for kind in ("target", "estimator", "profile", "data set", "activation"):
        assert plugged(kind) in told
    assert run(["qubo", "generate", "--help"]) == 0
    assert "strange-generator" in capsys.readouterr().out
    said = json_of(
        "train", "--dataset", "strange-data-set", "--estimator", "strange-estimator", "--activation",
        "strange-activation", "--target", "small-steps", "--epochs", 1, "--train-samples", 40, "--json",
    )  # fmt: skip
    assert said["status"] == "complete"
    assert np.isfinite(said["test_accuracy"])
