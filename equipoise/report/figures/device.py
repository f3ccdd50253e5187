"""Pictures of a device: how pulses move it, and how well a fit holds."""

from __future__ import annotations

from typing import Any

import numpy as np

from equipoise.report.figures.style import MUTED, PALETTE, figure

__all__ = ["device_fit", "device_pulses"]


def _sweep(levels: int, asymmetry: float, start: float, way: int, count: int) -> Any:
    w = [start]
    step = 1.0 / max(levels - 1, 1)
    for _ in range(count):
        w.append(float(np.clip(w[-1] + way * step * (1 - way * asymmetry * w[-1]), -1, 1)))
    return np.array(w)


def device_pulses(chip: Any) -> Any:
    """A sweep up and one down of a cell that is written by pulses, with one spread of a pulse around each point.

    None for a device that is written and verified: it has no pulses.
    """
    if not chip.switches.get("open_loop") or not chip.si("levels"):
        return None
    levels, asymmetry, noise = round(chip.si("levels")), chip.si("write_asymmetry"), chip.si("write_noise")
    count = 2 * (levels - 1)
    up = _sweep(levels, asymmetry, -1.0, 1, count)
    down = _sweep(levels, asymmetry, up[-1], -1, count)
    w = np.concatenate([up, down[1:]])
    low, high = chip.si("conductance_min"), chip.si("conductance_max")
    conductance = 1e6 * (low + (high - low) * (w + 1) / 2) if high else w
    band = noise / max(levels - 1, 1) * (1e6 * (high - low) / 2 if high else 1.0)
    with figure(2.9) as (drawing, axes):
        x = np.arange(len(w))
        axes.fill_between(x, conductance - band, conductance + band, color=PALETTE[0], alpha=0.2, linewidth=0)
        axes.plot(x, conductance, color=PALETTE[0], linewidth=1.5)
        axes.axvline(count, color=MUTED, linewidth=0.8, linestyle=":")
        axes.set_xlabel(f"pulses: {count} up, then down")
        axes.set_ylabel("conductance, µS" if high else "weight over its range")
        drawing.suptitle(f"{chip.name}: pulses, band of one spread", x=0.01, ha="left", fontsize=10, weight="bold")
    return drawing


def device_fit(pulses: Any, fit: Any, name: str) -> Any:
    """Measured steps against the state with the fitted lines, and what is left of each step."""
    from matplotlib.ticker import MaxNLocator

    def scaled(value: Any) -> Any:
        return 2 * (value - fit.low) / (fit.high - fit.low) - 1

    before = scaled(pulses.before)
    change = scaled(pulses.after) - before
    with figure(4.4) as (drawing, axes):
        axes.remove()
        above, below = drawing.subplots(2, 1, sharex=True)
        ends = np.array([-1.0, 1.0])
        for way, side, colour, mark, words in ((1, fit.up, 0, "^", "up"), (-1, fit.down, 1, "v", "down")):
            mine = pulses.direction == way
            line = way * side.step * (1 - way * side.slope * before[mine])
            above.plot(before[mine], change[mine], mark, color=PALETTE[colour], markersize=2.5, alpha=0.5, label=words)
            above.plot(ends, way * side.step * (1 - way * side.slope * ends), color=PALETTE[colour], linewidth=1.5)
            below.plot(before[mine], change[mine] - line, mark, color=PALETTE[colour], markersize=2.5, alpha=0.5)
        above.set_ylabel("change by a pulse")
        below.set_ylabel("left over")
        below.set_xlabel("state over the measured range, -1 to 1")
        below.axhline(0, color=MUTED, linewidth=0.8)
        for part in (above, below):
            part.yaxis.set_major_locator(MaxNLocator(5))
        above.legend()
        drawing.suptitle(f"{name}: fit and residual", x=0.01, ha="left", fontsize=10, weight="bold")
    return drawing
