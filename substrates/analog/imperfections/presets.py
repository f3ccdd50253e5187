"""Presets: kinds of chip as data files, each figure with where it comes from."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path

from hw_profiles.errors import InputError
from substrates.analog.imperfections.parameters import ChipParameters

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["list_presets", "load_preset"]


def list_presets() -> list[str]:
    """Names of the presets that come with the package."""
    folder = resources.files("substrates.analog") / "presets"
    return sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))


def load_preset(name: str | Path) -> ChipParameters:
    """A kind of chip by name, or from a file of the user's own (``*.toml`` with a table ``[parameters]``).

    Raises:
        InputError: no such preset or file, not TOML, unknown or impossible parameters.
    """
    own = str(name).endswith(".toml")
    try:
        text = (
            Path(name).read_text()
            if own
            else (resources.files("substrates.analog") / "presets" / f"{name}.toml").read_text()
        )
    except (FileNotFoundError, IsADirectoryError):
        raise InputError(
            f"no preset {str(name)!r}; there are {', '.join(list_presets())}, or give a file ending in .toml"
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
