"""Lava's names of a neuron's ports. Importing this imports no Lava."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from substrates.loihi2.neurons.base import Neuron

__all__ = ["input_name", "output_name", "raw_name"]


def input_name(neuron: type[Neuron] | Neuron, port: str) -> str:
    """Lava's name of an input port."""
    return neuron.lava_ports.get(port) or ("a_in" if port == neuron.inputs[0] else f"{port}_in")


def output_name(neuron: type[Neuron] | Neuron, port: str) -> str:
    """Lava's name of an output port."""
    return neuron.lava_ports.get(port) or ("s_out" if port == neuron.outputs[0] else f"{port}_out")


def raw_name(port: str) -> str:
    """Attribute of a model with what a reporting port sent, messages of value zero told from silence."""
    return f"raw_{port}"
