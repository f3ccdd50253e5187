"""The same in a terminal: one line per file, redrawn when something changes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from equipoise.watch.snapshot import Cache, Seen, look

__all__ = ["follow", "table_of"]

BARS = "▁▂▃▄▅▆▇█"
COLOURS = {"running": "cyan", "complete": "green", "failed": "red", "unreadable": "red", "silent": "yellow"}


def follow(console: Console, paths: Sequence[Path], every: float) -> None:
    """Redraw until everything has ended, or an interruption."""
    cache = Cache()
    with Live(console=console, auto_refresh=False, transient=False) as live:
        while True:
            seen = look(paths, cache)
            live.update(table_of(seen), refresh=True)
            if seen and all(one.status not in ("running", "silent", "waiting") for one in seen):
                return
            time.sleep(every)


def table_of(seen: Sequence[Seen]) -> Table:
    """One line per file."""
    table = Table("file", "kind", "status", "done", "", "latest", box=None, pad_edge=False)
    for one in seen:
        curve = next((c for c in one.curves if len(c.y) > 1), None)
        line = "" if curve is None else spark([y for y in curve.y if y is not None])
        latest = "" if curve is None or curve.y[-1] is None else f"{curve.name} {curve.y[-1]:.4g}"
        done = f"{one.done} of {one.total}" if one.total else str(one.done or "")
        table.add_row(
            Text(one.name), one.kind, Text(one.status, COLOURS.get(one.status, "")), done, line,
            Text(one.message or latest),
        )  # fmt: skip
    return table


def spark(values: Sequence[float], width: int = 24) -> str:
    """A line of bars, the last ``width`` values."""
    kept = list(values)[-width:]
    low, high = min(kept, default=0.0), max(kept, default=0.0)
    span = (high - low) or 1.0
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in kept)
