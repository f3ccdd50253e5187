"""Python pickles of image batches, without Python's unpickler: a small reader of the few operations they use.

The published batches hold a dict of texts, lists of whole numbers and one array of bytes. Only the operations that
such a content needs are known here, and only stand-ins for NumPy's array and type are ever made, so a file can
neither run code nor have NumPy built something impossible. What is made is bounded by the file's own length.
"""

from __future__ import annotations

import io
import math
import pickletools
from collections.abc import Callable
from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from hw_profiles.texts import shown

__all__ = ["load_batch"]

_MARK = object()
_EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_DICT": dict, "EMPTY_LIST": list, "EMPTY_TUPLE": tuple}
_VALUES = {
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "FLOAT", "BINFLOAT"),
}
_ARRAY = {("numpy.core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "_reconstruct")}
_NUMBER = {("numpy.core.multiarray", "scalar"), ("numpy._core.multiarray", "scalar")}
_KINDS = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8")


class _Name:
    """A name the file asks for; a stand-in, never the thing itself."""

    def __init__(self, module: str, name: str) -> None:
        self.key = (module, name)


class _Kind:
    """numpy.dtype: a plain number type."""

    def __init__(self, text: Any) -> None:
        if text not in _KINDS:
            raise InputError(f"it holds an array of {shown(text)}, expected plain numbers")
        self.dtype = np.dtype(text)

    def build(self, state: Any) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) >= 2 else None
        if order not in ("<", ">", "|", "="):
            raise InputError(f"it holds a number type with the byte order {shown(order)}")
        self.dtype = self.dtype.newbyteorder(order)


class _Shell:
    """numpy.ndarray before its content came."""

    array: Any = None

    def build(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise InputError(f"it holds an array made of {shown(state)}")
        _, shape, kind, fortran, content = state
        if isinstance(content, str):  # written by Python 2
            content = content.encode("latin-1")
        sound = (
            isinstance(shape, tuple)
            and len(shape) <= 8
            and all(type(n) is int and n >= 0 for n in shape)
            and isinstance(kind, _Kind)
            and isinstance(content, bytes)
        )
        if not sound or math.prod(shape) * kind.dtype.itemsize != len(content):
            raise InputError(f"it holds an array of shape {shown(shape)} whose content has another size")
        self.array = np.frombuffer(content, kind.dtype).reshape(shape, order="F" if fortran else "C")


def load_batch(data: bytes) -> dict[str, Any]:
    """The dict of a batch, its keys as texts.

    Raises:
        InputError: not a pickle, cut off, or one of something else; the text lacks the file's name.
    """
    try:
        content = _Reader(len(data)).run(data)
    except (ValueError, IndexError, KeyError, AttributeError, TypeError, OverflowError, UnicodeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"it is not a whole pickle ({shown(str(error), 80)})") from None
    if not isinstance(content, dict):
        raise InputError(f"it holds a {type(content).__name__}, expected a dict")
    return {key.decode("latin-1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


class _Reader:
    """The machine that a pickle drives: a stack and a memo."""

    def __init__(self, size: int) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}
        self.left = 2 * size + 1024  #: bytes that calls may still make

    def run(self, data: bytes) -> Any:
        for operation, argument, _ in pickletools.genops(io.BytesIO(data)):
            name = operation.name
            if name == "STOP":
                return _plain(self.stack.pop())
            if not self.simple(name, argument) and not self.container(name) and not self.call(name, argument):
                raise InputError(f"it uses the pickle operation {name}, which no batch of images needs")
        raise InputError("it is cut off")

    def simple(self, name: str, argument: Any) -> bool:
        stack = self.stack
        if name in ("PROTO", "FRAME"):
            pass
        elif name in _EMPTY:
            stack.append(_EMPTY[name]())
        elif name == "MARK":
            stack.append(_MARK)
        elif name in ("NONE", "NEWTRUE", "NEWFALSE"):
            stack.append({"NONE": None, "NEWTRUE": True, "NEWFALSE": False}[name])
        elif name in ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1"):
            if abs(argument) >= 2**63:
                raise InputError(f"it holds the number {shown(argument, 20)}")
            stack.append(argument)
        elif name in _VALUES:
            stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[int(argument)] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[int(argument)])
        else:
            return False
        return True

    def container(self, name: str) -> bool:
        stack = self.stack
        if name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            if len(stack) < count:
                raise InputError("it is damaged")
            stack[-count:] = [tuple(stack[-count:])]
        elif name in ("TUPLE", "LIST", "DICT"):
            items = self.since_mark()
            stack.append(tuple(items) if name == "TUPLE" else items if name == "LIST" else self.pairs({}, items))
        elif name in ("APPEND", "APPENDS"):
            items = [stack.pop()] if name == "APPEND" else self.since_mark()
            self.top(list).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            items = self.since_mark() if name == "SETITEMS" else [stack.pop(), stack.pop()][::-1]
            self.pairs(self.top(dict), items)
        else:
            return False
        return True

    def call(self, name: str, argument: Any) -> bool:
        stack = self.stack
        if name in ("GLOBAL", "STACK_GLOBAL"):
            words = argument.split(" ") if name == "GLOBAL" else [stack.pop(), stack.pop()][::-1]
            if len(words) != 2 or not all(isinstance(word, str) for word in words):
                raise InputError("it is damaged")
            stack.append(_Name(*words))
        elif name == "REDUCE":
            given, function = stack.pop(), stack.pop()
            stack.append(self.made(function, given))
        elif name == "BUILD":
            state = stack.pop()
            if not isinstance(stack[-1], (_Shell, _Kind)):
                raise InputError("it sets the state of something that is no array")
            stack[-1].build(state)
        else:
            return False
        return True

    def made(self, function: Any, given: Any) -> Any:
        """What a call would have made."""
        key = function.key if isinstance(function, _Name) else None
        arguments = given if isinstance(given, tuple) else ()
        if key in _ARRAY:
            return _Shell()
        if key == ("numpy", "dtype") and arguments:
            return _Kind(arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0])
        if key in _NUMBER and len(arguments) == 2 and isinstance(arguments[0], _Kind):
            content = arguments[1].encode("latin-1") if isinstance(arguments[1], str) else arguments[1]
            return np.frombuffer(content, arguments[0].dtype, 1)[0].item()
        if key == ("_codecs", "encode") and len(arguments) == 2 and isinstance(arguments[0], str):
            self.left -= len(arguments[0]) + 64
            if self.left < 0 or arguments[1] not in ("latin1", "latin-1"):
                raise InputError("it is larger inside than the file")
            return arguments[0].encode("latin-1")
        raise InputError(f"it asks for {shown('.'.join(key) if key else function)}, which no batch of images needs")

    def since_mark(self) -> list[Any]:
        for place in range(len(self.stack) - 1, -1, -1):
            if self.stack[place] is _MARK:
                items = self.stack[place + 1 :]
                del self.stack[place:]
                return items
        raise InputError("it is damaged")

    def top(self, kind: type) -> Any:
        if not isinstance(self.stack[-1], kind):
            raise InputError("it is damaged")
        return self.stack[-1]

    @staticmethod
    def pairs(into: dict[Any, Any], items: list[Any]) -> dict[Any, Any]:
        keys = items[::2]
        if len(items) % 2 or not all(isinstance(key, (str, bytes)) for key in keys):
            raise InputError("it holds a dict whose keys are no texts")
        into.update(zip(keys, items[1::2]))
        return into


def _plain(content: Any) -> Any:
    """Shells become their arrays, in a dict of them."""
    if isinstance(content, dict):
        return {key: value.array if isinstance(value, _Shell) else value for key, value in content.items()}
    return content
