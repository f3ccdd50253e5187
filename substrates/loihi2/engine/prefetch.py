"""Ask the processor for memory that will be needed soon, without waiting for it.

Rows of sparse synapses lie anywhere: the first bytes of each cost a trip to a far cache, about as long as adding a
hundred synapses. A load would wait for the trip in its turn; a prefetch does not.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["prefetch"]

READ, KEEP_IN_ALL_CACHES, DATA = 0, 3, 1


@intrinsic
def prefetch(typing: Any, array: Any, index: Any) -> Any:
    """Bring the cache line of ``array[index]`` near; an index outside the array does no harm."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [pointer, *(ir.Constant(number, k) for k in (READ, KEEP_IN_ALL_CACHES, DATA))])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate
