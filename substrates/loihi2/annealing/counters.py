"""Places in the counters that every scheme's kernel keeps (`read.Read.counters`).

Costs and steps; improvements noted since the last look; the present temperature (-1 before the first) and how often it
changed; how often the integrator took over a state.
"""

from __future__ import annotations

__all__ = ["BEST_COST", "BEST_STEP", "CHANGES", "COST", "FOUND", "HEAT", "LATCHES", "SHARED", "STEP"]

COST, BEST_COST, BEST_STEP, STEP, FOUND, HEAT, CHANGES, LATCHES = range(8)
SHARED = 8  #: a kernel's own counters come after these
