"""Reading a table of ``i j value`` lines: fast when it is clean, exact about the line when it is not."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.reading.limits import check_size
from hw_profiles.texts import shown

__all__ = ["Table", "check_once", "number", "read_table"]

_SLOW_LINE = 400  #: bytes of memory of one line that is read by Python, about
EXACT = 2**53  #: whole numbers up to this are exact in float64


@dataclass(frozen=True)
class Table:
    """Entries of a file: (m,) indices as written, and values as int64, float64 or Python ints."""

    rows: npt.NDArray[np.int64]
    cols: npt.NDArray[np.int64]
    values: npt.NDArray[Any]
    first_line: int  #: number of the first entry's line in the file

    def shifted(self, base: int, n: int, name: str) -> Table:
        """Indices counted from 0 instead of ``base``, checked against ``n`` variables."""
        last = n - 1 + base
        for index in (self.rows, self.cols):
            wrong = np.flatnonzero((index < base) | (index > last))
            if len(wrong):
                hint = " (this format counts from 1)" if base == 1 and index[wrong[0]] == 0 else ""
                raise InputError(
                    f"{name}: entry {wrong[0] + 1} names variable {index[wrong[0]]}, expected {base} to {last}{hint}"
                )
        return Table(self.rows - base, self.cols - base, self.values, self.first_line)


def number(text: str) -> int | float:
    """One coefficient: a whole number exactly, else a finite float. Raises ValueError."""
    try:
        return int(text)
    except ValueError:
        value = float(text)
        if not np.isfinite(value):
            raise ValueError(f"{text!r} is not a finite number") from None
        return value


def read_table(
    lines: Sequence[str], first_line: int, name: str, *, default: int | None = None, count: int | None = None
) -> Table:
    """Parse ``lines`` of ``i j value``.

    Args:
        first_line: line number of ``lines[0]``, for messages.
        default: value of lines that hold only ``i j``.
        count: number of entries the header promised.

    Raises:
        InputError: names the line and what is wrong with it.
    """
    table = _fast(lines, first_line, default) or _slow(lines, first_line, name, default)
    if count is not None and len(table.rows) != count:
        what = "cut off?" if len(table.rows) < count else "wrong header?"
        raise InputError(f"{name}: the header promises {count} entries, the file holds {len(table.rows)} ({what})")
    return table


def _fast(lines: Sequence[str], first_line: int, default: int | None) -> Table | None:
    """One pass in C; None when anything is out of the ordinary."""
    width = len(lines[0].split()) if lines else 3
    if not lines or width not in ((2, 3) if default is not None else (3,)):
        return None
    for kind in (np.int64, np.float64):
        shape = np.dtype([("i", np.int64), ("j", np.int64), ("v", kind)][:width])
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                data = np.atleast_1d(np.loadtxt(io.StringIO("\n".join(lines)), dtype=shape, comments=None))
        except (ValueError, OverflowError, Warning):
            continue
        values = data["v"] if width == 3 else np.full(len(data), default, np.int64)
        if kind is np.float64 and not (np.abs(values) < EXACT).all():
            return None
        return Table(data["i"].copy(), data["j"].copy(), values.copy(), first_line)
    return None


def _slow(lines: Sequence[str], first_line: int, name: str, default: int | None) -> Table:
    check_size(_SLOW_LINE * len(lines), name, f"{len(lines)} lines that no fast reader takes")
    rows: list[int] = []
    cols: list[int] = []
    values: list[int | float] = []
    for place, line in enumerate(lines):
        fields = line.split()
        if not fields:
            continue
        where = f"{name}, line {first_line + place}"
        if len(fields) == 2 and default is not None:
            fields = [*fields, str(default)]
        if len(fields) != 3:
            raise InputError(f"{where}: expected three fields 'i j value', got {shown(line.strip())}")
        try:
            rows.append(int(fields[0]))
            cols.append(int(fields[1]))
        except ValueError:
            raise InputError(f"{where}: expected two whole-number indices, got {shown(line.strip())}") from None
        if max(abs(rows[-1]), abs(cols[-1])) >= 2**62:
            raise InputError(f"{where}: the index {shown(max(rows[-1], cols[-1], key=abs))} is out of range")
        try:
            values.append(number(fields[2]))
        except ValueError:
            raise InputError(f"{where}: expected a finite number as value, got {shown(fields[2], 40)}") from None
    whole = all(isinstance(v, int) for v in values)
    small = all(abs(v) < 2**62 for v in values)
    if not whole and any(isinstance(v, int) and int(float(v)) != v for v in values):
        raise InputError(f"{name}: whole numbers beyond 2^53 beside real numbers cannot be added exactly; scale them")
    kind: Any = (np.int64 if small else object) if whole else np.float64
    return Table(np.array(rows, np.int64), np.array(cols, np.int64), np.array(values, kind), first_line)


def check_once(table: Table, n: int, name: str) -> None:
    """Refuse a pair that is listed twice, in either order: nobody can say whether the entries add or repeat."""
    key = np.minimum(table.rows, table.cols) * n + np.maximum(table.rows, table.cols)
    if len(key) < 2 or (np.diff(key) > 0).all():
        return
    order = np.argsort(key, kind="stable")
    again = np.flatnonzero(np.diff(key[order]) == 0)
    if len(again):
        first, second = sorted((int(order[again[0]]), int(order[again[0] + 1])))
        raise InputError(
            f"{name}: the pair ({table.rows[first]}, {table.cols[first]}) counted from 0 is listed twice "
            f"(entries {first + 1} and {second + 1}); this format lists each pair once, in one order"
        )
