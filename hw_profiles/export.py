"""Records as tables: one row per record, or every row of one table, as CSV, JSON or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.reading.files import reading
from hw_profiles.record import Record

__all__ = ["as_csv", "as_json", "as_parquet", "record_row"]


def record_row(path: Path) -> dict[str, Any]:
    """One flat row: what was asked, what came out, totals of the counts."""
    record = Record.open(path)
    with reading(path, "record", "is it damaged?"):
        return _row(path, record)


def _row(path: Path, record: Record) -> dict[str, Any]:
    row: dict[str, Any] = {"record": str(path), "kind": record.kind, "status": record.status, "created": record.created}
    row.update({f"target.{name}": value for name, value in record.target.items()})
    row.update({f"seed.{name}": value for name, value in record.seeds.items()})
    row.update({f"config.{name}": value for name, value in record.config.items() if _plain(value)})
    for name, value in record.results.items():
        if _plain(value):
            unit = record.units.get(name, "")
            row[f"result.{name}" + (f" [{unit}]" if unit else "")] = value
    row.update({f"count.{event.value}": count for event, count in record.ledger.totals().items()})
    return row


def _plain(value: Any) -> bool:
    return value is None or type(value) in (str, int, float, bool)


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """Comma-separated, a header with every column of any row."""
    rows = list(rows)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: json.dumps(v) if isinstance(v, (dict, list)) else v for k, v in row.items()} for row in rows)
    return buffer.getvalue()


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """One JSON object with the rows in ``records``; NaN and infinity become null."""
    return json.dumps({"records": json.loads(_finite(list(rows)))}, indent=1) + "\n"


def _finite(rows: list[dict[str, Any]]) -> str:
    return json.dumps([{k: None if isinstance(v, float) and v - v != 0 else v for k, v in row.items()} for row in rows])


def as_parquet(rows: Iterable[dict[str, Any]]) -> bytes:
    """The content of a Parquet file.

    Raises:
        InputError: pyarrow is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError("Parquet needs the package pyarrow: pip install 'equipoise[parquet]'") from None
    rows = list(rows)
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {}
    for name in names:
        values = [row.get(name) for row in rows]
        texts = len({type(v) for v in values if v is not None}) > 1
        columns[name] = [None if v is None else str(v) if texts or isinstance(v, (dict, list)) else v for v in values]
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table(columns), buffer)
    return buffer.getvalue()
