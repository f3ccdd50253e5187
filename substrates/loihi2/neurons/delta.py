"""Delta: sends its input's change once that reaches a threshold. Source: Lava's public ``PyDeltaModelFixed``.

    act'    = a_in << (spike_exp + state_exp)
    delta   = act' - act + residue
    error  += delta                                  (with cum_error)
    s       = delta if |error or delta| >= vth' else 0;   error <- 0 if s != 0
    residue = delta - s,   act <- act'
    message = s >> state_exp                         rounds down

with vth' = vth << (spike_exp + state_exp). ``encode`` is the part that sigma-delta shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from numba import njit

from substrates.loihi2.neurons.base import IN_CLOSED_EXTENSION, ChipModel, Int32, LavaName, LavaProcess, Neuron
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import STATE_MAX, integer_in, outside

__all__ = ["Delta", "advance", "check_encoder", "encode"]


@njit(cache=True, inline="always")
def encode(
    act: np.int32, before: np.int32, residue: np.int32, error: np.int32, vth: np.int32, cumulative: bool
) -> tuple[np.int32, np.int32, np.int32]:
    """Return (message before its shift, residue, error) of one neuron."""
    delta = np.int32(np.int32(act - before) + residue)
    judged = delta
    if cumulative:
        error = np.int32(error + delta)
        judged = error
    sent = delta if np.int32(abs(judged)) >= vth else np.int32(0)
    if cumulative and sent != 0:
        error = np.int32(0)
    return sent, np.int32(delta - sent), error


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many activations or residues are outside 24 bits."""
    act, residue, error = state[0], state[1], state[2]
    vth, up, down = np.int32(parameters[0]), np.int32(parameters[1]), np.int32(parameters[2])
    cumulative = parameters[3] != 0
    overflows = 0
    for i in range(act.shape[0]):
        new = np.int32(a_in[i] << up)
        sent, residue[i], error[i] = encode(new, act[i], residue[i], error[i], vth, cumulative)
        act[i] = new
        out[i] = np.int32(sent >> down)
        overflows += outside(new) | outside(residue[i]) | outside(sent)
    return overflows


def check_encoder(vth: int, spike_exp: int, state_exp: int) -> None:
    """Check what delta and sigma-delta neurons have in common.

    Raises:
        InputError: an exponent is out of range, or the shifted threshold does not fit 24 bits.
    """
    integer_in("spike_exp", spike_exp, 0, 7)
    integer_in("state_exp", state_exp, 0, 7)
    integer_in("vth", vth, 0, STATE_MAX >> (spike_exp + state_exp))


@dataclass(frozen=True, eq=False)
class Delta(Neuron):
    """Parameters of a delta population.

    Args:
        vth: threshold of the change, in units of the input; 0 sends every change.
        cum_error: judge the accumulated error instead of the single change.
        spike_exp: shift of messages and input, 0 to 7.
        state_exp: extra places kept in the state, 0 to 7.
    """

    vth: int = 0
    cum_error: bool = False
    spike_exp: int = 0
    state_exp: int = 0

    name: ClassVar[str] = "delta"
    variables: ClassVar[tuple[str, ...]] = ("act", "residue", "error")
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.sdn.process.Delta", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.sdn.process", "Delta")

    def __post_init__(self) -> None:
        check_encoder(self.vth, self.spike_exp, self.state_exp)

    @classmethod
    def from_lava(cls, given: Given) -> Delta:
        up = given.integer("spike_exp") + given.integer("state_exp")
        return cls(
            vth=given.unscaled("vth", up), cum_error=bool(given.integer("cum_error")),
            spike_exp=given.integer("spike_exp"), state_exp=given.integer("state_exp"),
        )  # fmt: skip

    def parameters(self) -> tuple[int, ...]:
        up = self.spike_exp + self.state_exp
        return (self.vth << up, up, self.state_exp, int(self.cum_error))

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {
            "shape": (n,), "vth": self.vth, "cum_error": self.cum_error,
            "spike_exp": self.spike_exp, "state_exp": self.state_exp,
        }  # fmt: skip
        return LavaProcess(self.process, arguments)
