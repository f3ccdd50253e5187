"""Several threads for one program: each sends a step's messages on to a part of the targets.

All threads run compiled code for all steps and meet at a gate (`gate`) twice a step. Worth it where a step has many
synaptic events; in steps with few the first thread does everything while the others wait.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.engine.gate import add_one, look, raise_to
from substrates.loihi2.engine.kernel import Work, finish_step, send_all, spread_part
from substrates.loihi2.engine.layout import C_KIND, C_ROWS, C_SIZE, C_SLOTS, C_SOURCE, O_SIZE, SPARSE, Layout
from substrates.loihi2.learning.draws import Drawn
from substrates.loihi2.synapses import Direct

__all__ = ["FEWEST_EVENTS", "Parts", "mean_fan_out"]

FEWEST_EVENTS = 20_000  #: synaptic events of a step below which one thread does it all
OPEN, DONE = 0, 8  #: places in the gate: steps begun, parts done; a cache line apart
CLOSED = np.iinfo(np.int64).max


class Parts:
    """Runs a layout's steps on ``threads`` threads.

    Args:
        layout: of the program.
        fan_out: mean number of synapses of a neuron, per connection.
        threads: at least 2.
    """

    def __init__(self, layout: Layout, fan_out: npt.NDArray[np.float64], threads: int) -> None:
        self.threads, self._fan_out = threads, fan_out
        self._pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="engine")
        self._alone, self._shared = (_cuts(layout, parts) for parts in (1, threads))

    def run(
        self, first: int, steps: int, sources: int, layout: Layout, work: Work, probes: Any, recorded: Any,
        before: int, drawn: Drawn,
    ) -> int:  # fmt: skip
        """As `kernel.run_steps`, which does the same on one thread; not for strict runs."""
        gate = np.zeros(16, np.int64)
        tables, stored = layout.tables, layout.stored
        others = [
            self._pool.submit(_follow, first, tables, stored, work, self._shared, part, gate)
            for part in range(1, self.threads)
        ]
        try:
            _lead(
                first, steps, sources, tables, layout.cells, stored, layout.events, work, probes, recorded, before,
                drawn, self._alone, self._shared, self._fan_out, gate,
            )  # fmt: skip
        finally:
            gate[OPEN] = CLOSED
            for other in others:
                other.result()
        return steps


@njit(cache=True, error_model="numpy", _nrt=False, nogil=True)
def _lead(
    first: int, steps: int, sources: int, tables: Any, cells: Any, stored: Any, events: Any, work: Any, probes: Any,
    recorded: Any, before: int, drawn: Any, alone: Any, shared: Any, fan_out: Any, gate: Any,
) -> None:  # fmt: skip
    """Every step, and the first part of those that are shared: while step k is, the gate's OPEN is 2 k + 1."""
    helpers, waited = shared.shape[0] - 2, 0
    for done in range(steps):
        time = first + done
        send_all(time, False, sources, tables, cells, events, work)
        expected = 0.0
        for g in range(tables.connections.shape[0]):
            expected += work.n_fired[tables.connections[g, C_SOURCE]] * fan_out[g]
        if expected < FEWEST_EVENTS:
            raise_to(gate, OPEN, 2 * done + 2)
            spread_part(time, tables, stored, work, alone, 0)
        else:
            raise_to(gate, OPEN, 2 * done + 1)
            spread_part(time, tables, stored, work, shared, 0)
            waited += helpers
            while look(gate, DONE) < waited:
                pass
            raise_to(gate, OPEN, 2 * done + 2)
        finish_step(time, tables, stored, work, probes, recorded, before + done + 1, drawn, done)
    raise_to(gate, OPEN, CLOSED)


@njit(cache=True, error_model="numpy", _nrt=False, nogil=True)
def _follow(first: int, tables: Any, stored: Any, work: Any, shared: Any, part: int, gate: Any) -> None:
    """One part of every step that is shared, until the gate is closed."""
    last = 0
    while True:
        now = look(gate, OPEN)
        if now == CLOSED:
            return
        if now % 2 == 1 and now != last:
            last = now
            spread_part(first + now // 2, tables, stored, work, shared, part)
            add_one(gate, DONE)


def mean_fan_out(connections: Any) -> npt.NDArray[np.float64]:
    """Synapses of a source neuron, on average, of every connection; none of a direct one."""
    every = (None if isinstance(c.synapses, Direct) else c.synapses.fan_out() for c in connections)
    return np.array([0.0 if fan_out is None else float(fan_out.mean()) for fan_out in every])


def _cuts(layout: Layout, parts: int) -> npt.NDArray[np.int64]:
    """(parts + 1, rows) where, in each row of sparse synapses, the targets of each part begin."""
    rows = layout.stored.rows
    cuts = np.zeros((parts + 1, max(rows.size, 1)), np.int64)
    for c in layout.tables.connections:
        if c[C_KIND] == SPARSE and c[C_SLOTS] == 1:
            sources = int(layout.tables.outlets[c[C_SOURCE], O_SIZE])
            _cut(rows, layout.stored.indices, cuts, int(c[C_ROWS]), sources, int(c[C_SIZE]))
    return cuts


@njit(cache=True, error_model="numpy")
def _cut(rows: Any, indices: Any, cuts: Any, base: int, sources: int, n: int) -> None:
    """Fill ``cuts`` for one connection; targets rise within a row."""
    parts = cuts.shape[0] - 1
    for r in range(base, base + sources):
        cuts[0, r] = rows[r]
        cuts[parts, r] = rows[r + 1]
        e = rows[r]
        for part in range(1, parts):
            low = n * part // parts
            while e < rows[r + 1] and indices[e] < low:
                e += 1
            cuts[part, r] = e
