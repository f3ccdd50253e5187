"""One file for a whole study, and the journal that makes it survive a kill at any moment.

While a study runs, each finished run is one line in ``STUDY.h5.journal``. The HDF5 file is replaced whole, now and
then and at the end, and the journal goes when everything is in it. Reading takes both. Layout: docs/records.md.
"""

from __future__ import annotations

import hashlib
import io
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.study.tasks import Outcome
from hw_profiles._journal import Journal, _decode, _encode, replace_file
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Key, Ledger

__all__ = ["Entry", "Store", "StudyData", "is_study", "read_study"]

SCHEMA = 1
#: counts that depend on the machine's speed, not on the run
CLOCKS = {Event.WALL_NANOSECONDS, Event.CPU_NANOSECONDS, Event.MEASURED_MICROJOULES}


@dataclass
class Entry:
    """One run of a study: complete, or failed with its error."""

    index: int
    key: str
    task: str
    parameters: dict[str, Any]
    status: str
    attempts: int = 1
    seconds: float = 0.0
    error: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, float] = field(default_factory=dict)
    counts: list[list[Any]] = field(default_factory=list)  #: [event, component, layer, core, phase, count]
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def fill(self, outcome: Outcome) -> None:
        """Take over what a run gave."""
        self.results, self.measured, self.tables = outcome.results, outcome.measured, outcome.tables
        self.counts = [[k.event.value, *k[1:], n] for k, n in outcome.ledger.items()]

    @property
    def ledger(self) -> Ledger:
        """The counts."""
        return Ledger({Key(Event(c[0]), c[1], c[2], c[3], c[4]): c[5] for c in self.counts})

    def value(self, name: str) -> Any:
        """A result, repeatable or measured."""
        return self.results.get(name, self.measured.get(name))

    def row(self) -> dict[str, Any]:
        """One flat row, for tables and exports."""
        totals = self.ledger.totals()
        return {
            "record": self.key,
            "kind": self.task,
            "status": self.status,
            "created": "",
            **{f"param.{name}": value for name, value in self.parameters.items()},
            **{f"result.{name}": value for name, value in {**self.results, **self.measured}.items()},
            **{f"count.{event.value}": count for event, count in totals.items()},
            "attempts": self.attempts,
            "seconds": self.seconds,
            "error": self.error,
        }


@dataclass(frozen=True)
class StudyData:
    """A study as read: what was asked, and every run so far in the study's order."""

    name: str
    text: str
    provenance: dict[str, Any]
    entries: list[Entry]

    @property
    def complete(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.status == "complete"]

    def digest(self) -> str:
        """A fingerprint of everything repeatable: the same for any number of workers and after any interruption."""
        rows = [
            [e.key, e.status, e.results, [c for c in sorted(e.counts) if Event(c[0]) not in CLOCKS], e.tables]
            for e in sorted(self.entries, key=lambda e: e.index)
        ]
        return hashlib.blake2b(json.dumps(rows, sort_keys=True, default=_encode).encode(), digest_size=16).hexdigest()


class Store:
    """The writing side; one writer at a time, held by a lock that ends with the process."""

    def __init__(self, path: Path, name: str, text: str) -> None:
        from hw_profiles.record import provenance

        self.path, self.name, self.text, self.provenance = path, name, text, provenance()
        self.entries: dict[str, Entry] = {}
        if path.exists() or journal_of(path).exists():
            found = read_study(path)
            if found.name != name:
                raise InputError(f"{path} belongs to the study {found.name!r}, not {name!r}; choose another file")
            self.entries = {entry.key: entry for entry in found.entries}
        self._journal = Journal(journal_of(path))
        _lock(self._journal, path)
        if not journal_of(path).stat().st_size:
            self._journal.write({"study": name, "text": text, "provenance": self.provenance})
        self._written, self._cost = time.monotonic(), 0.0

    def add(self, entry: Entry) -> None:
        """Keep a run. It survives a kill from here on."""
        self._journal.write(asdict(entry))
        self.entries[entry.key] = entry
        # The file is replaced when that takes at most a hundredth of the time since the last one.
        if time.monotonic() - self._written > max(2.0, 100 * self._cost):
            self.write()

    def write(self) -> None:
        """Replace the HDF5 file."""
        began = time.monotonic()
        entries = sorted(self.entries.values(), key=lambda entry: entry.index)
        replace_file(self.path, _to_hdf5(StudyData(self.name, self.text, self.provenance, entries)))
        self._written = time.monotonic()
        self._cost = self._written - began

    def close(self) -> None:
        """Write everything and drop the journal."""
        self.write()
        journal_of(self.path).unlink(missing_ok=True)
        self._journal.close()


