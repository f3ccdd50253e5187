"""A record: one run on disk. HDF5, readable by plain h5py; a killed process never leaves an unreadable file.

Layout (schema 1): root attributes ``schema, kind, status, created, config, seeds, target, provenance`` (JSON texts),
groups ``inputs``, ``results``, ``tables/<name>/<column>`` and ``ledger`` (datasets ``event, component, layer, core,
phase, count``). Every result may carry the attribute ``unit``.

Each flush makes the file whole in memory and puts it into place (`hw_profiles.output`): at any moment the path holds
either the previous or the next complete file. Appended rows are flushed at most ten times a second, and never for more
than a tenth of the time: a record of many rows is written less often, so appending costs the same however long it
grows.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from hw_profiles._column import Column
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.interrupts import held
from hw_profiles.ledger import Event, Key, Ledger
from hw_profiles.notebook import card
from hw_profiles.output import Output, remove_leftover
from hw_profiles.reading import wrote_hdf5

__all__ = ["SCHEMA", "Record", "provenance"]

SCHEMA = 1
_CELL, _COUNT = 200, 1000  #: bytes of memory of one value of a table, and of one count, about
SHORTEST_PAUSE = 0.1  #: seconds between two flushes of appended rows


@lru_cache(maxsize=1)
def provenance() -> dict[str, Any]:
    """Versions, machine, commit and command of this process; looked up once."""
    versions = {}
    for name in ("equipoise", "numpy", "numba", "torch", "h5py", "dimod", "lava-nc"):
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        commit = ""
    return {
        "versions": versions,
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "processor": _processor(),
        "commit": commit,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


class Record:
    """One run, written or read. Make one with `Record.create` or `Record.open`."""

    def __init__(self, path: Path, data: dict[str, Any], *, output: Output | None = None) -> None:
        self._path = path
        self._data = data
        self._output = output
        self._flushed = 0.0
        self._pause = SHORTEST_PAUSE
        self._columns: dict[tuple[str, str], Column] = {}

    @classmethod
    @checked
    def create(
        cls,
        path: str | Path,
        *,
        kind: str,
        config: Mapping[str, Any],
        seeds: Mapping[str, int],
        target: Mapping[str, Any],
        inputs: Mapping[str, Any] | None = None,
        overwrite: bool = False,
        run: str = "",
        goes_on: Callable[[Record], bool] | None = None,
    ) -> Record:
        """Start a record at ``path`` and put a first complete file there, with status ``running``.

        Args:
            overwrite: replace whatever is there.
            run: the run's own name for good, kept in the file; one that was stopped and goes on gives it again. Empty
                draws one.
            goes_on: says whether the record that is there is of this very run, which may then replace it.

        Raises:
            InputError: something else is there, or the file cannot be written.
        """
        output = Output(path, force=overwrite, mine=None if goes_on is None else _is_record_that(goes_on))
        data = {
            "kind": kind,
            "status": "running",
            "run": run or secrets.token_hex(8),
            "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "config": dict(config),
            "seeds": dict(seeds),
            "target": dict(target),
            "provenance": provenance(),
            "inputs": {name: (np.asarray(value), {}) for name, value in (inputs or {}).items()},
            "results": {},
            "tables": {},
            "ledger": Ledger(),
        }
        record = cls(output.path, data, output=output)
        record.flush()
        return record

    @checked
    def result(self, name: str, value: Any, unit: str = "", **attrs: Any) -> None:
        """Keep a scalar, text or array under ``results/name``."""
        self._check_writable()
        self._data["results"][name] = (value, {**({"unit": unit} if unit else {}), **attrs})

    @checked
    def append(self, table: str, row: Mapping[str, Any]) -> None:
        """Add a row to a table and flush now and then: after a kill, the rows of the last moments are missing.

        The moments are a tenth of a second, or nine times as long as the last flush took if that is more.
        """
        self._check_writable()
        tables = self._data["tables"]
        if table in tables:
            tables[table].append(dict(row))
        else:
            tables[table] = [dict(row)]  # in one step: an interrupt may come after any, and a table has a row
        if time.monotonic() - self._flushed > self._pause:
            self.flush()

    @checked
    def set_ledger(self, ledger: Ledger) -> None:
        """Replace the stored counts."""
        self._check_writable()
        self._data["ledger"] = Ledger(ledger)

    def flush(self, *, durable: bool = False) -> None:
        """Put the present state on disk, whole; ``durable`` waits for the disk.

        Raises:
            OSError: the disk is full, or fails; what it held before is untouched.
        """
        import h5py

        if self._output is None:
            raise RuntimeError(f"{self.path} was opened for reading")
        began = time.monotonic()
        # In memory first: HDF5 does not survive a disk that fills while it writes. The name there is this record's
        # alone, for HDF5 refuses a second file of one name, in another thread as well.
        with held():
            with h5py.File(f"record-{id(self)}", "w", driver="core", backing_store=False, track_order=True) as file:
                self._write(file)
                file.flush()
                content = file.id.get_file_image()
            self._output.put(content, durable=durable)
        self._flushed = time.monotonic()
        self._pause = max(SHORTEST_PAUSE, 9 * (self._flushed - began))

    def _write(self, file: Any) -> None:
        data = self._data
        file.attrs["schema"] = SCHEMA
        for name in ("kind", "status", "created", "run"):
            file.attrs[name] = data[name]
        for name in ("config", "seeds", "target", "provenance"):
            file.attrs[name] = json.dumps(data[name], default=str)
        for group in ("inputs", "results"):
            into = file.create_group(group)
            for name, (value, attrs) in data[group].items():
                dataset = into.create_dataset(name, data=value if isinstance(value, str) else np.asarray(value))
                if attrs:
                    dataset.attrs.update(attrs)
        tables = file.create_group("tables")
        for name, rows in data["tables"].items():
            table = tables.create_group(name, track_order=True)
            for column in rows[0]:
                known = self._columns.setdefault((name, column), Column(column))
                values, texts = known.values(rows)
                dataset = table.create_dataset(column, data=values)
                dataset.attrs["json"] = texts
        ledger = file.create_group("ledger")
        keys = list(data["ledger"])
        for field in ("event", "component", "layer", "phase"):
            texts_ = [str(k.event.value if field == "event" else getattr(k, field)) for k in keys]
            ledger.create_dataset(field, data=texts_ if texts_ else np.zeros(0, "S1"))
        ledger.create_dataset("core", data=np.array([k.core for k in keys], np.int64))
        ledger.create_dataset("count", data=np.array([data["ledger"][k] for k in keys], np.int64))

    def close(self, status: str = "complete") -> None:
        """Write the last state with ``status``: complete, interrupted or failed."""
        if self._output is not None:
            with held():
                self._data["status"] = status
                self.flush(durable=True)
                wrote_hdf5(self._output.path)
                self._path, self._output = self._output.path, None

    def __enter__(self) -> Record:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.close("interrupted" if issubclass(kind, KeyboardInterrupt | GeneratorExit) else "failed")

    def _check_writable(self) -> None:
        if self._output is None:
            raise RuntimeError(f"{self.path} is closed")

    @classmethod
    @checked
    def open(cls, path: str | Path) -> Record:
        """Read a record.

        Raises:
            InputError: missing, not HDF5, or not a record of ours.
        """
        from hw_profiles.reading import number_attribute, open_hdf5

        path = Path(path)
        if path.is_file():
            remove_leftover(path)
        with open_hdf5(path, "record") as file:
            if "schema" not in file.attrs:
                raise InputError(f"{path} is an HDF5 file but not an Equipoise record (no schema attribute)")
            if number_attribute(file, "schema", str(path)) > SCHEMA:
                raise InputError(f"{path} has schema {file.attrs['schema']}, this version reads up to {SCHEMA}")
            return cls(path, _read(file, str(path)))

    @property
    def path(self) -> Path:
        """Where it is; an open record may have had to move aside (`hw_profiles.output.Output.put`)."""
        return self._path if self._output is None else self._output.path

    def _repr_html_(self) -> str:
        """For notebooks: what it is of, and its results that are single values."""
        rows: list[tuple[str, object]] = [
            ("kind", self.kind), ("status", self.status), ("created", self.created),
            ("target", self.target.get("resolved", "")),
        ]  # fmt: skip
        rows += [(name, value) for name, value in self.results.items() if not hasattr(value, "shape")][:20]
        rows += [(name, f"table of {len(table)} rows") for name, table in self.tables.items()]
        return card(f"Record {self.path.name}", rows)

    @property
    def run(self) -> str:
        """The run's own name, the same when it was stopped and went on; empty in files older than it."""
        return str(self._data["run"])

    @property
    def kind(self) -> str:
        return str(self._data["kind"])

    @property
    def status(self) -> str:
        return str(self._data["status"])

    @property
    def created(self) -> str:
        return str(self._data["created"])

    @property
    def config(self) -> dict[str, Any]:
        return dict(self._data["config"])

    @property
    def seeds(self) -> dict[str, int]:
        return dict(self._data["seeds"])

    @property
    def target(self) -> dict[str, Any]:
        return dict(self._data["target"])

    @property
    def provenance(self) -> dict[str, Any]:
        return dict(self._data["provenance"])

    @property
    def results(self) -> dict[str, Any]:
        return {name: value for name, (value, _) in self._data["results"].items()}

    @property
    def units(self) -> dict[str, str]:
        return {name: str(attrs.get("unit", "")) for name, (_, attrs) in self._data["results"].items()}

    @property
    def tables(self) -> dict[str, list[dict[str, Any]]]:
        return {name: [dict(row) for row in rows] for name, rows in self._data["tables"].items()}

    @property
    def ledger(self) -> Ledger:
        return Ledger(self._data["ledger"])


