"""Presets: kinds of chip as data files, each figure with where it comes from."""

from __future__ import annotations

from pathlib import Path

from hw_profiles.errors import InputError
from hw_profiles.reading.settings import read_toml
from hw_profiles.registry import Registry, data_files, toml_file
from substrates.analog.imperfections.parameters import ChipParameters

__all__ = ["DEVICES", "list_presets", "load_preset"]

#: name -> its file
DEVICES: Registry[Path] = Registry(
    "device", "equipoise.devices", data_files(Path(__file__).parents[1] / "presets"), toml_file, files=".toml"
)


def list_presets() -> list[str]:
    """Names of the presets there are: those of this package and of installed plug-ins."""
    return sorted(DEVICES)


def load_preset(name: str | Path) -> ChipParameters:
    """A kind of chip by name, or from a file of the user's own (``*.toml`` with a table ``[parameters]``).

    Raises:
        InputError: no such preset or file, not TOML, unknown or impossible parameters.
    """
    path = Path(name) if str(name).endswith(".toml") else DEVICES.find(str(name))
    _, data = read_toml(path, "device file", f"give a .toml file or one of {', '.join(list_presets())}")
    if not isinstance(data.get("parameters"), dict):
        raise InputError(f"preset {name}: no table [parameters]; see substrates/analog/README.md")
    return ChipParameters.from_dict(data["parameters"], f"preset {name}")
