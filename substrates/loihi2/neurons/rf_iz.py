"""Resonate and fire with Izhikevich's reset. Source: Lava's public ``PyRF_IZModelFixed``.

real', imag' as ``rf``
spike, real' <- 0 and imag' <- (vth << state_exp) - 1   if imag' >= vth << state_exp
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName
from substrates.loihi2.neurons.rf import RF, rotated
from substrates.loihi2.widths import saturate

__all__ = ["RFIzhikevich", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many saturated."""
    real, imag = state[0], state[1]
    c, s, bits, up, vth = parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]
    n = out.shape[0]
    overflows = 0
    for i in range(n):
        x, y = rotated(np.int64(real[i]), np.int64(imag[i]), c, s, bits)
        x, y = x + np.int64(np.int32(a_in[i] << up)), y + np.int64(np.int32(a_in[n + i] << up))
        new_real, new_imag = saturate(x), saturate(y)
        overflows += int((new_real != x) | (new_imag != y))
        fires = new_imag >= vth
        out[i] = np.int32(fires)
        real[i] = np.int32(0) if fires else np.int32(new_real)
        imag[i] = np.int32(vth - 1) if fires else np.int32(new_imag)
    return overflows


@dataclass(frozen=True, eq=False)
class RFIzhikevich(RF):
    """Parameters as of `RF`."""

    name: ClassVar[str] = "rf-iz"
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.rf_iz.process.RF_IZ", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.rf_iz.process", "RF_IZ")
