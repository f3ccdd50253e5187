"""One column of a table in a record, its values converted once however often the file is written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Column"]


class Column:
    """The values of ``name`` in a growing list of rows: an array of numbers, or JSON texts where one is no number."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._numbers: Any = np.zeros(0)
        self._texts: list[str] | None = None

    def values(self, rows: Sequence[Mapping[str, Any]]) -> tuple[Any, bool]:
        """(values of all rows, whether they are JSON texts); rows seen before are not looked at again.

        The state changes in single assignments, so an interrupt in between repeats or loses nothing.
        """
        known = len(self._numbers) if self._texts is None else len(self._texts)
        new = [row.get(self.name) for row in rows[known:]]
        if self._texts is None and any(v is None or isinstance(v, (str, dict, list, tuple)) for v in new):
            self._texts = [json.dumps(row.get(self.name)) for row in rows]
        elif self._texts is not None:
            self._texts = self._texts + [json.dumps(v) for v in new]
        elif new:
            self._numbers = np.concatenate([self._numbers, np.asarray(new)]) if known else np.asarray(new)
        return (self._numbers, False) if self._texts is None else (self._texts, True)
