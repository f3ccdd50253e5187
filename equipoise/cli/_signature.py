"""Options of a command from a function's signature, so that what is added brings its own."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

import click

from hw_profiles.errors import InputError

__all__ = ["options_of"]

_TYPES: dict[Any, Any] = {int: int, float: float, str: str, bool: bool, Path: click.Path(path_type=Path)}


def options_of(function: Callable[..., Any], *, without: Iterable[str] = ()) -> list[click.Option]:
    """One option per parameter of ``function``: its type from the annotation, its help from ``Annotated[.., "help"]``.

    ``bool`` parameters are flags, ``Literal`` ones choices; those without a default are required.

    Raises:
        InputError: a parameter whose annotation is none of int, float, str, bool, Path, Literal.
    """
    try:
        hints = typing.get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InputError(f"the annotations of {function.__name__} cannot be read: {error}") from None
    skipped = set(without)
    return [
        _option(function, parameter, hints.get(name, str))
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in skipped
    ]


def _option(function: Callable[..., Any], parameter: inspect.Parameter, hint: Any) -> click.Option:
    help_ = ""
    if typing.get_origin(hint) is typing.Annotated:
        hint, *notes = typing.get_args(hint)
        help_ = next((note for note in notes if isinstance(note, str)), "")
    optional = [part for part in typing.get_args(hint) if part is not type(None)]
    if len(optional) == 1 and type(None) in typing.get_args(hint):
        hint = optional[0]
    required = parameter.default is inspect.Parameter.empty
    flag = "--" + parameter.name.replace("_", "-")
    settings: dict[str, Any] = {"help": help_ or None, "required": required}
    if not required:
        settings |= {"default": parameter.default, "show_default": parameter.default is not None}
    if hint is bool and not required:
        return click.Option([flag], is_flag=True, **{**settings, "show_default": False})
    if typing.get_origin(hint) is Literal:
        return click.Option([flag], type=click.Choice(typing.get_args(hint)), **settings)
    if hint not in _TYPES:
        known = ", ".join(kind.__name__ for kind in _TYPES)
        raise InputError(
            f"the parameter {parameter.name!r} of {function.__name__} has the annotation {hint}; an option can be made "
            f"of {known} and Literal"
        )
    return click.Option([flag], type=_TYPES[hint], **settings)
