"""``equipoise records``: what is in record files and study files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import force_option

__all__ = ["command"]


@click.group()
def command() -> None:
    """List, show and export records.

    A record is one run in one HDF5 file (docs/records.md); a study file holds thousands. A folder stands for the
    record files in it.
    """


def _rows(paths: tuple[Path, ...]) -> list[dict[str, Any]]:
    from equipoise.cli._common import note
    from equipoise.study.store import is_study
    from hw_profiles.errors import InputError
    from hw_profiles.export import record_row
    from hw_profiles.reading import one_worker

    rows: list[dict[str, Any]] = []
    unread: list[InputError] = []
    files = [p for given in paths for p in (sorted(given.glob("*.h5")) if given.is_dir() else [given])]
    with one_worker():
        for path in files:
            try:
                rows += _study_rows(path) if is_study(path) else [record_row(path)]
            except InputError as error:
                unread.append(error)
                unreadable = {"kind": "", "status": "unreadable", "created": "", "error": str(error)}
                rows.append({"record": str(path), **unreadable})
    if unread and len(unread) == len(files):
        raise unread[0] if len(unread) == 1 else InputError(f"none of {len(files)} files can be read; {unread[0]}")
    for reason in unread:
        note(str(reason))
    return rows


def _study_rows(path: Path) -> list[dict[str, Any]]:
    from equipoise.cli._common import note
    from equipoise.study.store import read_study

    study = read_study(path)
    for text in study.dropped:
        note(text)
    names = study.names()
    return [
        {**entry.row(), "name": names[entry.key], **({"outside": True} if entry.index < 0 else {})}
        for entry in (*study.entries, *study.outside)
    ]


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def ls(paths: tuple[Path, ...], as_json: bool) -> None:
    """One line per record of PATHS."""
    from equipoise.cli._common import console, emit_json

    rows = _rows(paths)
    if as_json:
        emit_json({"records": rows})
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("record", "kind", "status", "target", "result", "created", box=None, pad_edge=False)
    for row in rows:
        result = next((f"{k.removeprefix('result.')} {v:.6g}" for k, v in row.items()
                       if k.startswith("result.") and isinstance(v, (int, float))), "")  # fmt: skip
        target = row.get("target.resolved", row.get("param.target", ""))
        cells = row.get("name", row["record"]), row["kind"], row["status"], target, result, row["created"]
        table.add_row(*(Text(str(cell)) for cell in cells))
    console().print(table)


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def show(path: Path, as_json: bool) -> None:
    """Everything in the record PATH but its arrays."""
    from equipoise.cli._common import console, emit_json
    from hw_profiles.record import Record

    record = Record.open(path)
    results = {
        name: {"shape": list(value.shape), "type": str(value.dtype)} if getattr(value, "ndim", 0) else value
        for name, value in record.results.items()
    }
    data = {
        "record": str(path),
        "kind": record.kind,
        "status": record.status,
        "created": record.created,
        "target": record.target,
        "seeds": record.seeds,
        "config": record.config,
        "results": results,
        "units": {name: unit for name, unit in record.units.items() if unit},
        "tables": {name: len(rows) for name, rows in record.tables.items()},
        "counts": {event.value: count for event, count in record.ledger.totals().items()},
        "provenance": record.provenance,
    }
    if as_json:
        emit_json(data)
        return
    from rich.pretty import Pretty

    out = console()
    for name, value in data.items():
        out.print(f"[bold]{name}[/]", Pretty(value, max_string=200))


@command.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--csv", "form", flag_value="csv", help="Comma-separated (default).", default=True)
@click.option("--json", "form", flag_value="json", help="One JSON object.")
@click.option("--parquet", "form", flag_value="parquet", help="Parquet; needs --out and the package pyarrow.")
@click.option("--table", help="Rows of this table (epochs, reads, ...) instead of one row per record.")
@click.option("--out", type=click.Path(path_type=Path), help="A file; default: standard output.")
@force_option
def export(paths: tuple[Path, ...], form: str, table: str | None, out: Path | None, force: bool) -> None:
    """One row per record of PATHS, or the rows of one of their tables."""
    from equipoise.cli._common import claim
    from hw_profiles.errors import InputError
    from hw_profiles.export import as_csv, as_json, as_parquet
    from hw_profiles.output import write_output
    from hw_profiles.record import Record

    claim({"--out": out}, force=force)
    if table is None:
        rows = _rows(paths)
    else:
        rows = [{"record": str(p), **row} for p in paths for row in Record.open(p).tables.get(table, [])]
        if not rows:
            raise InputError(f"no record has a table {table!r} with rows")
    if form == "parquet":
        if out is None:
            raise InputError("Parquet is binary; give --out FILE")
        write_output(out, as_parquet(rows), force=force)
        return
    text = as_json(rows) if form == "json" else as_csv(rows)
    if out is None:
        sys.stdout.write(text)
    else:
        write_output(out, text.encode(), force=force)


@command.command()
@click.argument("path", type=click.Path(path_type=Path))
def neurobench(path: Path) -> None:
    """The counts of the record PATH under NeuroBench's names, one JSON object.

    Of a training record: per inference, over the test samples, with the accuracy. Of another: of the whole run.
    """
    from equipoise.cli._common import emit_json
    from hw_profiles.ledger import Ledger, Phase
    from hw_profiles.neurobench import neurobench_results
    from hw_profiles.record import Record

    record = Record.open(path)
    samples = int(record.results.get("samples.inference", 0))
    quality: dict[str, Any] = {}
    ledger = record.ledger
    if samples:
        ledger = Ledger({key: count for key, count in ledger.items() if key.phase == Phase.TEST.value})
        quality = {"ClassificationAccuracy": float(record.results["test_accuracy"])}
    emit_json(neurobench_results(ledger, samples=max(samples, 1), **quality))
