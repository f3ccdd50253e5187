"""Records: round trip, plain h5py, what a kill leaves, exports, measurements, NeuroBench's form."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pytest

from hw_profiles.errors import InputError
from hw_profiles.export import as_csv, as_json, as_parquet, record_row
from hw_profiles.ledger import Event, Ledger
from hw_profiles.measured import from_lava, measure, timed_ledger
from hw_profiles.neurobench import neurobench_results
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from hw_profiles.record import Record


def make(path: Path) -> Path:
    ledger = Ledger()
    ledger.add(Event.STEPS, 12, phase="free")
    ledger.add(Event.SYNAPTIC_OPERATIONS, 2**40, component="synapses", layer="hidden", core=3, phase="free")
    with Record.create(
        path,
        kind="qubo",
        config={"steps": 12, "nested": {"a": [1, 2]}},
        seeds={"seed": 7},
        target={"requested": "auto", "resolved": "loihi2-sim", "reason": "no host"},
        inputs={"linear": np.arange(3)},
    ) as record:
        record.result("best_cost", -5.5)
        record.result("solution", "0110")
        record.result("wall_time", 0.25, "s")
        record.result("matrix", np.eye(2))
        record.append("reads", {"read": 0, "cost": -5.5, "note": "a"})
        record.append("reads", {"read": 1, "cost": -4.0, "note": "b"})
        record.set_ledger(ledger)
    return path


def test_round_trip(tmp_path: Path) -> None:
    record = Record.open(make(tmp_path / "r.h5"))
    assert (record.kind, record.status) == ("qubo", "complete")
    assert record.config == {"steps": 12, "nested": {"a": [1, 2]}}
    assert record.seeds == {"seed": 7}
    assert record.target["reason"] == "no host"
    assert record.results["best_cost"] == -5.5
    assert record.results["solution"] == "0110"
    assert record.units["wall_time"] == "s"
    assert np.array_equal(record.results["matrix"], np.eye(2))
    assert record.tables["reads"][1] == {"read": 1, "cost": -4.0, "note": "b"}
    assert record.ledger.total(Event.SYNAPTIC_OPERATIONS, core=3, layer="hidden") == 2**40
    assert {"versions", "machine", "commit", "command", "python"} <= record.provenance.keys()


def test_plain_h5py_reads_it_as_documented(tmp_path: Path) -> None:
    with h5py.File(make(tmp_path / "r.h5"), "r") as file:
        assert file.attrs["schema"] == 1
        assert file.attrs["kind"] == "qubo"
        assert json.loads(file.attrs["config"])["steps"] == 12
        assert json.loads(file.attrs["target"])["resolved"] == "loihi2-sim"
        assert "numpy" in json.loads(file.attrs["provenance"])["versions"]
        assert file["results/best_cost"][()] == -5.5
        assert file["results/wall_time"].attrs["unit"] == "s"
        assert file["tables/reads/cost"][:].tolist() == [-5.5, -4.0]
        assert file["inputs/linear"][:].tolist() == [0, 1, 2]
        events = [event.decode() for event in file["ledger/event"][:]]
        assert dict(zip(events, file["ledger/count"][:].tolist())) == {"steps": 12, "synaptic_operations": 2**40}


def test_nothing_is_overwritten_and_foreign_files_are_named(tmp_path: Path) -> None:
    path = make(tmp_path / "r.h5")
    with pytest.raises(InputError, match="exists already"):
        make(path)
    (tmp_path / "no.h5").write_text("no")
    with pytest.raises(InputError, match="not a readable HDF5"):
        Record.open(tmp_path / "no.h5")
    with pytest.raises(InputError, match="no record"):
        Record.open(tmp_path / "absent.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(InputError, match="not an Equipoise record"):
        Record.open(tmp_path / "other.h5")


WRITER = """
import sys
from hw_profiles.record import Record
rec = Record.create(sys.argv[1], kind="t", config={}, seeds={}, target={})
print("made", flush=True)
for i in range(10**9):
    rec.append("rows", {"i": i})
    rec.flush()
"""


def test_a_kill_at_any_moment_leaves_a_readable_record(tmp_path: Path) -> None:
    rows = []
    for attempt in range(5):
        path = tmp_path / f"r{attempt}.h5"
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.03 + 0.017 * attempt)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        record = Record.open(path)
        assert record.status == "running"
        rows.append(len(record.tables.get("rows", [])))
        assert [row["i"] for row in record.tables.get("rows", [])] == list(range(rows[-1]))
    assert max(rows) > 0


NUMBERS, TEXTS = (1, 2.5, True, 2**40), ("a", None, [1, 2], {"a": 1})


@pytest.mark.parametrize("first", [*NUMBERS, *TEXTS])
@pytest.mark.parametrize("later", [*NUMBERS, *TEXTS])
def test_a_column_is_the_same_however_often_it_was_written(first: Any, later: Any, tmp_path: Path) -> None:
    """Numbers of several types, and numbers that become texts late, flushed after every row or once."""
    texts = any(v is None or isinstance(v, (str, list, dict)) for v in (first, later))
    for often in (False, True):
        with Record.create(tmp_path / str(often), kind="t", config={}, seeds={}, target={}) as record:
            for value in (first, first, later, first, later):
                record.append("rows", {"v": value, "i": 0})
                if often:
                    record.flush()
    once, often_ = (h5py.File(tmp_path / str(often))["tables/rows/v"] for often in (False, True))
    assert once.dtype == often_.dtype
    assert once[:].tolist() == often_[:].tolist()
    assert len(often_) == 5
    assert bool(often_.attrs["json"]) == texts


def test_flushing_takes_a_tenth_of_the_time_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which every flush takes 30 seconds and every append one: the pauses must be 270."""
    now = [0.0]
    monkeypatch.setattr("hw_profiles.record.time.monotonic", lambda: now[0])
    record = Record.create(tmp_path / "r.h5", kind="t", config={}, seeds={}, target={})
    write, flushes = record._write, []

    def slow(file: Any) -> None:
        write(file)
        now[0] += 30.0
        flushes.append(now[0])

    monkeypatch.setattr(record, "_write", slow)
    for i in range(2000):
        now[0] += 1.0
        record.append("rows", {"i": i})
    assert 6 <= len(flushes) <= 8
    assert 30.0 * len(flushes) <= 0.11 * now[0]
    record.close()
    assert [row["i"] for row in Record.open(tmp_path / "r.h5").tables["rows"]] == list(range(2000))


