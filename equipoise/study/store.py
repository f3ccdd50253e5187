"""One file for a whole study, and the journal that makes it survive a kill at any moment.

While a study runs, each finished run is one line in ``STUDY.h5.journal``. The HDF5 file is replaced whole, now and
then and at the end, and the journal goes when everything is in it. Reading takes both. Layout: docs/records.md.

A run that was finished stays in the file for good. When the study's grid has changed, runs that it no longer asks for
stand *outside* it: kept, listed, but in no conclusion and no digest.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.study.entry import Entry
from equipoise.study.reading import entry_from
from hw_profiles._journal import Journal, Lines, _decode, _encode
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from hw_profiles.output import Output, check_outputs, remove_leftover
from hw_profiles.reading import number_attribute, open_hdf5, parse_json, wrote_hdf5
from hw_profiles.record import provenance

__all__ = ["Entry", "Store", "StudyData", "is_study", "read_study"]

SCHEMA = 1
FIX = "run the study again into another file"
OUTSIDE = -1  #: index of a run that the study no longer asks for
#: counts that depend on the machine's speed, not on the run
CLOCKS = {Event.WALL_NANOSECONDS, Event.CPU_NANOSECONDS, Event.MEASURED_MICROJOULES}


@dataclass(frozen=True)
class StudyData:
    """A study as read: what was asked, and every run so far in the study's order."""

    name: str
    text: str
    provenance: dict[str, Any]
    entries: list[Entry]
    outside: list[Entry] = field(default_factory=list)  #: of an earlier grid of this study
    dropped: list[str] = field(default_factory=list)  #: what of the journal was damaged, a sentence each

    @property
    def complete(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.status == "complete"]

    def names(self) -> dict[str, str]:
        """What people call the runs, by key: the parameters that differ among them, such as ``nudge=0.5 seed=1``."""
        every = [*self.entries, *self.outside]
        names = list(dict.fromkeys(name for entry in every for name in entry.parameters))
        swept = [n for n in names if len({json.dumps(e.parameters.get(n), default=str) for e in every}) > 1]
        tasks = len({entry.task for entry in every}) > 1
        found = {}
        for entry in every:
            parts = [f"{n}={entry.parameters[n]}" for n in swept if n in entry.parameters]
            found[entry.key] = " ".join([entry.task] * tasks + parts) or entry.task
        return found

    def digest(self) -> str:
        """A fingerprint of everything repeatable: the same for any number of workers and after any interruption."""
        rows = [
            [e.key, e.status, e.results, [c for c in sorted(e.counts) if Event(c[0]) not in CLOCKS], e.tables]
            for e in sorted(self.entries, key=lambda e: e.index)
        ]
        return hashlib.blake2b(json.dumps(rows, sort_keys=True, default=_encode).encode(), digest_size=16).hexdigest()


class Store:
    """The writing side; one writer at a time, held by a lock that ends with the process.

    Args:
        path: the study's file.
        name: of the study.
        text: the study's file as it is now.

    Attributes:
        entries: every run that is kept, by its key.

    Raises:
        InputError: the file belongs to another study or is something else, or another sweep is writing it.
    """

    def __init__(self, path: Path, name: str, text: str) -> None:
        self.path, self.name, self.text, self.provenance = path, name, text, provenance()
        check_outputs({"the study's file": path, "its journal": journal_of(path)}, force=True)
        before = StudyData("", "", {}, [])
        if path.exists():  # looked at before a journal is made beside something else
            before = _read_hdf5(path)
            self._check(before.name)
        header = {"study": name, "text": text, "provenance": self.provenance}
        self._journal = Journal(journal_of(path), header)
        try:
            found = read_study(path)
            self._check(found.name)
            self._output = Output(path, mine=is_study)
            if found.text != text:
                self._journal.write(header)
            if self._journal.created:
                found = replace(found, text=before.text)
        except BaseException:
            if self._journal.created:
                self._journal.remove()
            self._journal.close()
            raise
        self.earlier_text, self.dropped = found.text, found.dropped
        self.entries = {entry.key: entry for entry in (*found.entries, *found.outside)}
        self._written, self._cost = time.monotonic(), 0.0

    def _check(self, name: str) -> None:
        if name not in ("", self.name):  # none in a journal whose first line is damaged
            raise InputError(f"{self.path} belongs to the study {name!r}, not {self.name!r}; choose another file")

    def arrange(self, places: Mapping[str, int]) -> list[Entry]:
        """Put every run where the study has it now, by its key; what it does not have stands outside.

        Returns:
            The runs outside.
        """
        moved = {
            key: places.get(key, OUTSIDE) for key, e in self.entries.items() if e.index != places.get(key, OUTSIDE)
        }
        if moved:
            self._journal.write({"places": moved})
        for key, index in moved.items():
            self.entries[key].index = index
        return [entry for entry in self.entries.values() if entry.index == OUTSIDE]

    def add(self, entry: Entry) -> None:
        """Keep a run. It survives a kill and a loss of power from here on.

        Raises:
            OSError: the disk is full, or fails; all that was kept before stays.
        """
        self._journal.write(entry.plain())
        self.entries[entry.key] = entry
        # The file is replaced when that takes at most a hundredth of the time since the last one.
        if time.monotonic() - self._written > max(2.0, 100 * self._cost):
            self.write()

    def write(self) -> None:
        """Replace the HDF5 file."""
        began = time.monotonic()
        study = StudyData(self.name, self.text, self.provenance, *_sorted(self.entries.values()))
        self.path = self._output.put(_to_hdf5(study), durable=True)
        wrote_hdf5(self.path)
        self._written = time.monotonic()
        self._cost = self._written - began

    def close(self) -> None:
        """Write everything and drop the journal."""
        self.write()
        self._journal.remove()

    def abandon(self) -> None:
        """Stop, and leave the journal to the next one."""
        self._journal.close()


