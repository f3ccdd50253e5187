"""What the annealer aims at, against what ``equipoise bench qubo`` measured: met, or missed by how much."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["Ratio", "aims", "best_peer", "ratio"]

OURS = "equipoise"
TIMES = {"sampling": "time_to_target_sampling_s", "call": "time_to_target_whole_s"}
TIMES_SOONER, AT_1_MS, UPDATES, MEMORY_GB = 5.0, 5.0, 1e8, 2.0


@dataclass(frozen=True)
class Ratio:
    """How many times sooner than the best peer we reach the target; None where nobody does.

    ``bound``: at least so many times, because no peer reaches it in the time it was given. ``early``: peers left out
    of the bound, because their ladder ended before the budget.
    """

    value: float | None
    bound: bool = False
    early: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.value is None:
            return "nobody"
        if self.value == 0:
            return "not reached"
        return f"{'> ' if self.bound else ''}{self.value:.3g}{'*' if self.early else ''}"


def _peers(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: row for name, row in result["solvers"].items() if name != OURS}


def best_peer(result: dict[str, Any], which: str) -> tuple[str, float] | None:
    """Name and time of the peer that is first to the target; ``which`` is ``sampling`` or ``call``."""
    times = [(name, row[TIMES[which]]) for name, row in _peers(result).items() if row[TIMES[which]] is not None]
    return min(times, key=lambda item: item[1]) if times else None


def ratio(result: dict[str, Any], which: str) -> Ratio:
    """The best peer's time to the target over ours; a lower bound where no peer reaches it."""
    ours = result["solvers"][OURS][TIMES[which]]
    peer = best_peer(result, which)
    if ours is None:
        return Ratio(None if peer is None else 0.0)
    if peer is not None:
        return Ratio(peer[1] / ours)
    # Every peer needs longer than its longest rung. A ladder that ended early says little about sampling.
    longest = "longest_sampling_s" if which == "sampling" else "longest_whole_s"
    counted = {name: row for name, row in _peers(result).items() if which == "call" or row.get("complete", True)}
    early = tuple(name for name in _peers(result) if name not in counted)
    if not counted:
        return Ratio(None)
    return Ratio(min(row.get(longest, row["longest_sampling_s"]) for row in counted.values()) / ours, True, early)


def group(result: dict[str, Any]) -> str:
    """The family that an instance is counted with: ``mis 1000``, ``bqp500``, ``gset``."""
    name = result["instance"]
    if result["family"] == "mis":
        return "mis " + name.split("-")[1]
    return re.sub(r"_\d+$", "", name) if result["family"] == "bqp" else str(result["family"])


def aims(results: list[dict[str, Any]], million: dict[str, Any] | None = None) -> list[tuple[str, str, bool | None]]:
    """(aim, measured, met) for every aim that was measured; met is None where nothing can be said."""
    lines: list[tuple[str, str, bool | None]] = []
    named = {r["instance"]: r for r in results}
    thousand = [r for r in results if r["instance"].startswith("mis-1000-")]
    for density in (1, 5, 10):
        for r in (r for r in thousand if r["instance"].startswith(f"mis-1000-{density}%-")):
            for which in TIMES:
                lines.append(_sooner(r, which))
    for name in dict.fromkeys(group(r) for r in results):
        members = [r for r in results if group(r) == name]
        for which in TIMES:
            lines.append(_never_later(name, members, which))
    for r in thousand:
        lines += _quality(named[r["instance"]])
    if million is not None:
        rate, memory = million["neuron_updates_per_s_of_the_call"], million["peak_memory_gb"]
        lines += [
            (
                f"n = {million['nodes']}, degree 10: more than 10^8 neuron updates/s, the whole call",
                f"{rate:.3g}, sampling alone {million['neuron_updates_per_s_of_sampling']:.3g}",
                rate > UPDATES,
            ),
            (f"n = {million['nodes']}, degree 10: under {MEMORY_GB:g} GB", f"{memory:.2f} GB", memory < MEMORY_GB),
        ]
    return lines


def _sooner(result: dict[str, Any], which: str) -> tuple[str, str, bool | None]:
    found = ratio(result, which)
    met = None if found.value is None else found.value >= TIMES_SOONER
    shown = str(found)
    if met is False and found.value:
        shown += f" (short by {100 * (1 - found.value / TIMES_SOONER):.0f} %)"
    return f"{result['instance']}: to the official target {TIMES_SOONER:g} times sooner, {which}", shown, met


def _never_later(name: str, members: Iterable[dict[str, Any]], which: str) -> tuple[str, str, bool | None]:
    found = {r["instance"]: ratio(r, which) for r in members}
    values = {k: r for k, r in found.items() if r.value is not None}
    if not values:
        return f"{name}: never later than the best peer, {which}", "nobody reaches a target", None
    lost = {k: r for k, r in values.items() if (r.value or 0.0) < 1}
    lowest = min(values.values(), key=lambda r: r.value or 0.0)
    shown = f"lowest ratio {lowest}; {len(values) - len(lost)} of {len(values)} sooner"
    if lost:
        shown += ", later on " + ", ".join(f"{k} ({r})" for k, r in lost.items())
    if len(values) < len(found):
        shown += f"; nobody reaches {', '.join(k for k in found if k not in values)}"
    return f"{name}: never later than the best peer, {which}", shown, not lost


def _quality(result: dict[str, Any]) -> list[tuple[str, str, bool | None]]:
    name, gaps = result["instance"], result["solvers"][OURS]["gaps"]
    lines: list[tuple[str, str, bool | None]] = []
    if "0.001" in gaps:
        gap = gaps["0.001"]["gap_percent"]
        lines.append((f"{name}: within {AT_1_MS:g} % of the official target at 1 ms", f"{gap:.2f} %", gap <= AT_1_MS))
    if "1" in gaps:
        mean, best = gaps["1"]["mean_cost"], gaps["1"]["best_cost"]
        shown = f"mean {mean:.4g}, best {best:g}"
        target, known = result["target"], result["best_known"]
        lines.append((f"{name}: better than the official {target:g} at 1 s", shown, mean < target))
        short = "" if mean <= known else f" (the mean is short by {mean - known:.2g})"
        lines.append((f"{name}: no worse than our improved {known:g} at 1 s", shown + short, mean <= known))
    return lines
