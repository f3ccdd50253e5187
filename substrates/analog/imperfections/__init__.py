"""What is wrong with real analog chips: parameters, one drawn chip, its cells, its noise, its converters."""

from substrates.analog.imperfections.conductances import Array
from substrates.analog.imperfections.converters import quantise
from substrates.analog.imperfections.instance import ChipInstance
from substrates.analog.imperfections.noise import fill_normals, sample_keys
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.analog.imperfections.presets import list_presets, load_preset

__all__ = [
    "Array",
    "ChipInstance",
    "ChipParameters",
    "fill_normals",
    "list_presets",
    "load_preset",
    "quantise",
    "sample_keys",
]
