"""Arguments of public calls checked against their annotations: a wrong type is an `InputError` before any work.

What an annotation says in plain words is checked: whole and real numbers (NumPy's too), texts, paths, truth values,
``Literal``, ``None``, unions, sequences, mappings, callables and classes. ``Any`` and what is not understood passes.
"""

from __future__ import annotations

import functools
import inspect
import numbers
import os
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, ParamSpec, TypeVar, Union

from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["check_fields", "checked"]

P = ParamSpec("P")
R = TypeVar("R")
_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "True or False", type(None): "None"}
_ABSTRACT = {
    Sequence: "a sequence",
    Iterable: "something to iterate over",
    Mapping: "a mapping",
    Callable: "a function",
}


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Check every argument of each call of ``function``, and their number and names.

    Raises:
        InputError: (of the function made) an argument is missing, unknown or of another type.

    >>> @checked
    ... def double(number: int) -> int:
    ...     return 2 * number
    >>> double(2)
    4
    >>> double("x")
    Traceback (most recent call last):
    hw_profiles.errors.InputError: double: number is 'x'; expected a whole number
    """
    signature = inspect.signature(function)
    name = function.__qualname__.removesuffix(".__init__")
    tests: dict[str, Any] = {}

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            known = ", ".join(p for p in signature.parameters if p not in ("self", "cls"))
            raise InputError(f"{name}: {error}; its arguments are {known}") from None
        if not tests:
            tests.update(_hints(function))
        for argument, value in given.arguments.items():
            if argument in tests and signature.parameters[argument].kind not in (
                inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL,
            ):  # fmt: skip
                _check(value, tests[argument], f"{name}: {argument}")
        return function(*args, **kwargs)

    return call


def check_fields(value: Any) -> None:
    """Check every field of a dataclass against its annotation; for ``__post_init__``.

    Raises:
        InputError: a field is of another type.
    """
    kind: Any = type(value)
    hints = _hints(kind)
    for field in fields(value):
        if field.name in hints:
            _check(getattr(value, field.name), hints[field.name], f"{kind.__name__}: {field.name}")


@functools.cache
def _hints(owner: Any) -> dict[str, Any]:
    """Annotations as objects; one that names what is imported for type checking only passes everything."""
    found = {}
    for one in reversed(owner.__mro__) if isinstance(owner, type) else (inspect.unwrap(owner),):
        names = {**vars(typing), **vars(sys.modules.get(one.__module__, typing))}
        own = vars(one).get("__annotations__", {}) if isinstance(one, type) else one.__annotations__
        for name, annotation in own.items():
            try:
                found[name] = eval(annotation, names) if isinstance(annotation, str) else annotation
            except Exception:  # whatever a name that is not there raises
                found.pop(name, None)
    return found


def _check(value: Any, kind: Any, what: str) -> None:
    if not _fits(value, kind):
        raise InputError(f"{what} is {shown(value)}; expected {_words(kind)}")


def _fits(value: Any, kind: Any) -> bool:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if kind is Any:
        return True
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is Literal:
        return any(type(value) is type(one) and value == one for one in inner)
    if kind is None or kind is type(None):
        return value is None
    if kind is bool:
        return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    base = origin or kind
    if base is tuple and inner:
        return _tuple_fits(value, inner)
    if base in (list, Sequence) and inner and not isinstance(value, (str, bytes)):
        return isinstance(value, base) and all(_fits(one, inner[0]) for one in value)
    if base is Sequence:
        return isinstance(value, (Sequence,)) and not isinstance(value, (str, bytes))
    if base is os.PathLike:
        return isinstance(value, os.PathLike)
    if getattr(base, "_is_protocol", False) or not isinstance(base, type):
        return True
    return isinstance(value, base)


def _tuple_fits(value: Any, inner: tuple[Any, ...]) -> bool:
    if not isinstance(value, (tuple, list)):
        return False
    if len(inner) == 2 and inner[1] is Ellipsis:
        return all(_fits(one, inner[0]) for one in value)
    return len(value) == len(inner) and all(_fits(one, kind) for one, kind in zip(value, inner))


def _words(kind: Any) -> str:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_words(one) for one in inner))
    if origin is Literal:
        return " or ".join(repr(one) for one in inner)
    if origin is tuple and inner:
        if inner[-1] is Ellipsis:
            return f"a tuple, each {_words(inner[0])}"
        return f"a pair or tuple of {len(inner)}: {', '.join(_words(one) for one in inner)}"
    base = origin or kind
    if base is None:
        return "None"
    return _WORDS.get(base) or _ABSTRACT.get(base) or f"a {getattr(base, '__name__', base)}"
