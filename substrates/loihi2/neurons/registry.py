"""The neurons by name, and the address of each one's compiled step: what the engine's time loop calls.

A neuron of this folder is found because its file is here; one from outside is the class itself in Python code, an entry
point of the group ``equipoise.neurons``, or ``path.py:Name``. The engine knows none of them: it calls addresses, so a
new neuron changes no other file and recompiles nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from hw_profiles.errors import InputError
from hw_profiles.registry import Entry, Registry
from substrates.loihi2.neurons.base import Neuron

__all__ = ["NEURONS", "STEP", "call_step", "step_address"]

_INTS = types.Array(types.int32, 1, "C")
#: advance(state, a_in, bias, out, parameters, table, time) -> overflows
STEP = types.int64(
    types.Array(types.int32, 2, "C"),
    _INTS,
    _INTS,
    _INTS,
    types.Array(types.int64, 1, "C"),
    _INTS,
    types.int64,
)


def _accept(thing: Any, what: str) -> type[Neuron]:
    if not (isinstance(thing, type) and issubclass(thing, Neuron) and "name" in vars(thing)):
        raise InputError(f"{what} is {thing!r}; expected a class derived from Neuron, with a name")
    return thing


@cache
def _own() -> tuple[Entry[type[Neuron]], ...]:
    """The models of this folder, one file each.

    Raises:
        InputError: two of them share a name.
    """
    found: dict[str, type[Neuron]] = {}
    for neuron in _classes():
        if neuron.name in found:
            other = found[neuron.name].__module__
            raise InputError(f"{neuron.__module__} and {other} both define the neuron {neuron.name!r}")
        found[neuron.name] = neuron
    return tuple(
        Entry(name, lambda neuron=neuron: neuron, str(neuron.__doc__).partition("\n")[0])  # type: ignore[misc]
        for name, neuron in found.items()
    )


def _classes() -> Iterator[type[Neuron]]:
    package = __package__ or ""
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name in ("base", "registry"):
            continue
        loaded = importlib.import_module(f"{package}.{module.name}")
        for thing in vars(loaded).values():
            own = isinstance(thing, type) and issubclass(thing, Neuron) and thing.__module__ == loaded.__name__
            if own and "name" in vars(thing):
                yield thing


NEURONS: Registry[type[Neuron]] = Registry("neuron", "equipoise.neurons", _own, _accept)


@cache
def step_address(neuron: type[Neuron]) -> int:
    """Where the compiled step of ``neuron`` is in this process.

    Raises:
        InputError: it is no neuron, or its kernel does not have the signature of `base`.
    """
    _accept(neuron, f"the model {getattr(neuron, '__name__', neuron)!r}")
    kernel: Any = neuron.kernel
    try:
        kernel.compile(STEP)
    except Exception as error:  # numba reports a wrong kernel in many ways
        raise InputError(f"the kernel of the neuron {neuron.name!r} cannot be compiled as {STEP}: {error}") from error
    compiled = kernel.overloads[STEP.args]
    if compiled.signature.return_type != types.int64:
        raise InputError(
            f"the kernel of the neuron {neuron.name!r} returns {compiled.signature.return_type}, not int64"
        )
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


@intrinsic
def call_step(
    typingctx: Any, address: Any, state: Any, a_in: Any, bias: Any, out: Any, parameters: Any, table: Any, time: Any
) -> Any:
    """Call the step at ``address`` with numba's own calling convention: nothing between the loop and the neuron."""
    given = (state, a_in, bias, out, parameters, table, time)
    wanted = STEP.args

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        function = context.call_conv.get_function_type(types.int64, wanted)
        pointer = builder.inttoptr(args[0], ir.PointerType(function))
        passed = [context.cast(builder, a, b, c) for a, b, c in zip(args[1:], given, wanted)]
        status, result = context.call_conv.call_function(builder, pointer, types.int64, wanted, passed)
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return result

    return types.int64(types.int64, *given), generate
