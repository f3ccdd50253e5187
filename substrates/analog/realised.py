"""A relaxation machine as a circuit sees it: the weights its cells really have, its neurons' own values, and time.

tau_i du_i/dt = sum_j W_ij v_j + b_i - u_i + force_i,        v_i = sigma(g_i u_i + o_i)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.network import Network

if TYPE_CHECKING:
    from substrates.base import RelaxationSubstrate

__all__ = ["Realised", "realised", "time_course"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Realised:
    """What is there.

    Attributes:
        network: with the weights that conduct.
        gains, offsets, time_constants: per population, (neurons,); time constants relative to the nominal one.
        wanted: per coupling, the weights that were asked for.
        chip: the chip's parameters that are not zero; ``seed`` its number.
    """

    network: Network
    gains: tuple[Floats, ...]
    offsets: tuple[Floats, ...]
    time_constants: tuple[Floats, ...]
    wanted: tuple[Floats, ...]
    chip: dict[str, Any]
    seed: int

    def notes(self) -> list[str]:
        """Comment lines for a netlist."""
        if not self.chip:
            return ["ideal: no chip instance"]
        return [f"chip instance {self.seed}: {', '.join(f'{k} {v:g}' for k, v in self.chip.items())}"]


def realised(machine: RelaxationSubstrate) -> Realised:
    """What the machine's chip has. An ideal machine has its network's parameters.

    Raises:
        InputError: a machine whose couplings are not all dense, or that is no relaxation network in continuous time.
    """
    from substrates.analog.ideal import IdealMachine
    from substrates.analog.machine import AnalogMachine

    if not isinstance(machine, (IdealMachine, AnalogMachine)):
        raise InputError(
            f"{type(machine).__name__} is no relaxation network in continuous time; expected an ideal or analog machine"
        )
    network = machine.network
    if any(not c.dense for c in network.couplings):
        raise InputError("only dense couplings have a netlist; this network has others")
    sizes = [p.size for p in network.populations]
    wanted = tuple(c.matrix.detach().cpu().double().numpy() for c in network.couplings)
    ones, zeros = tuple(np.ones(n) for n in sizes), tuple(np.zeros(n) for n in sizes)
    if isinstance(machine, IdealMachine):
        return Realised(network, ones, zeros, ones, wanted, {}, 0)
    instance = machine.instance
    chip = {k: v for k, v in machine.chip.as_dict().items() if v and k not in ("transposed_reads", "time_constant_s")}
    return Realised(
        machine.realised_network(),
        tuple(instance.gain),
        tuple(instance.offset),
        tuple(instance.time_constant),
        wanted,
        chip,
        instance.seed,
    )


def time_course(
    machine: RelaxationSubstrate,
    inputs: Floats,
    seconds: Floats,
    *,
    time_constant_s: float = 1e-7,
    force: Floats | None = None,
    beta: float = 0.0,
    target: Floats | None = None,
    tolerance: float = 1e-10,
) -> tuple[Floats, Floats]:
    """(times, neurons) membranes and activities of one sample from rest, by SciPy's LSODA.

    Args:
        inputs: one sample, flattened.
        seconds: (times,) rising from 0.
        force: held current into the outputs; ``beta`` and ``target`` one that follows, beta (v - target).
    """
    import torch
    from scipy.integrate import solve_ivp

    real = realised(machine)
    network = real.network
    bounds = np.cumsum([0] + [p.size for p in network.populations])
    tau = np.concatenate(real.time_constants) * time_constant_s
    gain, offset = np.concatenate(real.gains), np.concatenate(real.offsets)
    matrix = np.zeros((bounds[-1],) * 2)
    constant = np.zeros(bounds[-1])
    for coupling in network.couplings:
        rows = slice(bounds[coupling.target], bounds[coupling.target + 1])
        weights = coupling.matrix.detach().double().numpy()
        if coupling.source < 0:
            constant[rows] += weights @ np.asarray(inputs, np.float64).ravel()
        else:
            matrix[rows, bounds[coupling.source] : bounds[coupling.source + 1]] += weights
        if coupling.bias is not None:
            constant[rows] += coupling.bias.detach().double().numpy()
    out = slice(int(bounds[-2]), int(bounds[-1]))
    if force is not None:
        constant[out] += force
    if target is not None:
        constant[out] -= beta * target
        matrix[out, out] += beta * np.eye(bounds[-1] - bounds[-2])

    def activate(u: Floats) -> Floats:
        z = torch.from_numpy(gain * u + offset)
        parts = [
            a.function(z[lo:hi]) for a, lo, hi in zip(network.activations, bounds[:-1].tolist(), bounds[1:].tolist())
        ]
        return np.asarray(torch.cat(parts).numpy(), np.float64)

    def slope(_t: float, u: Floats) -> Floats:
        return (matrix @ activate(u) + constant - u) / tau

    found = solve_ivp(
        slope, (0.0, float(seconds[-1])), np.zeros(bounds[-1]), "LSODA", seconds, rtol=tolerance, atol=tolerance
    )
    return found.y.T, np.stack([activate(u) for u in found.y.T])
