"""Which format a file is in, from its content; the name only settles what the content leaves open."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath

from equipoise.qubo.formats._base import Format, Source, text_of
from hw_profiles.errors import InputError

__all__ = ["detect"]


def detect(source: Source, formats: Mapping[str, Format]) -> str:
    """Name the format of ``source``.

    A format that cannot judge contents is taken by its suffix. Of those that fit, the suffix chooses; without its
    help, one that fits without doubt, or the only one that fits at all.

    Raises:
        InputError: no format fits, or more than one does; the text says how to choose.
    """
    suffix = PurePath(source.name.lower().removesuffix(".gz")).suffix
    named = [name for name, known in formats.items() if suffix in known.suffixes]
    blind = [name for name in named if formats[name].fits is None]
    if blind:
        return blind[0]
    fits = {name: known.fits(source) for name, known in formats.items() if known.fits is not None}
    possible = [name for name, fit in fits.items() if fit != "no"]
    for some in ([name for name in named if name in possible], [n for n in possible if fits[n] == "yes"], possible):
        if len(some) == 1:
            return some[0]
    if not possible:
        start = text_of(source)[0].strip()[:40]
        raise InputError(f"{source.name}: no known format starts with {start!r}; give --format {', '.join(formats)}")
    means = " or ".join(f"{name} ({formats[name].convention.partition(': ')[2]})" for name in possible)
    raise InputError(
        f"{source.name} could be {means}: nothing here tells them apart; "
        f"give {' or '.join(f'--format {name}' for name in possible)}"
    )
