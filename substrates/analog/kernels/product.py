"""The matrix product of the compiled relaxation.

A library product may sum in another order for another batch size, so that a sample's last bits depend on its
neighbours. Here every output is  c + v_0 w_0 + v_1 w_1 + ...  summed in that order with fused multiply-adds, in
every tile size, so a sample is the same alone and in company. The tile is written in LLVM's own vector types
because the automatic vectoriser uses half the width of current server cores.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["PANEL", "accumulate", "accumulate_from", "pack", "pack_into", "packed_size"]

Floats = npt.NDArray[np.float32]
_WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
#: floats in one vector register
LANES = 16 if _WIDE else 8
#: columns of a packed panel of weights
PANEL = 2 * LANES
#: rows (samples) of the largest tile; accumulators must fit the registers
_ROWS = 8 if _WIDE else 4


def _tile(rows: int, vectors: int) -> Any:
    """An intrinsic: c[r, :] = s[r, :] + v[r, :] @ w for ``rows`` samples and ``vectors`` registers of columns.

    Arguments are addresses and, for ``c``, ``s`` and ``v``, the number of floats from one row to the next; ``w`` is a
    packed panel: PANEL floats per source neuron, panels one after another.
    """

    @intrinsic
    def tile(
        typing_context: Any, c: Any, c_row: Any, s: Any, s_row: Any, v: Any, v_row: Any, w: Any, depth: Any
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            c_, c_row_, s_, s_row_, v_, v_row_, w_, depth_ = arguments
            word, scalar = ir.IntType(64), ir.FloatType()
            vector = ir.VectorType(scalar, LANES)
            fma = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
            )

            def at(base: Any, floats: Any, kind: Any) -> Any:
                address = builder.add(base, builder.shl(floats, word(2)))
                return builder.inttoptr(address, kind.as_pointer())

            def places(base: Any, row: Any) -> list[Any]:
                return [
                    at(base, builder.add(builder.mul(row, word(r)), word(n * LANES)), vector)
                    for r in range(rows)
                    for n in range(vectors)
                ]

            begin = [builder.load(p, align=4) for p in places(s_, s_row_)]
            entry, loop, done = builder.block, builder.append_basic_block("k"), builder.append_basic_block("end")
            builder.cbranch(builder.icmp_signed(">", depth_, word(0)), loop, done)
            builder.position_at_end(loop)
            k = builder.phi(word)
            k.add_incoming(word(0), entry)
            sums = [builder.phi(vector) for _ in begin]
            for total, first in zip(sums, begin):
                total.add_incoming(first, entry)
            weights = [
                builder.load(
                    at(
                        w_,
                        builder.add(
                            builder.mul(builder.add(k, builder.mul(depth_, word(n // 2))), word(PANEL)),
                            word(n % 2 * LANES),
                        ),
                        vector,
                    ),
                    align=4,
                )
                for n in range(vectors)
            ]
            new = []
            for r in range(rows):
                one = builder.load(at(v_, builder.add(builder.mul(v_row_, word(r)), k), scalar), align=4)
                spread = builder.insert_element(ir.Constant(vector, ir.Undefined), one, ir.IntType(32)(0))
                spread = builder.shuffle_vector(
                    spread,
                    ir.Constant(vector, ir.Undefined),
                    ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES),
                )
                new += [builder.call(fma, [spread, weights[n], sums[r * vectors + n]]) for n in range(vectors)]
            following = builder.add(k, word(1))
            k.add_incoming(following, loop)
            for total, value in zip(sums, new):
                total.add_incoming(value, loop)
            builder.cbranch(builder.icmp_signed("<", following, depth_), loop, done)
            builder.position_at_end(done)
            finals = [builder.phi(vector) for _ in begin]  # phis come first in a block
            for final, first, value in zip(finals, begin, new):
                final.add_incoming(first, entry)
                final.add_incoming(value, loop)
            for final, place in zip(finals, places(c_, c_row_)):
                builder.store(final, place, align=4)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 8), generate

    return tile


_full, _half, _pair, _single = _tile(_ROWS, 2), _tile(_ROWS // 2, 2), _tile(2, 2), _tile(1, 2)
_single_wide = _tile(1, 8)  # one sample, four panels: enough sums in flight to hide the latency of an addition
_full_narrow, _half_narrow, _single_narrow = _tile(_ROWS, 1), _tile(_ROWS // 2, 1), _tile(1, 1)


@numba.njit(cache=True)
def accumulate(
    c: Any, c_first: int, width: int, v: Any, v_first: int, depth: int, w: Any, w_first: int, rows: int
) -> None:
    """c[:rows, c_first : c_first + width] += v[:rows, v_first : v_first + depth] @ W.

    ``c`` and ``v`` are float32 (samples, floats per row); ``w`` is flat, W packed from ``w_first`` on in panels of
    PANEL columns: panel, source, column. The last panel is padded; so must ``c`` be.
    """
    accumulate_from(c, c_first, width, c, v, v_first, depth, w, w_first, rows)


@numba.njit(cache=True)
def accumulate_from(
    c: Any, c_first: int, width: int, s: Any, v: Any, v_first: int, depth: int, w: Any, w_first: int, rows: int
) -> None:
    """`accumulate` with the sums begun from ``s`` (shaped and placed like ``c``) instead of from ``c`` itself."""
    c_row, s_row, v_row = c.shape[1], s.shape[1], v.shape[1]
    c_at, s_at = c.ctypes.data + 4 * c_first, s.ctypes.data + 4 * c_first
    v_at, w_at = v.ctypes.data + 4 * v_first, w.ctypes.data + 4 * w_first
    for panel in range((width + PANEL - 1) // PANEL):
        narrow = width - panel * PANEL <= LANES
        wide = (panel // 4 + 1) * 4 * PANEL <= width  # this panel is one of four whole ones
        weights = w_at + 4 * panel * PANEL * depth
        r = 0
        while r < rows:
            left = rows - r
            into, begin = c_at + 4 * (panel * PANEL + r * c_row), s_at + 4 * (panel * PANEL + r * s_row)
            out = v_at + 4 * r * v_row
            if left >= _ROWS:
                if narrow:
                    _full_narrow(into, c_row, begin, s_row, out, v_row, weights, depth)
                else:
                    _full(into, c_row, begin, s_row, out, v_row, weights, depth)
                r += _ROWS
            elif left >= _ROWS // 2:
                if narrow:
                    _half_narrow(into, c_row, begin, s_row, out, v_row, weights, depth)
                else:
                    _half(into, c_row, begin, s_row, out, v_row, weights, depth)
                r += _ROWS // 2
            elif narrow:
                _single_narrow(into, c_row, begin, s_row, out, v_row, weights, depth)
                r += 1
            elif left >= 2:
                _pair(into, c_row, begin, s_row, out, v_row, weights, depth)
                r += 2
            else:
                if not wide:
                    _single(into, c_row, begin, s_row, out, v_row, weights, depth)
                elif panel % 4 == 0:
                    _single_wide(into, c_row, begin, s_row, out, v_row, weights, depth)
                r += 1


def packed_size(matrix: Floats) -> int:
    """Floats of `pack` of a matrix of this shape."""
    return -(-matrix.shape[0] // PANEL) * PANEL * matrix.shape[1]


def pack(matrix: Floats) -> Floats:
    """W (targets, sources), float32 in any memory order, as flat panels for `accumulate`."""
    flat = np.empty(packed_size(matrix), np.float32)
    pack_into(matrix, flat)
    return flat


@numba.njit(cache=True)
def pack_into(matrix: Any, flat: Any) -> None:
    """`pack` into memory that is there."""
    targets, sources = matrix.shape
    for panel in range((targets + PANEL - 1) // PANEL):
        first, at = panel * PANEL, panel * PANEL * sources
        here = min(PANEL, targets - first)
        rows, out = matrix[first : first + here], flat[at : at + PANEL * sources].reshape(sources, PANEL)
        # sixteen sources at a time: their cache lines of W are used whole before they leave
        for begin in range(0, sources, 16):
            for k in range(begin, min(begin + 16, sources)):
                for column in range(here):
                    out[k, column] = rows[column, k]
                for column in range(here, PANEL):
                    out[k, column] = 0.0
