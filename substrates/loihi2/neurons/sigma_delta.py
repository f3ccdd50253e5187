"""Sigma-delta: sums messages, applies an activation, sends changes. Source: Lava's public ``PySigmaDeltaModelFixed``.

    sigma  += a_in
    act'    = sigma + bias'  or  max(sigma + bias', 0)
    then as ``delta``: encode act' against act, message = s >> state_exp

with vth' and bias' = vth and bias << (spike_exp + state_exp). This is the released lava-nc 0.10 rule; its unreleased
"corrected" variant is not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2.neurons.base import (
    IN_CLOSED_EXTENSION,
    ChipModel,
    Int32,
    LavaName,
    LavaProcess,
    Neuron,
    per_neuron,
)
from substrates.loihi2.neurons.delta import check_encoder, encode
from substrates.loihi2.neurons.given import Given
from substrates.loihi2.widths import integer_array, outside

RELU_MODE = 1  #: of Lava's ``ActivationMode``

__all__ = ["SigmaDelta", "advance"]


@njit(cache=True, error_model="numpy")
def advance(
    state: Int32, a_in: Int32, bias: Int32, out: Int32, parameters: npt.NDArray[np.int64], table: Int32, time: int
) -> int:
    """One step of every neuron; returns how many sums, activations or residues are outside 24 bits."""
    sigma, act, residue, error = state[0], state[1], state[2], state[3]
    vth, down = np.int32(parameters[0]), np.int32(parameters[1])
    cumulative, relu = parameters[2] != 0, parameters[3] != 0
    overflows = 0
    for i in range(sigma.shape[0]):
        total = np.int32(sigma[i] + a_in[i])
        sigma[i] = total
        new = np.int32(total + bias[i])
        if relu:
            new = max(new, np.int32(0))
        sent, residue[i], error[i] = encode(new, act[i], residue[i], error[i], vth, cumulative)
        act[i] = new
        out[i] = np.int32(sent >> down)
        overflows += outside(total) | outside(new) | outside(residue[i]) | outside(sent)
    return overflows


@dataclass(frozen=True, eq=False)
class SigmaDelta(Neuron):
    """Parameters of a sigma-delta population.

    Args:
        vth: threshold of the change.
        bias: -32768 to 32767, one number or one per neuron.
        activation: "relu" or "unit" (the identity).
        cum_error, spike_exp, state_exp: as for `Delta`.
    """

    vth: int = 0
    bias: Any = 0
    activation: Literal["relu", "unit"] = "relu"
    cum_error: bool = False
    spike_exp: int = 0
    state_exp: int = 0

    name: ClassVar[str] = "sigma-delta"
    variables: ClassVar[tuple[str, ...]] = ("sigma", "act", "residue", "error")
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(advance)
    chip: ClassVar[ChipModel] = ChipModel("lava.proc.sdn.process.SigmaDelta", IN_CLOSED_EXTENSION)
    process: ClassVar[LavaName] = LavaName("lava.proc.sdn.process", "SigmaDelta")

    def __post_init__(self) -> None:
        check_encoder(self.vth, self.spike_exp, self.state_exp)
        integer_array("the bias", self.bias, -(2**15), 2**15 - 1)
        if self.activation not in ("relu", "unit"):
            raise InputError(f"a sigma-delta neuron's activation is 'relu' or 'unit', got {self.activation!r}")

    @classmethod
    def from_lava(cls, given: Given) -> SigmaDelta:
        up = given.integer("spike_exp") + given.integer("state_exp")
        return cls(
            vth=given.unscaled("vth", up), bias=given.unscaled("bias", up),
            activation="relu" if given.integer("act_mode") == RELU_MODE else "unit",
            cum_error=bool(given.integer("cum_error")), spike_exp=given.integer("spike_exp"),
            state_exp=given.integer("state_exp"),
        )  # fmt: skip

    def parameters(self) -> tuple[int, ...]:
        up = self.spike_exp + self.state_exp
        return (self.vth << up, self.state_exp, int(self.cum_error), int(self.activation == "relu"))

    def bias_values(self, n: int) -> Int32:
        return per_neuron("the bias", self.bias, n) << np.int32(self.spike_exp + self.state_exp)

    def lava(self, n: int) -> LavaProcess | None:
        arguments = {
            "shape": (n,), "vth": self.vth, "bias": per_neuron("the bias", self.bias, n).astype(np.int64),
            "act_mode": LavaName("lava.proc.sdn.process", f"ActivationMode.{self.activation.upper()}"),
            "cum_error": self.cum_error, "spike_exp": self.spike_exp, "state_exp": self.state_exp,
        }  # fmt: skip
        return LavaProcess(self.process, arguments)
