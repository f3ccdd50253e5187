"""The temperature neuron: tells every variable neuron how the temperature changes. Linear, geometric, or a series.

The change for time step t + 1 leaves at step t and arrives, through an all-ones connection, at t + 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.model import PyLoihiProcessModel
from lava.magma.core.model.py.ports import PyOutPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

__all__ = ["Temperature", "TemperatureModel"]

Array = npt.NDArray[Any]


class Temperature(AbstractProcess):
    """One neuron that follows a series of temperatures, ``hold`` time steps each; the last one stays.

    Args:
        series: temperatures, integers from 0 to 65535.
        hold: time steps per temperature (2 for the two-phase scheme).
    """

    def __init__(self, *, series: npt.ArrayLike, hold: int = 1, name: str | None = None) -> None:
        values = np.atleast_1d(np.asarray(series)).astype(np.int64)
        super().__init__(shape=(1,), hold=hold, name=name)
        self.delta_temperature_out = OutPort(shape=(1,))
        self.temperature = Var(shape=(1,), init=int(values[0]))
        self.series = Var(shape=values.shape, init=values)


@implements(proc=Temperature, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class TemperatureModel(PyLoihiProcessModel):
    """CPU model."""

    delta_temperature_out: PyOutPort = LavaPyType(PyOutPort.VEC_DENSE, int, precision=24)
    temperature: Array = LavaPyType(np.ndarray, int, precision=16)
    series: Array = LavaPyType(np.ndarray, int, precision=16)

    def run_spk(self) -> None:
        following = self.time_step // self.proc_params["hold"]  # time_step is the number of steps done afterwards
        new = self.series[min(following, self.series.size - 1)]
        change = np.array([new]) - self.temperature
        self.temperature[:] = new
        self.delta_temperature_out.send(change)
