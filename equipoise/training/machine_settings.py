"""A machine's settings by name or file, as ``chip`` of a configuration and ``--chip`` of the command line take them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hw_profiles.chip_file import QUANTITIES, load_chip
from hw_profiles.errors import InputError
from hw_profiles.reading.settings import read_json, read_toml
from hw_profiles.texts import shown

__all__ = ["machine_settings", "named_chip"]


def named_chip(chip: str, target: str, profile: str = "") -> dict[str, Any]:
    """What a chip's name or file sets: ``chip``, and ``profile`` where the file has prices and none was asked for."""
    found: dict[str, Any] = {"chip": machine_settings(chip, target)}
    if not profile and _is_chip_file(chip) and not load_chip(chip).missing_for_prices():
        found["profile"] = chip  # one file: the faults of the run and its prices
    return found


def machine_settings(chip: str, target: str) -> dict[str, Any]:
    """The machine's settings: a preset's or, from a JSON or TOML file, any target's (a table ``parameters`` or all)."""
    from substrates.analog import load_preset  # late: torch

    path = Path(chip)
    if path.suffix not in (".json", ".toml") or (target == "analog" and _is_chip_file(chip)):
        if target != "analog":
            raise InputError(f"--chip {chip}: an analog preset, but the target is {target}; give a .toml or .json file")
        return load_preset(chip).as_dict()
    what, fix = "file of the machine's settings", "see substrates/analog/README.md"
    found = read_json(path, what, fix) if path.suffix == ".json" else read_toml(path, what, fix)[1]
    settings = found.get("parameters", found) if isinstance(found, dict) else found
    if not isinstance(settings, dict):
        raise InputError(f"{chip} is not a {what}: expected settings by name, got {shown(settings)}")
    return settings


def _is_chip_file(chip: str) -> bool:
    """Whether ``chip`` is a file of device, array, converters and timing, and no table of the machine's settings."""
    sections = {quantity.section for quantity in QUANTITIES.values()}
    return chip.endswith(".toml") and bool(
        sections & read_toml(Path(chip), "device file", "see docs/energy.md")[1].keys()
    )
