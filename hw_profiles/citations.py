"""The sources behind the profiles: BibTeX keys to entries and to one line of text."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

__all__ = ["cite", "references"]

BIBLIOGRAPHY = Path(__file__).parent / "references.bib"
_ENTRY = re.compile(r"^@(\w+)\{([\w-]+),\s*(.*)\}\s*$")
_FIELD = re.compile(r"(\w+)\s*=\s*\{((?:[^{}]|\{[^{}]*\}|\\.)*)\}")


@lru_cache(maxsize=1)
def references() -> dict[str, dict[str, str]]:
    """Every entry of the bibliography: key -> fields. One entry per line in the file."""
    found = {}
    for line in BIBLIOGRAPHY.read_text(encoding="utf-8").splitlines():
        match = _ENTRY.match(line)
        if match:
            found[match[2]] = {name: re.sub(r"[{}]", "", text) for name, text in _FIELD.findall(match[3])}
    return found


def cite(key: str) -> str:
    """One line of text for ``key``: who, what, where, when."""
    entry = references()[key]
    where = entry.get("journal") or entry.get("booktitle") or entry.get("institution") or entry.get("howpublished", "")
    parts = [entry.get("author", ""), entry.get("title", ""), where, entry.get("year", "")]
    text = (
        ", ".join(part for part in parts if part)
        .replace("\\_", "_")
        .replace('\\"o', "ö")
        .replace(" and others", " et al.")
    )
    return (
        text + (f", doi {entry['doi']}" if "doi" in entry else "") + (f" ({entry['note']})" if "note" in entry else "")
    )
