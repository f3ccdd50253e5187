"""A solver network as lava-optimization 0.5.0 wires it, from its public processes or from stand-ins.

The stand-ins have the ports and Vars of the public processes of the same name and nothing else. This module is
imported by the watched worker.
"""

from __future__ import annotations

import numpy as np

from substrates.loihi2.lava.lava_optimization import attach
from substrates.loihi2.lava.loader import load_lava

load_lava()

from lava.magma.core.process.ports.ports import InPort, OutPort  # noqa: E402
from lava.magma.core.process.process import AbstractProcess  # noqa: E402
from lava.magma.core.process.variable import Var  # noqa: E402
from lava.magma.core.run_conditions import RunSteps  # noqa: E402
from lava.proc.dense.process import Dense  # noqa: E402
from lava.proc.sparse.process import Sparse  # noqa: E402
from scipy.sparse import csr_matrix  # noqa: E402

from substrates.loihi2.lava.taps import Tap, tapped_configuration  # noqa: E402


class SimulatedAnnealingLocal(AbstractProcess):
    def __init__(self, *, shape, cost_diagonal, max_temperature, refract_scaling=None, init_value=0, init_state=0):
        super().__init__(shape=shape, cost_diagonal=cost_diagonal, refract_scaling=refract_scaling)
        self.a_in = InPort(shape=shape)
        self.delta_temperature_in = InPort(shape=shape)
        self.s_sig_out = OutPort(shape=shape)
        self.s_wta_out = OutPort(shape=shape)
        self.spk_hist = Var(shape=shape, init=np.zeros(shape, int) + init_value)
        self.temperature = Var(shape=shape, init=int(max_temperature))
        self.refract_counter = Var(shape=shape, init=0)
        self.state = Var(shape=shape, init=np.zeros(shape, int) + init_state)


class SimulatedAnnealing(SimulatedAnnealingLocal):
    def __init__(self, **named):
        super().__init__(**named)
        self.n_switches_in = InPort(shape=named["shape"])
        self.suggest_switch_out = OutPort(shape=named["shape"])


class Annealing(AbstractProcess):
    def __init__(self, *, shape=(1,), max_temperature, min_temperature, delta_temperature, steps_per_temperature,
                 exp_temperature=0, annealing_schedule="linear"):  # fmt: skip
        super().__init__(
            shape=shape, max_temperature=max_temperature, min_temperature=min_temperature,
            delta_temperature=delta_temperature, exp_temperature=exp_temperature, annealing_schedule=annealing_schedule,
        )  # fmt: skip
        self.delta_temperature_out = OutPort(shape=shape)
        self.temperature = Var(shape=shape, init=int(max_temperature))
        self.steps_per_temperature = Var(shape=shape, init=int(steps_per_temperature))
        self.temperature_counter = Var(shape=shape, init=int(steps_per_temperature))


def solve(q: np.ndarray, scheme: str, steps: int, schedule: dict, seed: int) -> dict[str, np.ndarray]:
    """Run the network of stand-ins; return histories: x, summed cost shares, temperatures."""
    attach(seed=seed, processes=(SimulatedAnnealing, SimulatedAnnealingLocal, Annealing))
    n = len(q)
    off = csr_matrix(q - np.diag(np.diag(q)))
    named = {"shape": (n,), "cost_diagonal": np.diag(q), "max_temperature": schedule["max_temperature"]}
    variables = SimulatedAnnealing(**named) if scheme == "sa" else SimulatedAnnealingLocal(**named, refract_scaling=5)
    annealing = Annealing(**schedule)
    gradient = Sparse(weights=off, num_message_bits=24)
    variables.s_wta_out.connect(gradient.s_in)
    gradient.a_out.connect(variables.a_in)
    broadcast = Dense(weights=np.ones((n, 1)), num_message_bits=24)
    annealing.delta_temperature_out.connect(broadcast.s_in)
    broadcast.a_out.connect(variables.delta_temperature_in)
    if scheme == "sa":
        conflicts = Sparse(weights=(off != 0).astype(int), num_message_bits=24)
        variables.suggest_switch_out.connect(conflicts.s_in)
        conflicts.a_out.connect(variables.n_switches_in)
    tap = Tap(("spk_hist", "temperature"), steps, n, port="s_sig_out")
    variables.run(condition=RunSteps(num_steps=steps), run_cfg=tapped_configuration({variables: [tap]}))
    variables.stop()
    states = tap.states()
    return {"x": states["spk_hist"] & 1, "cost": tap.messages().sum(axis=1), "temperature": states["temperature"][:, 0]}


def solve_with_the_package(q: np.ndarray, scheme: str, steps: int, schedule: dict, seed: int) -> tuple[int, np.ndarray]:
    """lava-optimization's own solver, unchanged, on its CPU back end."""
    attach(seed=seed)
    from lava.lib.optimization.problems.problems import QUBO
    from lava.lib.optimization.solvers.generic.solver import OptimizationSolver, SolverConfig

    hyper = {"neuron_model": scheme, "refract_scaling": 5, **schedule}
    config = SolverConfig(timeout=steps, target_cost=-(2**30), hyperparameters=hyper, backend="CPU")
    report = OptimizationSolver(QUBO(q)).solve(config)
    return int(report.best_cost), np.asarray(report.best_state).astype(int)
