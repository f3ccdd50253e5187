"""Recipes: a published workload described by its sizes, made into counts.

A recipe is a function ``sizes -> Ledger``; sizes may carry a range (`Amount`), and then it is called three times.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger

__all__ = ["RECIPES", "make_ledger"]


def spiking(
    *, neurons: float, steps: float, spikes: float = 0, fan_out: float = 0, synapses: float = 0, activity: float = 0,
    cores: float = 0, host_values: float = 0, waiting_ns: float = 0,
) -> Ledger:  # fmt: skip
    """A spiking network: ``spikes`` in all (or ``activity`` x neurons x steps), each to ``fan_out`` synapses (or so
    many that every one of ``synapses`` carries the mean activity). With ``cores`` the neurons are spread evenly.
    """
    updates = neurons * steps
    sent = spikes or activity * updates
    operations = sent * fan_out if fan_out else sent / neurons * synapses if neurons else 0.0
    ledger = Ledger()
    ledger.add(Event.STEPS, round(steps))
    number = max(1, round(cores))
    for core in range(number):
        where = {"core": core} if cores else {}
        ledger.add(Event.NEURON_UPDATES_ACTIVE, round(min(sent, updates) / number), **where)  # type: ignore[arg-type]
        ledger.add(Event.NEURON_UPDATES_INACTIVE, round(max(0.0, updates - sent) / number), **where)  # type: ignore[arg-type]
        ledger.add(Event.SYNAPTIC_OPERATIONS, round(operations / number), **where)  # type: ignore[arg-type]
    ledger.add(Event.MESSAGES, round(sent))
    ledger.add(Event.HOST_WRITES, round(host_values))
    ledger.add(Event.WAITING_NANOSECONDS, round(waiting_ns))
    return ledger


def matrix_products(
    *, rows: float, columns: float, products: float = 1, input_bits: float = 1, converters_per_column: float = 1
) -> Ledger:
    """``products`` of a crossbar of ``rows`` x ``columns`` cells, inputs applied bit by bit."""
    ledger = Ledger()
    ledger.add(Event.MATRIX_VECTOR_PRODUCTS, round(products))
    ledger.add(Event.CELL_READS, round(products * rows * columns * input_bits))
    ledger.add(Event.DAC_CONVERSIONS, round(products * rows * input_bits))
    ledger.add(Event.ADC_CONVERSIONS, round(products * columns * converters_per_column))
    return ledger


def kernels(*, macs: float = 0, bytes: float = 0, launches: float = 0, waiting_ns: float = 0) -> Ledger:
    """A program of a processor or a card: arithmetic, memory traffic and calls, one after another."""
    ledger = Ledger()
    ledger.add(Event.MACS, round(macs))
    ledger.add(Event.MEMORY_BYTES, round(bytes))
    ledger.add(Event.KERNEL_LAUNCHES, round(launches))
    ledger.add(Event.WAITING_NANOSECONDS, round(waiting_ns))
    return ledger


RECIPES: dict[str, Callable[..., Ledger]] = {
    "spiking": spiking,
    "matrix_products": matrix_products,
    "kernels": kernels,
}


def make_ledger(recipe: dict[str, Any]) -> Ledger:
    """The counts of ``recipe``: its ``name`` and its sizes.

    Raises:
        InputError: no such recipe, or sizes it does not take.
    """
    sizes = dict(recipe)
    name = str(sizes.pop("name", ""))
    if name not in RECIPES:
        raise InputError(f"no recipe {name!r}; there are {', '.join(RECIPES)}")
    try:
        return RECIPES[name](**sizes)
    except TypeError as error:
        raise InputError(f"the recipe {name} cannot be counted: {error}") from None
