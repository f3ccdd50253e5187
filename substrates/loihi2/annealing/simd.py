# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, import-untyped"
"""A few operations on 64 neurons at a time, written as LLVM vector code because numba cannot express them.

A comparison of 64 neighbouring integers gives one bit each, packed into a 64-bit word: two instructions on AVX-512,
a few more elsewhere. LLVM lowers the vectors to whatever the processor has; the results are the same everywhere.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LANES", "add_twice", "add_where", "count_ones", "mask_at_most", "prefetch", "trailing_zeros"]

LANES = 64  #: neurons per word


def _vector_pointer(context, builder, array_type, array, offset, lanes):
    """Pointer to ``lanes`` elements from ``offset`` on, and the vector type."""
    struct = cgutils.create_struct_proxy(array_type)(context, builder, value=array)
    element = context.get_data_type(array_type.dtype)
    vector = ir.VectorType(element, lanes)
    pointer = builder.gep(struct.data, [offset])
    return builder.bitcast(pointer, vector.as_pointer()), vector, element.width // 8


def _splat(builder, value, lanes):
    vector = ir.VectorType(value.type, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes)
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), zeros)


@intrinsic
def mask_at_most(typing_context, array, offset, bound):
    """Bit k of the result is ``array[offset + k] <= bound``, k = 0 to 63. The bound must fit the array's type."""

    def generate(context, builder, signature, arguments):
        pointer, _, alignment = _vector_pointer(context, builder, signature.args[0], arguments[0], arguments[1], LANES)
        values = builder.load(pointer, align=alignment)
        element = context.get_data_type(signature.args[0].dtype)
        limit = arguments[2]
        if limit.type.width > element.width:
            limit = builder.trunc(limit, element)
        bits = builder.icmp_signed("<=", values, _splat(builder, limit, LANES))
        return builder.bitcast(bits, ir.IntType(64))

    return types.uint64(array, types.intp, types.int64), generate


@intrinsic
def add_twice(typing_context, energy, row, offset, negative):
    """energy[o + k] += 2 row[o + k], or -= where bit k of ``negative`` is set, k = 0 to 63, in ``energy``'s width."""

    def generate(context, builder, signature, arguments):
        offset = arguments[2]
        pointer, vector, alignment = _vector_pointer(context, builder, signature.args[0], arguments[0], offset, LANES)
        r_pointer, r_vector, r_alignment = _vector_pointer(
            context, builder, signature.args[1], arguments[1], offset, LANES
        )
        weights = builder.load(r_pointer, align=r_alignment)
        if r_vector.element.width < vector.element.width:
            weights = builder.sext(weights, vector)
        change = builder.add(weights, weights)
        before = builder.load(pointer, align=alignment)
        mask = builder.bitcast(arguments[3], ir.VectorType(ir.IntType(1), LANES))
        after = builder.select(mask, builder.sub(before, change), builder.add(before, change))
        builder.store(after, pointer, align=alignment)
        return context.get_dummy_value()

    return types.void(energy, row, types.intp, types.uint64), generate


@intrinsic
def add_where(typing_context, energy, offset, change, plus, minus):
    """energy[o + k] += change where bit k of ``plus`` is set, -= where bit k of ``minus`` is, k = 0 to 63."""

    def generate(context, builder, signature, arguments):
        pointer, vector, alignment = _vector_pointer(
            context, builder, signature.args[0], arguments[0], arguments[1], LANES
        )
        step = _splat(builder, builder.trunc(arguments[2], vector.element), LANES)
        mask = ir.VectorType(ir.IntType(1), LANES)
        value = builder.load(pointer, align=alignment)
        value = builder.select(builder.bitcast(arguments[3], mask), builder.add(value, step), value)
        value = builder.select(builder.bitcast(arguments[4], mask), builder.sub(value, step), value)
        builder.store(value, pointer, align=alignment)
        return context.get_dummy_value()

    return types.void(energy, types.intp, types.int64, types.uint64, types.uint64), generate


@intrinsic
def prefetch(typing_context, array, offset):
    """Ask for the cache line of ``array[offset]``."""

    def generate(context, builder, signature, arguments):
        pointer, _, _ = _vector_pointer(context, builder, signature.args[0], arguments[0], arguments[1], 1)
        byte = builder.bitcast(pointer, ir.IntType(8).as_pointer())
        i32 = ir.IntType(32)
        function = builder.module.declare_intrinsic(
            "llvm.prefetch", [byte.type], ir.FunctionType(ir.VoidType(), [byte.type, i32, i32, i32])
        )
        builder.call(function, [byte, i32(0), i32(3), i32(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


@intrinsic
def trailing_zeros(typing_context, value):
    """Zeros below the lowest set bit of a non-zero 64-bit word."""

    def generate(context, builder, signature, arguments):
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return types.int64(types.uint64), generate


@intrinsic
def count_ones(typing_context, value):
    """Set bits of a 64-bit word."""

    def generate(context, builder, signature, arguments):
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate
