"""A processor's prices from its figures: power times time, time from a roofline.

A profile with a table ``[processor]`` states what a card or a processor is; its prices follow::

    T = max(multiply-accumulates / (peak x utilisation), bytes / bandwidth) + launches x t_launch + waiting
    E = (idle power + power at work) x (T - waiting) + idle power x waiting

Utilisation and power at work are ranges, because they depend on the program; a small batch is slow by its launches.
Counts of another machine's program (synaptic operations, steps) are refused: a processor would run another program.
`equipoise compare` makes that program and runs it.
"""

from __future__ import annotations

from typing import Any

__all__ = ["PROCESSOR_FIGURES", "processor_prices"]

#: figure of [processor] -> what its unit measures
PROCESSOR_FIGURES = {
    "peak": "rate",
    "utilisation": "count",
    "bandwidth": "bandwidth",
    "launch": "time",
    "idle_power": "power",
    "work_power": "power",
}
_FOREIGN = [
    "synaptic_operations", "neuron_updates_active", "neuron_updates_inactive", "messages", "messages_within_core",
    "messages_between_cores", "messages_between_chips", "hops_east_west", "hops_north_south", "synaptic_memory_reads",
    "weight_writes", "synaptic_updates", "steps", "cell_reads", "matrix_vector_products", "adc_conversions",
    "dac_conversions", "cell_writes", "amplifier_nanoseconds", "settling_nanoseconds",
]  # fmt: skip


def processor_prices(data: dict[str, Any]) -> dict[str, Any]:
    """``data`` of a profile file with the prices of its ``[processor]`` written out; as it is where it has none.

    A figure that is missing or has the wrong unit is left for the check of the whole file to name.
    """
    figures = data.get("processor")
    if not isinstance(figures, dict) or any(name not in figures for name in PROCESSOR_FIGURES):
        return data
    try:
        seconds = _inverse_product(figures["peak"], figures["utilisation"])
        per_byte = _inverse(figures["bandwidth"])
        launch = dict(figures["launch"])
    except (TypeError, KeyError, ZeroDivisionError, ValueError):
        return data
    power = "power times time"
    prices = [
        *(_timed(event, "arithmetic", "synapse", seconds, power) for event in ("macs", "acs")),
        _timed("memory_bytes", "memory", "memory", per_byte, power),
        _timed("kernel_launches", "launch", "serial", launch, power),
        # Measured processor time stands for the time of this very class only where nothing else is counted.
        _timed("wall_nanoseconds", "processor", "serial", _NANOSECOND, power, ["macs", "acs", "kernel_launches"]),
    ]
    own = data.get("boundary", "board")
    rest = {name: value for name, value in data.items() if name != "processor"}
    return {
        "kind": "processor",
        "boundary": own,
        **rest,
        "processor": figures,
        "price": [*prices, *(data.get("price") or [])],
        "static_power": [{"boundary": own, "component": "idle", "per_chip": figures["idle_power"]}],
        "active_power": [{"boundary": own, "component": "at work", "per_chip": figures["work_power"]}],
        "covered": [
            {"events": ["host_reads", "host_writes"], "by": "inside the memory traffic and the launches"},
            {"events": ["cpu_nanoseconds"], "by": "within the wall time"},
            {"events": ["measured_microjoules"], "by": "energy of the machine that ran, not of this class"},
            *(data.get("covered") or []),
        ],
        "unpublished": [
            {"events": _FOREIGN,
             "reason": "counts of another machine's program: a processor would run another; use equipoise compare"},
            *(data.get("unpublished") or []),
        ],
    }  # fmt: skip


_NANOSECOND = {"value": 1, "low": 1, "high": 1, "unit": "ns", "grade": "measured", "cite": ["powercap"],
               "note": "by definition"}  # fmt: skip


def _timed(event: str, component: str, term: str, time: Any, power: str, unless: Any = ()) -> dict[str, Any]:
    return {"event": event, "component": component, "term": term, "energy_within": power, "time": time,
            "unless": list(unless)}  # fmt: skip


def _si(figure: dict[str, Any]) -> tuple[float, float, float]:
    from hw_profiles.units import UNITS

    factor = UNITS[figure["unit"]][1]
    return float(figure["value"]) * factor, float(figure["low"]) * factor, float(figure["high"]) * factor


def _inverse(figure: dict[str, Any]) -> dict[str, Any]:
    value, low, high = _si(figure)
    return {**figure, "value": 1 / value, "low": 1 / high, "high": 1 / low, "unit": "s"}


def _inverse_product(rate: dict[str, Any], share: dict[str, Any]) -> dict[str, Any]:
    from hw_profiles.grades import Grade, weakest

    a, b = _si(rate), _si(share)
    grade = weakest([Grade(rate["grade"]), Grade(share["grade"])])
    return {
        "value": 1 / (a[0] * b[0]), "low": 1 / (a[2] * b[2]), "high": 1 / (a[1] * b[1]), "unit": "s",
        "grade": grade.value if grade else "assumed",
        "cite": [*rate.get("cite", []), *share.get("cite", [])], "note": "one over peak rate times utilisation",
    }  # fmt: skip
