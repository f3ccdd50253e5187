"""``--size``: a name of the workload's sizes, arguments of its `instance`, or both: ``full,frames=100``."""

from __future__ import annotations

import inspect
import math
import typing
from typing import Any

from equipoise.workloads.interface import Workload
from hw_profiles.errors import InputError
from hw_profiles.registry import nearest
from hw_profiles.texts import shown

__all__ = ["parameters_of", "parse_size"]


def parameters_of(workload: Workload) -> dict[str, tuple[Any, Any]]:
    """Argument of `instance` -> (type, default), but the seed."""
    hints = typing.get_type_hints(workload.instance)
    found = inspect.signature(workload.instance).parameters.values()
    return {p.name: (hints.get(p.name, str), p.default) for p in found if p.name != "seed"}


def parse_size(workload: Workload, text: str) -> dict[str, Any]:
    """All arguments of `instance` that ``text`` asks for, defaults included.

    Values are whole or real numbers, texts, true or false, and tuples of those with colons: ``snr=1:2:3``.

    Raises:
        InputError: no such size, no such argument, or a value of another kind.
    """
    name, *given = text.split(",")
    if "=" in name:
        name, given = "small", [name, *given]
    if name not in workload.sizes:
        sizes = ", ".join(workload.sizes)
        raise InputError(f"no size {shown(name)}; {nearest(name, workload.sizes)}here are {sizes}, then key=value")
    known = parameters_of(workload)
    found = {key: default for key, (_, default) in known.items() if default is not inspect.Parameter.empty}
    found |= workload.sizes[name]
    for part in given:
        key, equals, value = part.partition("=")
        if not equals or key not in known:
            raise InputError(f"size {shown(part)}: {nearest(key, known)}here are {', '.join(known)}, each as key=value")
        found[key] = _value(value, known[key][0], key)
    return found


def _value(text: str, kind: Any, key: str) -> Any:
    inner = typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return tuple(_value(part, inner[0], key) for part in text.split(":"))
    if kind is bool:
        if text not in ("true", "false"):
            raise InputError(f"size {key}={shown(text)}: expected true or false")
        return text == "true"
    if kind not in (int, float):
        return text
    try:
        number = kind(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        expected = "a whole number" if kind is int else "a number"
        raise InputError(f"size {key}={shown(text)}: expected {expected}")
    return number
