# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc, import-untyped"
"""Three operations on 64 neurons at a time, written as LLVM vector code because numba cannot express them.

A comparison of 64 neighbouring integers gives one bit each, packed into a 64-bit word: two instructions on AVX-512,
a few more elsewhere. LLVM lowers the vectors to whatever the processor has; the results are the same everywhere.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["LANES", "add_row", "count_ones", "mask_at_most", "trailing_zeros"]

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
def add_row(typing_context, energy, sign, row, offset, factor):
    """energy[o + k] += factor * sign[o + k] * row[o + k] for k = 0 to 63, in the width of ``energy``."""

    def generate(context, builder, signature, arguments):
        offset = arguments[3]
        e_pointer, vector, alignment = _vector_pointer(context, builder, signature.args[0], arguments[0], offset, LANES)
        s_pointer, _, _ = _vector_pointer(context, builder, signature.args[1], arguments[1], offset, LANES)
        r_pointer, r_vector, r_alignment = _vector_pointer(
            context, builder, signature.args[2], arguments[2], offset, LANES
        )
        weights = builder.load(r_pointer, align=r_alignment)
        if r_vector.element.width < vector.element.width:
            weights = builder.sext(weights, vector)
        scale = builder.trunc(arguments[4], vector.element)
        signs = builder.mul(builder.load(s_pointer, align=alignment), _splat(builder, scale, LANES))
        total = builder.add(builder.load(e_pointer, align=alignment), builder.mul(signs, weights))
        builder.store(total, e_pointer, align=alignment)
        return context.get_dummy_value()

    return types.void(energy, sign, row, types.intp, types.int64), generate


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
