"""One workload run on every machine named, each with the program made for it. See `compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
    from equipoise.comparison.result import Comparison, Row
    from equipoise.comparison.running import compare

__all__ = ["Comparison", "Row", "compare"]

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "equipoise.comparison.running": ("compare",),
        "equipoise.comparison.result": ("Comparison", "Row"),
    },
)
