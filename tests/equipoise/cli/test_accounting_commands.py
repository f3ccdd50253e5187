"""profiles, price, report, records, sweep: one JSON object on standard output, one line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import equipoise
from equipoise.cli.main import run
from hw_profiles.ledger import Event, Ledger
from hw_profiles.record import Record


@pytest.fixture
def record(tmp_path: Path) -> Path:
    ledger = Ledger()
    ledger.add(Event.STEPS, 100)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 1000, core=0)
    ledger.add(Event.WEIGHT_WRITES, 5)
    path = tmp_path / "r.h5"
    with Record.create(path, kind="qubo", config={}, seeds={"seed": 1}, target={"resolved": "loihi2-sim"}) as written:
        written.result("best_cost", -3.0)
        written.append("reads", {"read": 0, "cost": -3.0})
        written.set_ledger(ledger)
    return path


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert run([*arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_price_on_two_machines(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    priced = answer(capsys, "price", str(record), "--profile", "loihi2", "--json")
    assert priced["energy_j"]["value"] > 0  # type: ignore[index]
    refused = answer(capsys, "price", str(record), "--profile", "loihi1", "--json")
    assert refused["energy_j"]["missing"] == ["weight_writes"]  # type: ignore[index]
    assert run(["price", str(record), "--profile", "loihi1"]) == 0
    assert "no price for weight_writes" in capsys.readouterr().err
    board = answer(capsys, "price", str(record), "--profile", "loihi2", "--boundary", "board", "--json")
    assert board["boundary"] == "board"
    assert board["energy_j"]["value"] > 3 * priced["energy_j"]["value"]  # type: ignore[index]
    shares = [row["share"] for row in board["sensitivity"]["energy"]]  # type: ignore[index]
    assert sum(shares) == pytest.approx(1)
    assert run(["price", str(record), "--profile", "truenorth", "--boundary", "board"]) == 2
    assert "no power at the boundary board; it has silicon" in capsys.readouterr().err
    # the time of simulating a chip is no processor's cost
    simulated = answer(capsys, "price", str(record), "--profile", "cpu", "--json")
    assert "steps" in simulated["energy_j"]["missing"]  # type: ignore[index]


def test_what_is_missing_is_named_with_the_help_to_read(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["price", str(record)]) == 2
    assert capsys.readouterr().err == "equipoise: Missing option '--profile'; see equipoise price --help\n"


def test_validate(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = answer(capsys, "validate", "--machine", "speck", "--json", "--out", str(tmp_path / "v.html"))
    assert found["summary"]["checks"] == 3  # type: ignore[index]
    page = (tmp_path / "v.html").read_text()
    assert "gait by night, dynamic" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert run(["validate", "--out", str(tmp_path / "v.html")]) == 2
    assert "exists already" in capsys.readouterr().err
    assert run(["validate", "--out", str(tmp_path / "v.pdf")]) == 2
    assert run(["validate", "--machine", "nobody"]) == 2
    assert "figures of" in capsys.readouterr().err
    assert run(["validate", "--machine", "odin"]) == 0
    assert "none of which checks" in capsys.readouterr().err


def test_profiles(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = {row["name"] for row in answer(capsys, "profiles", "list", "--json")["profiles"]}  # type: ignore[attr-defined]
    assert {"loihi2", "spinnaker1", "gpu-h100", "cpu"} <= names
    assert answer(capsys, "profiles", "show", "loihi2", "--json")["name"] == "loihi2"
    assert run(["profiles", "show", "loihi2"]) == 0
    assert "oihi 2" in capsys.readouterr().err
    bad = tmp_path / "bad.toml"
    bad.write_text('schema_version = 1\nname = "x"\n')
    assert run(["profiles", "check", str(bad)]) == 2
    text = capsys.readouterr().err
    assert "title" in text
    assert "static_power: missing" in text


def test_records(record: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    listed = answer(capsys, "records", "ls", str(record.parent), "--json")["records"]
    assert [row["result.best_cost"] for row in listed] == [-3.0]  # type: ignore[attr-defined]
    assert answer(capsys, "records", "show", str(record), "--json")["counts"]["steps"] == 100  # type: ignore[index]
    assert run(["records", "export", str(record), "--table", "reads"]) == 0
    assert capsys.readouterr().out == f"record,read,cost\n{record},0,-3.0\n"
    assert run(["records", "export", str(record), "--json", "--out", str(tmp_path / "r.json")]) == 0
    assert json.loads((tmp_path / "r.json").read_text())["records"][0]["kind"] == "qubo"
    assert run(["records", "export", str(record), "--table", "nothing"]) == 2
    assert run(["records", "ls", str(tmp_path / "absent.h5")]) == 2


def test_a_record_under_neurobench_s_names(record: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    whole = answer(capsys, "records", "neurobench", str(record))
    assert whole["MembraneUpdates"] == 1000
    ledger = Ledger()
    ledger.add(Event.SYNAPTIC_OPERATIONS, 900, phase="train", core=0)
    ledger.add(Event.SYNAPTIC_OPERATIONS, 600, phase="test", core=0)
    path = tmp_path / "t.h5"
    with Record.create(path, kind="train", config={}, seeds={"run": 1}, target={"resolved": "loihi2-sim"}) as written:
        written.result("samples.inference", 20)
        written.result("test_accuracy", 0.75)
        written.set_ledger(ledger)
    told = answer(capsys, "records", "neurobench", str(path))
    assert told["ClassificationAccuracy"] == 0.75
    assert told["SynapticOperations"] == {"Effective_MACs": 30.0, "Effective_ACs": 0.0}


def test_report_overwrites_nothing(record: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    done = answer(capsys, "report", str(record), "--out", str(page), "--profile", "loihi2", "--json")
    assert done["page"] == str(page)
    before = page.read_bytes()
    assert run(["report", str(record), "--out", str(page)]) == 2
    assert page.read_bytes() == before


def test_sweep(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    study = tmp_path / "s.toml"
    study.write_text('name = "s"\ntask = "calibrate"\n[fixed]\nmilliseconds = 1\n[grid]\nseed = [0, 1]\n')
    out = tmp_path / "s.h5"
    done = answer(capsys, "sweep", str(study), "--out", str(out), "--report", str(tmp_path / "s.html"), "--json")
    assert (done["complete"], done["failed"]) == (2, [])
    assert "Equipoise study" in (tmp_path / "s.html").read_text()
    rows = answer(capsys, "records", "ls", str(out), "--json")["records"]
    assert [row["param.seed"] for row in rows] == [0, 1]  # type: ignore[attr-defined]
    listed = {study["name"] for study in answer(capsys, "sweep", "--list", "--json")["studies"]}  # type: ignore[attr-defined]
    assert listed == {file.stem for file in (Path(equipoise.__file__).parent / "study" / "studies").glob("*.toml")}
    assert run(["sweep", "nothing", "--out", str(out)]) == 2
    assert run(["sweep", str(study)]) == 2
