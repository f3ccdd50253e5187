"""The units a profile may use, and their size in SI."""

from __future__ import annotations

__all__ = ["UNITS", "units_of"]

_PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}

#: unit -> (what it measures, factor to SI)
UNITS: dict[str, tuple[str, float]] = {
    **{f"{prefix}J": ("energy", factor) for prefix, factor in _PREFIXES.items()},
    **{f"{prefix}s": ("time", factor) for prefix, factor in _PREFIXES.items()},
    **{f"{prefix}W": ("power", factor) for prefix, factor in _PREFIXES.items()},
    "kW": ("power", 1e3),
    **{f"{prefix}V": ("voltage", factor) for prefix, factor in _PREFIXES.items()},
    **{f"{prefix}S": ("conductance", factor) for prefix, factor in _PREFIXES.items()},
    **{f"{prefix}F": ("capacitance", factor) for prefix, factor in _PREFIXES.items()},
    "Ohm": ("resistance", 1.0),
    "kOhm": ("resistance", 1e3),
    "MOhm": ("resistance", 1e6),
    "Hz": ("frequency", 1.0),
    "kHz": ("frequency", 1e3),
    "MHz": ("frequency", 1e6),
    "GHz": ("frequency", 1e9),
    "MMAC/s": ("rate", 1e6),
    "GMAC/s": ("rate", 1e9),
    "TMAC/s": ("rate", 1e12),
    "MB/s": ("bandwidth", 1e6),
    "GB/s": ("bandwidth", 1e9),
    "B": ("memory", 1.0),
    "KiB": ("memory", 1024.0),
    "MiB": ("memory", 1024.0**2),
    "bit": ("width", 1.0),
    "count": ("count", 1.0),
}


def units_of(dimension: str) -> list[str]:
    """Every unit that measures ``dimension``."""
    return [unit for unit, (what, _) in UNITS.items() if what == dimension]
