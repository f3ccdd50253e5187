"""Presets: kinds of chip as data files, each figure with where it comes from."""

from __future__ import annotations

import sys
from pathlib import Path

from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, data_files, toml_file
from substrates.analog.imperfections.parameters import ChipParameters

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(
            f"no device file {str(name)!r}; give a .toml file or one of {', '.join(list_presets())}"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"preset {name}: cannot be read ({error})") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"preset {name}: not TOML ({error})") from None
    if not isinstance(data.get("parameters"), dict):
        raise InputError(f"preset {name}: no table [parameters]; see substrates/analog/README.md")
    return ChipParameters.from_dict(data["parameters"], f"preset {name}")
