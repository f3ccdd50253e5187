"""Presets: kinds of chip as data files, each figure with where it comes from."""

from __future__ import annotations

from pathlib import Path

from hw_profiles.chip_file import DEVICES, find_chip, list_chips, load_chip
from hw_profiles.reading.files import reading
from hw_profiles.reading.settings import read_toml
from substrates.analog.imperfections.parameters import ChipParameters

__all__ = ["DEVICES", "list_presets", "load_preset"]

FIX = "docs/energy.md says what a chip file holds"


def list_presets() -> list[str]:
    """Names of the chips there are: those of `hw_profiles/devices` and of installed plug-ins."""
    return list_chips()


def load_preset(name: str | Path) -> ChipParameters:
    """The faults of a kind of chip, by name or from a file of the user's own.

    The file is a chip file (device, array, converters, timing; `hw_profiles.chip_file`), which gives prices too, or has
    a table ``[parameters]`` with fields of `ChipParameters`, which gives faults only.

    Raises:
        InputError: no such preset or file, not TOML, unknown or impossible parameters.
    """
    path = find_chip(name)
    data = read_toml(path, "device file", FIX)[1]
    with reading(path, "device file", FIX):
        if isinstance(data.get("parameters"), dict):
            return ChipParameters.from_dict(data["parameters"], f"preset {name}")
        return ChipParameters.from_dict(load_chip(name).faults(), f"device {name}")