def test_an_exception_and_an_interrupt_are_told_apart(tmp_path: Path) -> None:
    for name, error, status in (("a", ValueError, "failed"), ("b", KeyboardInterrupt, "interrupted")):
        with pytest.raises(error), Record.create(tmp_path / name, kind="t", config={}, seeds={}, target={}):
            raise error
        assert Record.open(tmp_path / name).status == status


def test_exports(tmp_path: Path) -> None:
    path = make(tmp_path / "r.h5")
    row = record_row(path)
    assert row["result.wall_time [s]"] == 0.25
    assert row["count.steps"] == 12
    read = list(csv.DictReader(io.StringIO(as_csv([row, {"record": "b", "extra": [1]}]))))
    assert read[0]["result.best_cost"] == "-5.5"
    assert read[1]["extra"] == "[1]"
    assert json.loads(as_json([{"a": float("nan"), "b": 1}])) == {"records": [{"a": None, "b": 1}]}


def test_parquet(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an extra")
    (tmp_path / "t.parquet").write_bytes(as_parquet([{"a": 1, "b": "x"}, {"a": 2}]))
    assert parquet.read_table(tmp_path / "t.parquet").to_pylist() == [{"a": 1, "b": "x"}, {"a": 2, "b": None}]


def test_parquet_without_its_package_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"equipoise\[parquet\]"):
        as_parquet([{"a": 1}])


def zone(folder: Path, name: str, label: str, microjoules: int) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "name").write_text(label + "\n")
    (path / "energy_uj").write_text(str(microjoules))
    (path / "max_energy_range_uj").write_text("1000000")
    return path


def test_powercap_counters_with_a_wrap(tmp_path: Path) -> None:
    package = zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 5)
    memory = zone(tmp_path, "intel-rapl:0:1", "dram", 100)
    with measure(tmp_path) as result:
        (package / "energy_uj").write_text("100000")
        (memory / "energy_uj").write_text("50100")
    assert {rail.name: rail.energy_j for rail in result.rails} == pytest.approx({"package-0": 0.2, "dram": 0.05})
    assert result.energy_j == pytest.approx(0.25)
    cost = price(result.ledger(), load_profile("this-machine"))
    assert cost.energy.value == pytest.approx(0.25)
    assert cost.energy.grade == "measured"


def test_without_counters_nothing_is_made_up(tmp_path: Path) -> None:
    with measure(tmp_path / "absent") as result:
        time.sleep(0.01)
    assert result.energy_j is None
    assert "assumed" in result.method
    assert result.wall_ns >= 9_000_000
    assert price(result.ledger(), load_profile("this-machine")).energy.grade == "assumed"


def test_lava_rails_fill_the_same_columns_even_when_dynamic_is_negative(tmp_path: Path) -> None:
    # The published PilotNet SDNN run: 0.2757 W in all, 0.2818 W static.
    power = SimpleNamespace(vdd_power=0.10, vddm_power=[0.1757], vddio_power=0.0,
                            static_vdd_power=0.1061, static_vddm_power=0.1757, static_vddio_power=0.0)  # fmt: skip
    result = from_lava(power, SimpleNamespace(avg_time_per_step=100.0), steps=10_000)
    assert [rail.name for rail in result.rails] == ["VDD", "VDD-M", "VDD-IO"]
    assert result.energy_j == pytest.approx(0.2757)
    assert result.rails[0].dynamic_j == pytest.approx(-0.0061)
    with Record.create(tmp_path / "r.h5", kind="t", config={}, seeds={}, target={}) as record:
        result.write(record)
    kept = Record.open(tmp_path / "r.h5")
    assert kept.results["measured.VDD.dynamic"] == pytest.approx(-0.0061)
    assert timed_ledger(kept).total(Event.MEASURED_MICROJOULES) == 275_700


def test_neurobench_names() -> None:
    ledger = Ledger()
    ledger.add(Event.SYNAPTIC_OPERATIONS, 600)
    ledger.add(Event.NEURON_UPDATES_ACTIVE, 25)
    ledger.add(Event.NEURON_UPDATES_INACTIVE, 75)
    result = neurobench_results(ledger, samples=2, footprint=10, connection_sparsity=0.5, ClassificationAccuracy=0.9)
    assert result == {
        "ClassificationAccuracy": 0.9,
        "Footprint": 10,
        "ConnectionSparsity": 0.5,
        "ActivationSparsity": 0.75,
        "SynapticOperations": {"Effective_MACs": 300.0, "Effective_ACs": 0.0},
        "MembraneUpdates": 50.0,
    }
    assert neurobench_results(ledger, binary_messages=True)["SynapticOperations"]["Effective_ACs"] == 600
