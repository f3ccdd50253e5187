"""What records and studies hold at this moment. Files are read, never written; a run does not notice."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from equipoise.study.spec import runs_of
from equipoise.study.store import StudyData, is_study, journal_of, read_study
from hw_profiles.errors import InputError
from hw_profiles.record import Record
from hw_profiles.texts import visible

__all__ = ["Cache", "Curve", "Seen", "look"]

POINTS = 400  #: of a curve, at most: more cannot be told apart
CURVES = 12  #: of a file, at most
NEWEST = 60  #: runs of a study that are listed
QUIET_S = 120.0  #: without news for so long, a run is said to be silent
#: columns that are no curve: they count, or say how long something took
COUNTERS = ("epoch", "step", "sample", "read")
NO_CURVES = {*COUNTERS, "seconds", "equilibrations"}


@dataclass(frozen=True)
class Curve:
    """A column of a table over its rows; ``of`` is what ``x`` counts."""

    name: str
    of: str
    x: tuple[float, ...]
    y: tuple[float | None, ...]


@dataclass(frozen=True)
class Seen:
    """One file.

    Attributes:
        name: of the file.
        kind: of the record, or "study".
        status: running, silent (it says running and nothing was written for two minutes), waiting (it is not there
            yet), complete, interrupted, failed, or unreadable.
        done, total: rows or runs so far, and in all where that is known (else 0).
        failed: runs of a study that failed.
        changed: seconds since the epoch when the file last changed.
        message: what went wrong, or where it stands.
        facts: names and values worth a line.
        curves: columns of its tables.
        runs: of a study: the newest runs, as flat rows.
    """

    name: str
    kind: str
    status: str
    done: int = 0
    total: int = 0
    failed: int = 0
    changed: float = 0.0
    message: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    curves: tuple[Curve, ...] = ()
    runs: tuple[dict[str, Any], ...] = ()

    def plain(self) -> dict[str, Any]:
        """As JSON takes it."""
        data: dict[str, Any] = _readable(json.loads(json.dumps(vars(self), default=vars)))
        return data


class Cache:
    """What was read of each file, for as long as the file stays the same."""

    def __init__(self) -> None:
        self.seen: dict[Path, tuple[Any, Seen]] = {}

    def of(self, path: Path) -> Seen:
        mark = tuple(_stamp(p) for p in (path, journal_of(path)))
        if path not in self.seen or self.seen[path][0] != mark:
            self.seen[path] = mark, _read(path, max((m[0] for m in mark if m), default=0.0))
        return self.seen[path][1]


def _stamp(path: Path) -> tuple[float, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime, found.st_ino, found.st_size


def look(paths: Sequence[Path], cache: Cache | None = None, now: float | None = None) -> list[Seen]:
    """Every record and study at ``paths`` (a folder stands for those in it), the newest first.

    Args:
        paths: files that are there, or will be.
        cache: of an earlier look: only what changed is read again.
        now: seconds since the epoch.
    """
    held, clock = cache or Cache(), time.time() if now is None else now
    found = []
    for path in _files(paths):
        seen = held.of(path)
        if seen.status == "running" and clock - seen.changed > QUIET_S:
            seen = Seen(
                **{**vars(seen), "status": "silent", "message": "nothing was written for a while; was it killed?"}
            )
        found.append(seen)
    return sorted(found, key=lambda one: (one.status != "running", -one.changed, one.name))


def _files(paths: Sequence[Path]) -> list[Path]:
    every = [p for given in paths for p in (_inside(given) if given.is_dir() else [given])]
    return list(dict.fromkeys(every))


def _inside(folder: Path) -> list[Path]:
    """The HDF5 files of a folder, and studies of which only the journal is there yet."""
    journals = [path.with_suffix("") for path in folder.glob("*.h5.journal")]
    return sorted({*folder.glob("*.h5"), *journals})


def _read(path: Path, changed: float) -> Seen:
    if not path.exists() and not journal_of(path).exists():
        return Seen(path.name, "", "waiting", message="the file is not there yet")
    try:
        if journal_of(path).exists() or is_study(path):
            return _study(path, read_study(path), changed, running=journal_of(path).exists())
        return _record(path, Record.open(path), changed)
    except InputError as error:
        return Seen(path.name, "", "unreadable", changed=changed, message=str(error))


def _record(path: Path, record: Record, changed: float) -> Seen:
    config, tables = record.config, record.tables
    rows = {name: len(table) for name, table in tables.items()}
    total = int(config.get("epochs") or config.get("samples") or 0) if rows.keys() & {"epochs", "samples"} else 0
    done = rows.get("epochs", rows.get("samples", max(rows.values(), default=0)))
    results = {name: value for name, value in record.results.items() if isinstance(value, (int, float, str, bool))}
    facts = {"target": record.target.get("resolved", ""), **dict(list(results.items())[:8])}
    return Seen(
        name=path.name,
        kind=record.kind,
        status=record.status,
        done=done,
        total=max(total, done) if total else 0,
        changed=changed,
        facts={name: value for name, value in facts.items() if value not in ("", None)},
        curves=tuple(_curves(tables.items())),
    )


def _study(path: Path, study: StudyData, changed: float, *, running: bool) -> Seen:
    failed = [entry for entry in study.entries if entry.status != "complete"]
    total = runs_of(study.text)
    done = len(study.entries)
    newest = sorted(study.entries, key=lambda entry: entry.index)[-NEWEST:]
    names = study.names()
    facts: dict[str, Any] = {"complete": len(study.complete), "failed": len(failed)}
    if study.outside:
        facts["of an earlier grid"] = len(study.outside)
    seconds = [entry.seconds for entry in study.complete]
    if running and total > done and seconds:
        facts["seconds of a run"] = round(sum(seconds) / len(seconds), 3)
    status = "running" if running else "failed" if failed else "complete" if done >= total else "interrupted"
    return Seen(
        name=path.name,
        kind="study",
        status=status,
        done=done,
        total=total,
        failed=len(failed),
        changed=changed,
        message=_first(failed[-1].error) if failed else "",
        facts=facts,
        curves=tuple(_results(study)),
        runs=tuple(_flat(entry.row(), names[entry.key]) for entry in newest),
    )


def _flat(row: dict[str, Any], name: str) -> dict[str, Any]:
    """What a line of a list shows: name, status, results, seconds."""
    kept = {"run": name, "status": row["status"]}
    kept |= {
        key.removeprefix("result."): value
        for key, value in row.items()
        if key.startswith("result.") and isinstance(value, (int, float, str))
    }
    return {**kept, "seconds": round(row["seconds"], 3), "error": _first(row["error"])}


def _readable(value: Any) -> Any:
    """``value`` with hidden characters of its texts as escapes."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(key)): _readable(one) for key, one in value.items()}
    return [_readable(one) for one in value] if isinstance(value, list) else value


