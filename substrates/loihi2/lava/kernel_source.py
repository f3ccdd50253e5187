"""The source of a compiled step and of everything it calls, as text that needs NumPy only.

A neuron's ``advance`` calls functions and reads constants of other modules. `kernel_source` follows them, gives each a
name of its own (``metropolis_accepts``), and leaves out types and decorators but one: ``njit``, which the text's reader
defines. What is neither a function, a number, nor NumPy is refused by name.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Iterable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from hw_profiles.errors import InputError

__all__ = ["kernel_source"]

#: what stands before every function in place of the decorator that it had
DECORATOR = 'njit(error_model="numpy")'


def kernel_source(functions: Iterable[Any]) -> tuple[str, list[str]]:
    """Source of ``functions`` (Numba's or plain ones) and of what they use, callees first; and their names in it.

    Raises:
        InputError: the source cannot be had, or a function uses something that cannot be written down.
    """
    collected = _Collector()
    names = [collected.function(function) for function in functions]
    constants = "\n".join(f"{name} = {text}" for name, text in collected.constants.items())
    parts = ([constants] if constants else []) + list(collected.functions.values())
    return "\n\n\n".join(parts), names


class _Collector:
    def __init__(self) -> None:
        self.constants: dict[str, str] = {}
        self.functions: dict[str, str] = {}
        self._names: dict[int, str] = {}
        self._kept: list[Any] = []  # so that no id is used twice

    def function(self, function: Any) -> str:
        plain = getattr(function, "py_func", function)
        if id(plain) in self._names:
            return self._names[id(plain)]
        if not isinstance(plain, FunctionType):
            raise InputError(f"{plain!r} is no function whose source could be written down")
        name = self._new_name(plain.__module__, plain.__name__)
        self._names[id(plain)] = name
        self._kept.append(plain)
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(plain)))
        except (OSError, TypeError, SyntaxError) as error:
            raise InputError(f"the source of {plain.__module__}.{plain.__name__} cannot be had: {error}") from error
        body = tree.body[0]
        if not isinstance(body, ast.FunctionDef):
            raise InputError(f"{plain.__module__}.{plain.__name__} is no plain function")
        body.decorator_list, body.returns, body.name = [ast.Name(DECORATOR)], None, name
        for argument in (*body.args.posonlyargs, *body.args.args, *body.args.kwonlyargs):
            argument.annotation = None
        written = _Renamer(self, plain).visit(body)
        self.functions[name] = ast.unparse(ast.fix_missing_locations(written))
        return name

    def global_name(self, value: Any, module: str, name: str, user: str) -> str:
        """What the global ``name`` of ``module`` is called in the text."""
        if value is np:
            return "np"
        if hasattr(value, "py_func") or isinstance(value, FunctionType):
            return self.function(value)
        text = _literal(value)
        if text is None:
            raise InputError(f"{user} uses {name}, a {type(value).__name__}, which cannot be written into a script")
        wanted = self._new_name(module, name, text)
        self.constants[wanted] = text
        return wanted

    def _new_name(self, module: str, name: str, text: str | None = None) -> str:
        tail = module.rpartition(".")[2].strip("_")
        wanted, number = f"{tail}_{name}", 2
        while wanted in self.functions or wanted in self._names.values() or self.constants.get(wanted, text) != text:
            wanted, number = f"{tail}{number}_{name}", number + 1
        return wanted


class _Renamer(ast.NodeTransformer):
    """Globals of one function, renamed; names of its own stay."""

    def __init__(self, collector: _Collector, function: FunctionType) -> None:
        self._collector, self._globals = collector, function.__globals__
        self._module, self._user = function.__module__, f"{function.__module__}.{function.__name__}"
        code = function.__code__
        self._own = {*code.co_varnames, *code.co_cellvars}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id in self._own or node.id == DECORATOR:
            return node
        if node.id not in self._globals:
            if hasattr(builtins, node.id):
                return node
            raise InputError(f"{self._user} uses {node.id}, which is not known")
        value = self._globals[node.id]
        return ast.Name(self._collector.global_name(value, self._module, node.id, self._user), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        base = node.value
        if isinstance(base, ast.Name) and base.id not in self._own:
            module = self._globals.get(base.id)
            if isinstance(module, ModuleType) and module is not np:
                value = getattr(module, node.attr)
                return ast.Name(self._collector.global_name(value, module.__name__, node.attr, self._user), node.ctx)
        return self.generic_visit(node)


def _literal(value: Any) -> str | None:
    """A number, or a tuple of numbers, as Python reads it; None for anything else."""
    if isinstance(value, (bool, int, float)):
        return repr(value)
    if isinstance(value, np.generic):
        return f"np.{type(value).__name__}({value.item()!r})"
    if isinstance(value, tuple):
        parts = [_literal(part) for part in value]
        return None if None in parts else f"({', '.join(str(part) for part in parts)},)"
    return None
