"""The matrix product of the compiled relaxation.

A library product may sum in another order for another batch size, so that a sample's last bits depend on its
neighbours. Here every output is  c + v_0 w_0 + v_1 w_1 + ...  summed in that order with fused multiply-adds, in
every tile size, so a sample is the same alone and in company. The tile is written in LLVM's own vector types
because the automatic vectoriser uses half the width of current server cores.
"""

from __future__ import annotations

from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

__all__ = ["PANEL", "accumulate", "pack"]

_WIDE = bool(llvm.get_host_cpu_features().get("avx512f"))
#: floats in one vector register
LANES = 16 if _WIDE else 8
#: columns of a packed panel of weights
PANEL = 2 * LANES
#: rows (samples) of the largest tile; accumulators must fit the registers
_ROWS = 8 if _WIDE else 4


def _tile(rows: int, vectors: int) -> Any:
    """An intrinsic: c[r, :] += v[r, :] @ w for ``rows`` samples and ``vectors`` registers of columns.

    Arguments are addresses and, for ``c`` and ``v``, the number of floats from one row to the next; ``w`` is a
    packed panel: PANEL floats per source neuron, panels one after another.
    """

    @intrinsic
    def tile(typing_context: Any, c: Any, c_row: Any, v: Any, v_row: Any, w: Any, depth: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            c_, c_row_, v_, v_row_, w_, depth_ = arguments
            word, scalar = ir.IntType(64), ir.FloatType()
            vector = ir.VectorType(scalar, LANES)
            fma = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
            )

            def at(base: Any, floats: Any, kind: Any) -> Any:
                address = builder.add(base, builder.shl(floats, word(2)))
                return builder.inttoptr(address, kind.as_pointer())

            places = [
                at(c_, builder.add(builder.mul(c_row_, word(r)), word(n * LANES)), vector)
                for r in range(rows)
                for n in range(vectors)
            ]
            begin = [builder.load(p, align=4) for p in places]
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
            for final, place in zip(finals, places):
                builder.store(final, place, align=4)
            return context.get_dummy_value()

        return types.void(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64), generate

    return tile


_full, _half, _single = _tile(_ROWS, 2), _tile(_ROWS // 2, 2), _tile(1, 2)
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
    c_row, v_row = c.shape[1], v.shape[1]
    c_at, v_at, w_at = c.ctypes.data + 4 * c_first, v.ctypes.data + 4 * v_first, w.ctypes.data + 4 * w_first
    for panel in range((width + PANEL - 1) // PANEL):
        narrow = width - panel * PANEL <= LANES
        wide = (panel // 4 + 1) * 4 * PANEL <= width  # this panel is one of four whole ones
        here, weights = c_at + 4 * panel * PANEL, w_at + 4 * panel * PANEL * depth
        r = 0
        while r + _ROWS <= rows:
            if narrow:
                _full_narrow(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            else:
                _full(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            r += _ROWS
        if r + _ROWS // 2 <= rows:
            if narrow:
                _half_narrow(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            else:
                _half(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            r += _ROWS // 2
        while r < rows:
            if wide:
                if panel % 4 == 0:
                    _single_wide(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            elif narrow:
                _single_narrow(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            else:
                _single(here + 4 * r * c_row, c_row, v_at + 4 * r * v_row, v_row, weights, depth)
            r += 1


def pack(
    matrix: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """W (targets, sources) as flat panels for `accumulate`."""
    targets, sources = matrix.shape
    panels = -(-targets // PANEL)
    padded = np.zeros((panels * PANEL, sources), np.float32)
    padded[:targets] = matrix
    return np.ascontiguousarray(padded.reshape(panels, PANEL, sources).transpose(0, 2, 1)).ravel()
