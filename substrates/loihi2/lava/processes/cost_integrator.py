"""The cost integrator: adds the shares, keeps the least cost in 8 + 24 bits, and says when it was improved.

The cost is kept in two registers as lava-optimization's public integrator does: ``cost = (first << 24) + last`` with a
signed first byte and three unsigned last ones. On an improvement it sends a latch spike back to the variable neurons,
which then keep the assignment; costs are read every ``hold``-th time step only, when shares arrive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyInPort, PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

__all__ = ["CostIntegrator", "CostIntegratorModel", "join_cost", "split_cost"]

Array = npt.NDArray[Any]


def split_cost(cost: int) -> tuple[int, int]:
    """(first byte, signed; last three bytes, unsigned) of a 32-bit cost."""
    return cost >> 24, cost & (2**24 - 1)


def join_cost(first: int, last: int) -> int:
    """The cost that `split_cost` took apart."""
    return (first << 24) + last


class CostIntegrator(AbstractProcess):
    """One neuron: cost in, latch out.

    Vars: the current and the least cost in two registers each, and ``best_step``, the algorithmic steps done when the
    least was reached (0: the start).

    Args:
        min_cost: least cost known at the start, at most 0 (all zeros cost nothing).
        hold: time steps per algorithmic step.
    """

    def __init__(self, *, min_cost: int = 0, hold: int = 1, name: str | None = None) -> None:
        super().__init__(shape=(1,), hold=hold, name=name)
        first, last = split_cost(int(min_cost))
        self.cost_in = InPort(shape=(1,))
        self.latch_out = OutPort(shape=(1,))
        self.cost_first_byte = Var(shape=(1,), init=0)
        self.cost_last_bytes = Var(shape=(1,), init=0)
        self.cost_min_first_byte = Var(shape=(1,), init=first)
        self.cost_min_last_bytes = Var(shape=(1,), init=last)
        self.best_step = Var(shape=(1,), init=0)


@implements(proc=CostIntegrator, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class CostIntegratorModel(PyLoihiProcessModel):
    """CPU model. Shares sent at step t arrive at t + 1; those of the refractory scheme belong to step t - 1."""

    cost_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, int, precision=32)
    latch_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, int, precision=1)
    cost_first_byte: Array = LavaPyType(np.ndarray, int, precision=8)
    cost_last_bytes: Array = LavaPyType(np.ndarray, int, precision=24)
    cost_min_first_byte: Array = LavaPyType(np.ndarray, int, precision=8)
    cost_min_last_bytes: Array = LavaPyType(np.ndarray, int, precision=24)
    best_step: Array = LavaPyType(np.ndarray, int, precision=24)

    def run_spk(self) -> None:
        cost = int(np.clip(self.cost_in.recv()[0], -(2**31), 2**31 - 1))
        improved = False
        sent_at = self.time_step - 2  # time steps done before the shares were sent
        if sent_at >= 0 and sent_at % self.proc_params["hold"] == 0:
            least = join_cost(int(self.cost_min_first_byte[0]), int(self.cost_min_last_bytes[0]))
            improved = cost < least
            self.cost_first_byte[0], self.cost_last_bytes[0] = split_cost(cost)
            if improved:
                self.cost_min_first_byte[0], self.cost_min_last_bytes[0] = split_cost(cost)
                self.best_step[0] = sent_at // self.proc_params["hold"]
        self.latch_out.send(np.array([int(improved)]))
