"""The annealing neurons: one binary variable each. Our specification, with the ports of lava-optimization's processes.

Beyond those: an own seed and number of random bits, an end, and ``latch_in``, through which the cost integrator says
"the assignment whose cost you sent me two steps ago is the best so far"; the neurons then keep it in ``best``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from lava.magma.core.decorator import implements, requires, tag
from lava.magma.core.model.py.ports import PyInPort
from lava.magma.core.model.py.type import LavaPyType
from lava.magma.core.process.ports.ports import InPort, OutPort
from lava.magma.core.process.process import AbstractProcess
from lava.magma.core.process.variable import Var
from lava.magma.core.resources import CPU
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol

from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.annealing.specification import second_random
from substrates.loihi2.lava.annealing_models import RefractoryBody, TwoPhaseBody
from substrates.loihi2.random import stream_key

__all__ = ["RefractoryAnnealing", "TwoPhaseAnnealing"]

Array = npt.NDArray[Any]


class RefractoryAnnealing(AbstractProcess):
    """Variable neurons that rest after a flip; one time step for one of the algorithm.

    Args:
        cost_diagonal: (n,) Q_ii.
        max_temperature: the temperature before any change arrives.
        start: (n,) first assignment, 0 and 1.
        state: (n,) sum_j Q_ij start_j.
        best: (n,) what is reported if no better cost is ever seen.
        seed: of the random numbers.
        settings: the open choices; see `substrates.loihi2.annealing.Settings`.
        algorithmic_steps: steps after which nothing flips any more, so that the last costs can arrive; None: never.
    """

    def __init__(
        self,
        *,
        shape: tuple[int, ...],
        cost_diagonal: npt.ArrayLike,
        max_temperature: int,
        start: npt.ArrayLike = 0,
        state: npt.ArrayLike = 0,
        best: npt.ArrayLike = 0,
        seed: int = 0,
        settings: Settings | None = None,
        algorithmic_steps: int | None = None,
        name: str | None = None,
    ) -> None:
        settings = settings or Settings()
        super().__init__(
            shape=shape, cost_diagonal=np.asarray(cost_diagonal), seed=seed, settings=settings,
            algorithmic_steps=algorithmic_steps, name=name,
        )  # fmt: skip
        n = int(np.prod(shape))
        rest = np.zeros(n, np.int64)
        if settings.initial_rest and settings.scheme == "refractory":
            rest = second_random(stream_key(seed, "anneal rest"), 0, n) >> settings.refractory_scaling
        self.a_in = InPort(shape=shape)
        self.delta_temperature_in = InPort(shape=shape)
        self.latch_in = InPort(shape=shape)
        self.s_sig_out = OutPort(shape=shape)
        self.s_wta_out = OutPort(shape=shape)
        self.spk_hist = Var(shape=shape, init=np.broadcast_to(np.asarray(start, int), shape).copy())
        self.temperature = Var(shape=shape, init=int(max_temperature))
        self.refract_counter = Var(shape=shape, init=rest.reshape(shape))
        self.state = Var(shape=shape, init=np.broadcast_to(np.asarray(state, int), shape).copy())
        self.best = Var(shape=shape, init=np.broadcast_to(np.asarray(best, int), shape).copy())


class TwoPhaseAnnealing(RefractoryAnnealing):
    """Variable neurons that suggest, then switch; two time steps for one of the algorithm. Arguments as above."""

    def __init__(self, *, shape: tuple[int, ...], **named: object) -> None:
        super().__init__(shape=shape, **named)  # type: ignore[arg-type]
        self.n_switches_in = InPort(shape=shape)
        self.suggest_switch_out = OutPort(shape=shape)


@implements(proc=RefractoryAnnealing, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class RefractoryAnnealingModel(RefractoryBody):
    """CPU model. A cost goes out one step after its assignment came about, so the latch finds it two values back."""

    latch_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, int, precision=24)
    best: Array = LavaPyType(np.ndarray, int, precision=1)

    def run_spk(self) -> None:
        latched = self.latch_in.recv() != 0
        self.best[:] = np.where(latched, (self.spk_hist >> 4) & 1, self.best)
        super().run_spk()


@implements(proc=TwoPhaseAnnealing, protocol=LoihiProtocol)
@requires(CPU)
@tag("fixed_pt", "bit_accurate_loihi")
class TwoPhaseAnnealingModel(TwoPhaseBody):
    """CPU model. A cost goes out in a step that flips nothing, so the latch finds its assignment one value back."""

    latch_in: PyInPort = LavaPyType(PyInPort.VEC_DENSE, int, precision=24)
    best: Array = LavaPyType(np.ndarray, int, precision=1)

    def run_spk(self) -> None:
        latched = self.latch_in.recv() != 0
        self.best[:] = np.where(latched, (self.spk_hist >> 2) & 1, self.best)
        super().run_spk()
