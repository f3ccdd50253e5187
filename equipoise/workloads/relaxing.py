"""Counts of workloads whose machine is a circuit of crossbars and integrators that settles."""

from __future__ import annotations

import math

from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.analog import ChipParameters

__all__ = ["count_settling"]


def count_settling(
    ledger: Ledger, layer: str, constants: float, *, runs: int, cells: int, units: int, read: int, phase: Phase
) -> None:
    """Count ``runs`` settlings of so many time ``constants`` each; every crossbar conducts once in each of them.

    Args:
        cells: that conduct at once, of both directions.
        units: amplifiers and integrators.
        read: values converted at the end of a run.
    """
    products = math.ceil(constants) * runs
    nanoseconds = math.ceil(constants * ChipParameters().time_constant_s * 1e9) * runs
    for event, count, component in (
        (Event.MATRIX_VECTOR_PRODUCTS, 2 * products, Component.CROSSBAR),
        (Event.CELL_READS, cells * products, Component.CROSSBAR),
        (Event.SETTLING_NANOSECONDS, nanoseconds, Component.MACHINE),
        (Event.AMPLIFIER_NANOSECONDS, nanoseconds * units, Component.NEURONS),
        (Event.ADC_CONVERSIONS, runs * read, Component.CONVERTERS),
    ):
        ledger.add(event, count, component=component, layer=layer, phase=phase)