def _is_record_that(condition: Callable[[Record], bool]) -> Callable[[Path], bool]:
    def holds(path: Path) -> bool:
        try:
            return condition(Record.open(path))
        except InputError:
            return False

    return holds


def _read(file: Any, name: str) -> dict[str, Any]:
    from hw_profiles.reading import check_size, parse_json

    def value(dataset: Any) -> Any:
        content = dataset[()]
        if isinstance(content, bytes):
            return content.decode()
        return content.item() if getattr(content, "ndim", 1) == 0 else content

    data: dict[str, Any] = {key: str(file.attrs[key]) for key in ("kind", "status", "created")}
    data["run"] = str(file.attrs.get("run", ""))
    for key in ("config", "seeds", "target", "provenance"):
        data[key] = parse_json(str(file.attrs[key]), f"{name}, {key}", "record", "write the record again")
        if not isinstance(data[key], dict):
            raise InputError(f"{name}: {key} holds a {type(data[key]).__name__}; expected names and values")
    for group in ("inputs", "results"):
        data[group] = {key: (value(d), dict(d.attrs)) for key, d in file[group].items()}
    data["tables"] = {}
    for key, table in file["tables"].items():
        check_size(sum(d.size for d in table.values()) * _CELL, name, f"table {key}")
        columns = {
            column: [json.loads(v) for v in d[()]] if d.attrs["json"] else d[()].tolist() for column, d in table.items()
        }
        length = len(next(iter(columns.values()), []))
        data["tables"][key] = [{c: columns[c][i] for c in columns} for i in range(length)]
    rows = file["ledger"]
    check_size(rows["count"].size * _COUNT, name, "its counts")
    texts = {f: [v.decode() for v in rows[f][()]] for f in ("event", "component", "layer", "phase")}
    cores, counts = rows["core"][()].tolist(), rows["count"][()].tolist()
    data["ledger"] = Ledger(
        {
            Key(Event(e), c, layer, core, p): n
            for e, c, layer, core, p, n in zip(
                texts["event"], texts["component"], texts["layer"], cores, texts["phase"], counts, strict=True
            )
        }
    )
    return data
