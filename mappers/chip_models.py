"""Which neurons have a model for the chip and which would need microcode: said before running, not after failing.

Intel's neurocore models live in a closed extension of Lava; each neuron says in its own file what public code imports
from it.
Nothing of ours was run on a chip yet, so "closed extension" means "the name exists there", no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel
from substrates.loihi2.neurons.registry import NEURONS

__all__ = ["ChipModel", "chip_models", "needs_microcode"]


def chip_models(models: Iterable[str]) -> dict[str, ChipModel]:
    """The chip's side of every neuron in ``models``, by name, in order; unknown ones need microcode."""
    return {name: NEURONS[name].chip if name in NEURONS else OWN_MICROCODE for name in dict.fromkeys(models)}


def needs_microcode(models: Iterable[str]) -> tuple[str, ...]:
    """Names of the neurons that cannot run on the chip as things are."""
    return tuple(name for name, model in chip_models(models).items() if not model.on_chip)
