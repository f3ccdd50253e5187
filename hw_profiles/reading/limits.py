"""How much memory reading one file or making one instance may take, and how many runs a study may ask for.

Both are stated here, and each is changed by an environment variable: ``EQUIPOISE_READ_LIMIT`` (bytes, or with K, M, G
or T) and ``EQUIPOISE_STUDY_RUNS``.
"""

from __future__ import annotations

import os
import re

from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["CONFIGURATION_LIMIT", "check_size", "human", "read_limit", "study_runs"]

READ_LIMIT = 4 << 30  #: bytes of memory that reading one file may take
CONFIGURATION_LIMIT = 4 << 20  #: bytes of a TOML or JSON file: settings are written by people
STUDY_RUNS = 1_000_000  #: runs of one study
_FACTORS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def read_limit() -> int:
    """Bytes of memory that reading one file may take.

    Raises:
        InputError: ``EQUIPOISE_READ_LIMIT`` is no size.
    """
    text = os.environ.get("EQUIPOISE_READ_LIMIT", "")
    if not text:
        return READ_LIMIT
    match = re.fullmatch(r"([0-9]{1,15})\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise InputError(f"EQUIPOISE_READ_LIMIT is {shown(text)}; expected a size such as 512M or 8G")
    return int(match[1]) * _FACTORS[match[2].upper()]


def study_runs() -> int:
    """Runs that one study may have.

    Raises:
        InputError: ``EQUIPOISE_STUDY_RUNS`` is no whole number above zero.
    """
    text = os.environ.get("EQUIPOISE_STUDY_RUNS", "")
    if not text:
        return STUDY_RUNS
    if not re.fullmatch("[0-9]{1,12}", text.strip()) or int(text) == 0:
        raise InputError(f"EQUIPOISE_STUDY_RUNS is {shown(text)}; expected a whole number above zero")
    return int(text)


def check_size(needed: int, name: str, what: str) -> None:
    """Refuse to take ``needed`` bytes for ``what`` of ``name`` (a file, an instance) if that is above the limit.

    Raises:
        InputError: it is.
    """
    if needed > read_limit():
        raise InputError(
            f"{name}: {what} would take {human(needed)} of memory, the limit is {human(read_limit())}; "
            "set EQUIPOISE_READ_LIMIT (such as 16G) if it is meant"
        )


def human(size: int) -> str:
    """Bytes for people: 1.5 GiB."""
    value = float(min(size, 1 << 80))
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.3g} {unit}" if unit != "bytes" else f"{int(value)} bytes"
        value /= 1024
    return f"{value:.3g} TiB"
