"""Numbers for people: self-scaling units, short ranges."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["mean_count", "number", "quantity", "range_text"]

_STEPS = [
    (1e9, "G"),
    (1e6, "M"),
    (1e3, "k"),
    (1.0, ""),
    (1e-3, "m"),
    (1e-6, "µ"),
    (1e-9, "n"),
    (1e-12, "p"),
    (1e-15, "f"),
]


def quantity(value: float | None, unit: str) -> str:
    """``quantity(1.3e-6, "J")`` is ``1.30 µJ``: three digits, prefix chosen; a dash for None."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == 0:
        return f"0 {unit}"
    factor, prefix = next((step for step in _STEPS if abs(value) >= step[0] * 0.9995), _STEPS[-1])
    scaled = value / factor
    digits = 0 if abs(scaled) >= 99.95 else 1 if abs(scaled) >= 9.995 else 2
    return f"{scaled:.{digits}f} {prefix}{unit}"


def range_text(estimate: Any, unit: str) -> str:
    """Low to high of an `Estimate`."""
    if estimate.missing:
        return "–"
    if estimate.low == estimate.high:
        return "no range given"
    return f"{quantity(estimate.low, unit)} to {quantity(estimate.high, unit)}"


def number(value: Any) -> str:
    """A count with thin spaces between thousands, a float with four digits, anything else as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace(",", "\u202f")
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else "–"
    return str(value)


def mean_count(value: float) -> str:
    """A mean of counts: whole above ten, three digits below."""
    return number(round(value)) if value >= 9.995 or value == 0 else f"{value:.3g}"