def _first(error: str) -> str:
    """What happened, without where."""
    return error.strip().partition("\n")[0]


def _results(study: StudyData) -> Iterable[Curve]:
    """Each of the first results over the runs, in the study's order."""
    complete = sorted(study.complete, key=lambda entry: entry.index)
    names = list(dict.fromkeys(name for entry in complete for name in entry.results))
    for name in names:
        values = [entry.results.get(name) for entry in complete]
        if sum(_number(v) for v in values) > 1:
            yield _thinned(name, "run", [entry.index for entry in complete], values)


def _curves(tables: Iterable[tuple[str, list[dict[str, Any]]]]) -> Iterable[Curve]:
    shown = 0
    for table, rows in tables:
        for name in rows[0] if rows else ():
            values = [row.get(name) for row in rows]
            if name in NO_CURVES or shown == CURVES or not any(_number(v) for v in values):
                continue
            of = next((key for key in COUNTERS if key in rows[0]), "row")
            x = [row.get(of, k) if of != "row" else k + 1 for k, row in enumerate(rows)]
            shown += 1
            yield _thinned(f"{table}: {name}" if table not in ("epochs", "trace") else name, of, x, values)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value


def _thinned(name: str, of: str, x: Sequence[Any], y: Sequence[Any]) -> Curve:
    """At most `POINTS` points, the last one among them."""
    every = max(1, -(-len(x) // POINTS))
    at = sorted({*range(0, len(x), every), len(x) - 1}) if len(x) else []
    return Curve(name, of, tuple(float(x[k]) for k in at), tuple(float(y[k]) if _number(y[k]) else None for k in at))
