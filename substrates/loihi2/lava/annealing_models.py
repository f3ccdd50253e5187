"""Lava models of annealing populations, without a process: our processes and lava-optimization's both take them.

A model is a class body (`TwoPhaseBody`, ...); `annealing_model` binds it to a process class.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing.settings import Settings
from substrates.loihi2.lava.annealing_steps import AnnealingState, cost_shares
from substrates.loihi2.lava.loader import load_lava

load_lava()

from lava.magma.core.decorator import implements, requires, tag  # noqa: E402
from lava.magma.core.model.py.model import PyLoihiProcessModel  # noqa: E402
from lava.magma.core.model.py.ports import PyInPort, PyOutPort  # noqa: E402
from lava.magma.core.model.py.type import LavaPyType  # noqa: E402
from lava.magma.core.resources import CPU  # noqa: E402
from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol  # noqa: E402

__all__ = ["AnnealingBody", "RefractoryBody", "TemperatureBody", "TwoPhaseBody", "annealing_model"]

Array = npt.NDArray[Any]


def _state(bits: int) -> LavaPyType:
    return LavaPyType(np.ndarray, int, precision=bits)


def _in() -> LavaPyType:
    return LavaPyType(PyInPort.VEC_DENSE, int, precision=24)


def _out() -> LavaPyType:
    return LavaPyType(PyOutPort.VEC_DENSE, int, precision=24)


def annealing_model(process: type, body: type, **attributes: Any) -> type:
    """A model class that implements ``process`` with ``body``; ``attributes`` are set on the class."""
    module = attributes.pop("__module__", process.__module__)
    model = type(f"{process.__name__}Model", (body,), {"__module__": module, "__doc__": body.__doc__, **attributes})
    return tag("fixed_pt", "bit_accurate_loihi")(requires(CPU)(implements(process, LoihiProtocol)(model)))


class AnnealingBody(PyLoihiProcessModel):
    """What both schemes share.

    ``spk_hist`` holds the last four values of the variable, two bits each, the newest lowest: the public read-out
    decodes it so. A cost share goes out for the assignment that ``state`` belongs to.
    """

    a_in: PyInPort = _in()
    delta_temperature_in: PyInPort = _in()
    s_sig_out: PyOutPort = _out()
    s_wta_out: PyOutPort = _out()
    spk_hist: Array = _state(8)
    temperature: Array = _state(16)
    refract_counter: Array = _state(8)
    state: Array = _state(24)

    seed = 0  #: for processes that have no parameter for it

    def __init__(self, proc_params: Any) -> None:
        super().__init__(proc_params)
        get = proc_params.get
        settings = get("settings")
        if settings is None:  # a process of lava-optimization: it knows the refractory scaling only
            scaling = get("refract_scaling")
            settings = Settings(refractory_scaling=4 if scaling is None else min(int(scaling), 8))
        diagonal = np.broadcast_to(np.asarray(get("cost_diagonal")), get("shape")).ravel()
        seed = self.seed if get("seed") is None else get("seed")
        self.rules = AnnealingState(diagonal, seed=int(seed), settings=settings)
        steps = get("algorithmic_steps")
        self.last = None if steps is None else int(steps)

    def receive(self) -> None:
        """Take in what arrived: changes of temperature, changes of neighbours."""
        self.temperature[:] += np.asarray(self.delta_temperature_in.recv()).astype(int)
        self.state[:] = self.rules.receive(self.state.astype(np.int64), self.a_in.recv())

    def shift(self, x: Array) -> None:
        """Add the newest values to the history."""
        self.spk_hist[:] = ((self.spk_hist << 2) & 0xFF) | x

    def running(self, step: int) -> bool:
        """Whether algorithmic step ``step`` is still to be done; afterwards costs are reported, nothing flips."""
        return self.last is None or step < self.last

    def shares(self, x: Array) -> Array:
        return cost_shares(x, self.state.astype(np.int64), self.rules.diagonal)


class TwoPhaseBody(AnnealingBody):
    """Suggest in odd time steps, switch in even ones: two time steps for one of the algorithm."""

    n_switches_in: PyInPort = _in()
    suggest_switch_out: PyOutPort = _out()

    def run_spk(self) -> None:
        self.receive()
        rivals = self.n_switches_in.recv()
        x = (self.spk_hist & 1).astype(np.int64)
        none = np.zeros_like(x)
        step, second = divmod(self.time_step - 1, 2)
        if second:
            flips = self.rules.switch(rivals)
            new = np.where(flips, 1 - x, x)
            suggest, changes, shares = none, new - x, none
        else:
            wishes = self.rules.suggest(x, self.state.astype(np.int64), self.temperature.astype(np.int64), step)
            if not self.running(step):
                wishes[:] = False
            suggest, changes, shares, new = wishes.astype(np.int64), none, self.shares(x), x
        self.shift(new)
        self.suggest_switch_out.send(suggest)
        self.s_wta_out.send(changes)
        self.s_sig_out.send(shares)


class RefractoryBody(AnnealingBody):
    """Test and flip in every time step; a neuron that flipped rests for a random while."""

    def run_spk(self) -> None:
        self.receive()
        x = (self.spk_hist & 1).astype(np.int64)
        step = self.time_step - 1
        shares = self.shares(x)
        new = x
        if self.running(step):
            u, temperature = self.state.astype(np.int64), self.temperature.astype(np.int64)
            counter = self.refract_counter.astype(np.int64)
            new = np.where(self.rules.flip_and_rest(x, u, temperature, counter, step), 1 - x, x)
            self.refract_counter[:] = counter
        self.shift(new)
        self.s_wta_out.send(new - x)
        self.s_sig_out.send(shares)


class TemperatureBody(PyLoihiProcessModel):
    """Changes the temperature every ``steps_per_temperature`` time steps and sends the change.

    linear: T - delta; geometric: (T * delta) >> exp. Below the minimum it starts again from the maximum, as
    lava-optimization documents. ``steps_per_temperature = 0`` keeps the temperature.
    """

    delta_temperature_out: PyOutPort = _out()
    temperature: Array = _state(16)
    steps_per_temperature: Array = _state(24)
    temperature_counter: Array = _state(24)

    def run_spk(self) -> None:
        old = self.temperature.astype(np.int64)
        self.temperature_counter[:] -= 1
        due = (self.temperature_counter <= 0) & (self.steps_per_temperature > 0)
        new = np.where(due, self.lower(old), old)
        self.temperature_counter[:] = np.where(due, self.steps_per_temperature, self.temperature_counter)
        self.temperature[:] = new
        self.delta_temperature_out.send(new - old)

    def lower(self, old: Array) -> Array:
        """The next temperature."""
        params = self.proc_params
        delta = np.int64(params["delta_temperature"])
        if params["annealing_schedule"] == "geometric":
            new = (old * delta) >> np.int64(params["exp_temperature"])
        else:
            new = old - delta
        return np.where(new < params["min_temperature"], np.int64(params["max_temperature"]), new)
