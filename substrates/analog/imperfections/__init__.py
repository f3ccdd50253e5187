"""What is wrong with real analog chips: parameters, one drawn chip, its cells, its noise, its converters.

Everything here is imported on first use, so that the registry is had without torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw_profiles.registry import lazy_package

if TYPE_CHECKING:
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

__getattr__, __dir__ = lazy_package(
    __name__,
    {
        "substrates.analog.imperfections.conductances": ("Array",),
        "substrates.analog.imperfections.converters": ("quantise",),
        "substrates.analog.imperfections.instance": ("ChipInstance",),
        "substrates.analog.imperfections.noise": ("fill_normals", "sample_keys"),
        "substrates.analog.imperfections.parameters": ("ChipParameters",),
        "substrates.analog.imperfections.presets": ("list_presets", "load_preset"),
    },
)