def journal_of(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def _lock(journal: Journal, path: Path) -> None:
    try:
        import fcntl
    except ImportError:  # not on this system; two sweeps into one file are then the user's care
        return
    try:
        fcntl.flock(journal.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise InputError(f"another sweep is writing {path}; wait for it, or choose another file") from None


def is_study(path: Path) -> bool:
    """Whether ``path`` is a study's file (or the journal of one that never got that far)."""
    from hw_profiles.reading import open_hdf5

    if not path.is_file():
        return journal_of(path).is_file()
    try:
        with open_hdf5(path, "study") as file:
            return "study_schema" in file.attrs
    except InputError:
        return False


def read_study(path: str | Path) -> StudyData:
    """Read a study file and what its journal adds.

    Raises:
        InputError: there is no such study, or the file is not one.
    """
    from equipoise.study.reading import entry_from
    from hw_profiles.reading import open_hdf5, parse_json, reading

    path = Path(path)
    name, text, provenance, entries = "", "", {}, {}
    fix = "run the study again into another file"
    if path.exists() or not journal_of(path).exists():
        with open_hdf5(path, "study") as file:
            if "study_schema" not in file.attrs:
                raise InputError(f"{path} is an HDF5 file but not a study file (no study_schema attribute)")
            if int(file.attrs["study_schema"]) > SCHEMA:
                raise InputError(f"{path} has schema {file.attrs['study_schema']}, this version reads up to {SCHEMA}")
            name, text = str(file.attrs["name"]), file["study"].asstr()[()]
            provenance = parse_json(str(file.attrs["provenance"]), str(path), "study", fix)
            for detail in file["runs/details"].asstr()[()]:
                entry = entry_from(json.loads(detail, object_hook=_decode), str(path))
                entries[entry.key] = entry
    with reading(journal_of(path), "journal of a study", fix):
        for line in Journal.read(journal_of(path)):
            if not isinstance(line, dict):
                raise InputError(f"{journal_of(path)} holds a line that is no entry; {fix}")
            if "study" in line:
                name, text, provenance = str(line["study"]), str(line["text"]), line["provenance"]
            else:
                entry = entry_from(line, str(journal_of(path)))
                entries[entry.key] = entry
    if not isinstance(provenance, dict):
        raise InputError(f"{path}: the provenance is no set of names and values; {fix}")
    if not name:
        raise InputError(f"no study {path}")
    return StudyData(name, text, provenance, sorted(entries.values(), key=lambda entry: entry.index))


def _to_hdf5(study: StudyData) -> bytes:
    import h5py

    buffer = io.BytesIO()
    entries = study.entries
    with h5py.File(buffer, "w") as file:
        file.attrs.update(study_schema=SCHEMA, name=study.name, provenance=json.dumps(study.provenance))
        file["study"] = study.text
        runs = file.create_group("runs")
        for name in ("index", "attempts", "seconds"):
            runs[name] = np.array([getattr(entry, name) for entry in entries])
        runs["seconds"].attrs["unit"] = "s"
        for name in ("key", "task", "status", "error"):
            _texts(runs, name, [getattr(entry, name) for entry in entries])
        for group in ("parameters", "results", "measured"):
            _columns(runs.create_group(group), [getattr(entry, group) for entry in entries])
        totals = [entry.ledger.totals() for entry in entries]
        counts = runs.create_group("counts")
        for event in Event:
            column = np.array([total.get(event, 0) for total in totals], np.int64)
            if column.any():
                counts[event.value] = column
        _texts(runs, "details", [json.dumps(asdict(entry), default=_encode) for entry in entries])
    return buffer.getvalue()


def _columns(group: Any, rows: list[dict[str, Any]]) -> None:
    """One dataset per name: numbers as float64 (NaN where absent), anything else as text (JSON)."""
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if all(value is None or isinstance(value, (int, float, np.number)) for value in values):
            group[name] = np.array([np.nan if value is None else float(value) for value in values])
        else:
            _texts(group, name, [v if isinstance(v, str) else json.dumps(v, default=_encode) for v in values])
        if name.endswith("_s"):
            group[name].attrs["unit"] = "s"


def _texts(group: Any, name: str, values: Iterable[str]) -> None:
    import h5py

    values = list(values)
    group.create_dataset(name, shape=(len(values),), dtype=h5py.string_dtype(), data=values or None)
