"""A gate that threads of compiled code wait at without the operating system: waking a thread costs a tenth of a
millisecond, a look at shared memory a ten-thousandth of that."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

__all__ = ["add_one", "look", "raise_to"]


def _pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


@intrinsic
def look(typing: Any, array: Any, index: Any) -> Any:
    """``array[index]`` (int64) as it is in memory now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(_pointer(context, builder, signature, arguments), "seq_cst", 8)

    return types.int64(array, types.intp), generate


@intrinsic
def raise_to(typing: Any, array: Any, index: Any, value: Any) -> Any:
    """Set ``array[index]``; what was written before is seen by who sees it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store_atomic(arguments[2], _pointer(context, builder, signature, arguments), "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


@intrinsic
def add_one(typing: Any, array: Any, index: Any) -> Any:
    """Add 1 to ``array[index]``, whoever else does."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature, arguments)
        builder.atomic_rmw("add", pointer, ir.Constant(ir.IntType(64), 1), "seq_cst")
        return context.get_dummy_value()

    return types.void(array, types.intp), generate