def journal_of(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def is_study(path: Path) -> bool:
    """Whether ``path`` is a study's file (or the journal of one that never got that far)."""
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

    path = Path(path)
    remove_leftover(path)
    journal = journal_of(path)
    # A sweep that ends meanwhile moves everything from the journal into the file: then both are read again.
    for _ in range(100):
        before = _number(journal)
        study = _read_hdf5(path) if path.is_file() else StudyData("", "", {}, [])
        lines = Lines.read(journal)
        if _number(journal) == before:
            break
    if not study.name and not lines.entries:
        raise InputError(f"no study {path}")
    entries = {entry.key: entry for entry in (*study.entries, *study.outside)}
    name, text, provenance, dropped = study.name, study.text, study.provenance, list(lines.dropped)
    for line in lines.entries:
        try:
            if "study" in line:
                name, text, provenance = str(line["study"]), str(line["text"]), dict(line["provenance"])
            elif "places" in line:
                for key, index in dict(line["places"]).items():
                    if key in entries:
                        entries[key].index = int(index)
            else:
                entry = entry_from(line, journal.name)
                entries[entry.key] = entry
        except (KeyError, TypeError, ValueError) as error:
            dropped.append(f"{error}; that line of {journal.name} was left out")
    return StudyData(name, text, provenance, *_sorted(entries.values()), dropped)


def _number(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _sorted(entries: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """In the study's order; and those outside it."""
    every = sorted(entries, key=lambda entry: entry.index)
    return [entry for entry in every if entry.index >= 0], [entry for entry in every if entry.index < 0]


def _read_hdf5(path: Path) -> StudyData:
    with open_hdf5(path, "study") as file:
        if "study_schema" not in file.attrs:
            raise InputError(f"{path} is an HDF5 file but not a study file (no study_schema attribute)")
        if number_attribute(file, "study_schema", str(path)) > SCHEMA:
            raise InputError(f"{path} has schema {file.attrs['study_schema']}, this version reads up to {SCHEMA}")
        name, text = str(file.attrs["name"]), file["study"].asstr()[()]
        provenance = parse_json(str(file.attrs["provenance"]), str(path), "study", FIX)
        details = file["runs/details"].asstr()[()]
        entries = [entry_from(json.loads(detail, object_hook=_decode), str(path)) for detail in details]
    if not isinstance(provenance, dict):
        raise InputError(f"{path}: the provenance is no set of names and values; {FIX}")
    return StudyData(name, text, provenance, *_sorted(entries))


def _to_hdf5(study: StudyData) -> bytes:
    import h5py

    entries = [*study.entries, *study.outside]
    with h5py.File("study", "w", driver="core", backing_store=False) as file:
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
        _texts(runs, "details", [json.dumps(entry.plain(), default=_encode) for entry in entries])
        file.flush()
        return bytes(file.id.get_file_image())


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
