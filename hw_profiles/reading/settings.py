"""TOML and JSON from outside: bounded in length and depth, never a traceback."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hw_profiles.errors import InputError
from hw_profiles.reading.files import read_bytes, reading
from hw_profiles.reading.limits import CONFIGURATION_LIMIT
from hw_profiles.texts import one_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["parse_json", "parse_toml", "read_json", "read_text", "read_toml"]

DEEPEST = 64  #: tables and lists inside each other


def read_text(path: str | Path, what: str, fix: str) -> str:
    """A short UTF-8 text.

    Raises:
        InputError: not there, not text, or longer than any file of settings (`CONFIGURATION_LIMIT`).
    """
    data = read_bytes(path, what, fix, most=CONFIGURATION_LIMIT)
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not a text file, so no {what}: byte {error.start} is not UTF-8; {fix}") from None


def read_toml(path: str | Path, what: str, fix: str) -> tuple[str, dict[str, Any]]:
    """(text, content) of a TOML file.

    Raises:
        InputError: not readable, not TOML, nested too deeply.
    """
    text = read_text(path, what, fix)
    return text, parse_toml(text, str(path), what, fix)


def parse_toml(text: str, name: str, what: str, fix: str) -> dict[str, Any]:
    """TOML.

    Raises:
        InputError: it is none, or nested too deeply.
    """
    return _parsed(tomllib.loads, text, name, what, fix, "TOML")


def read_json(path: str | Path, what: str, fix: str) -> Any:
    """The content of a JSON file.

    Raises:
        InputError: not readable, not JSON, nested too deeply.
    """
    return parse_json(read_text(path, what, fix), str(path), what, fix)


def parse_json(text: str | bytes, name: str, what: str, fix: str) -> Any:
    """JSON.

    Raises:
        InputError: it is none, or nested too deeply.
    """
    return _parsed(json.loads, text, name, what, fix, "JSON")


def _parsed(parse: Callable[[Any], Any], text: str | bytes, name: str, what: str, fix: str, language: str) -> Any:
    with reading(name, what, fix):
        try:
            content = parse(text)
        except ValueError as error:
            text = one_line(str(error), 160)
            raise InputError(f"{name} is not a {language} file ({text}), so no {what}; {fix}") from None
        _check_depth(content, name, what)
        return content


def _check_depth(content: Any, name: str, what: str) -> None:
    """Refuse what later code, which recurses, could not walk."""
    level = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return
    raise InputError(f"{name} is not a {what}: more than {DEEPEST} tables or lists inside each other")
