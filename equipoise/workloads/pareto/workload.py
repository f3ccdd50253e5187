"""Several costs at once: a front by annealing weighted sums that end hot.

Every weight of a simplex grid makes one QUBO, sum_m round(64 w_m) Q_m, annealed many times on the same neurons
(synapses and biases are written anew for each weight, and counted). What no other state beats, of all reads of all
weights, is the answer. The exact optimum of every weight gives supported points only, however good the solver (control
``every weight's optimum``); anneals that end at a temperature of ``end`` times the largest coefficient scatter around
it and find the others. Beyond 20 variables there is no exact front: then the best front that local search knows is the
yardstick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.targets import Target
from equipoise.workloads.annealing import Annealed
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.pareto.fronts import (
    Points,
    Scale,
    States,
    Triangles,
    costs,
    diversity,
    enumerate_front,
    not_dominated,
    r2,
    simplex,
    volume,
)
from equipoise.workloads.pareto.searches import have_pymoo, local_search, nsga2, weighted_optima
from equipoise.workloads.pictures import MARKS
from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.seeds import derive_seed

__all__ = ["Objectives", "ParetoQubo"]

LARGEST_ENUMERATED = 20
UNITS = 64  #: a weight of one


@dataclass(frozen=True, eq=False)
class Objectives:
    """An instance: matrices (M, n, n), the weights of the grid, and how each is annealed."""

    matrices: Triangles
    weights: Points
    reads: int
    steps: int
    start: float
    end: float
    seed: int

    @property
    def whole_weights(self) -> npt.NDArray[np.int64]:
        """(W, M) as the machine has them."""
        return np.rint(UNITS * self.weights).astype(np.int64)


class ParetoQubo(Workload):
    """See the module."""

    title = "the front of several QUBO costs at once"
    unit = "front"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "twenty": {"variables": 20},
        "three": {"variables": 20, "objectives": 3},
        "cold": {"end": 0.05},
        "large": {"variables": 60},
    }
    unsuitable: ClassVar[Mapping[str, str]] = {
        "lava-sim": "it does some hundred steps a second, and a front takes a million; loihi2-sim gives the same bits",
        "cpu": "its searches have no temperature, so they cannot end hot",
    }

    def instance(
        self,
        seed: int,
        *,
        variables: int = 16,
        objectives: int = 2,
        density: float = 0.5,
        reads: int = 100,
        steps: int = 500,
        start: float = 0.9,
        end: float = 0.47,
    ) -> Objectives:
        """``objectives`` random matrices of ``density``, coefficients from -100 to 100; ``start`` and ``end`` are
        temperatures over 64 times the largest coefficient.
        """
        check_sizes(("variables", variables, 2, 500), ("objectives", objectives, 2, 3), ("reads", reads, 1, 100_000),
                  ("steps", steps, 1, 10**7), ("density", density, 0.0, 1.0), ("start", start, end, 100.0),
                  ("end", end, 0.0, 100.0))  # fmt: skip
        rng = self.draw(seed, "objectives")
        shape = (objectives, variables, variables)
        values = rng.integers(-100, 101, shape) * (rng.random(shape) < density)
        diagonal = np.eye(variables, dtype=bool)
        values = np.triu(np.where(diagonal, rng.integers(-100, 101, shape), values))
        weights = simplex(objectives, 20 if objectives == 2 else 10)
        return Objectives(values.astype(np.int64), weights, reads, steps, start, end, seed)

    def truth(self, instance: Objectives) -> Truth:
        """All states, sorted and filtered."""
        n = instance.matrices.shape[1]
        if n <= LARGEST_ENUMERATED:
            return Truth(enumerate_front(instance.matrices), f"all 2^{n} states, those that none beats")
        starts = self._search(instance, 20)
        return Truth(starts, f"2^{n} states are too many; the front of a local search from 20 states", exact=False)

    def _search(self, instance: Objectives, starts: int) -> States:
        return local_search(instance.matrices, self.draw(instance.seed, "local search"), starts)

    def program(self, instance: Objectives, target: Target) -> list[Annealed]:
        """One QUBO for each weight, temperatures given."""
        n = instance.matrices.shape[1]
        largest = float(np.abs(instance.matrices).max())
        made = []
        for weight in instance.whole_weights:
            q = np.tensordot(weight, instance.matrices, 1)
            rows, cols = np.triu_indices(n, 1)
            annealed = Annealed(target, Problem.build(np.diag(q).copy(), rows, cols, q[rows, cols]))
            annealed.temperatures = (instance.start * UNITS * largest, instance.end * UNITS * largest)
            made.append(annealed)
        return made

    def run(self, instance: Objectives, program: list[Annealed], seed: int) -> Run:
        """(W reads, n) states."""
        ledger, states = Ledger(), []
        for k, annealed in enumerate(program):
            own = derive_seed(seed, "weight", k) % 2**63
            linear = annealed.problem.linear
            found, spent = annealed.anneal(linear, steps=instance.steps, reads=instance.reads, seed=own)
            states.append(found)
            ledger.merge(spent)
            if spent.total(Event.HOST_WRITES):  # a Loihi 2 program; others count the cells they write
                synapses = 2 * annealed.problem.num_pairs
                ledger.add(Event.WEIGHT_WRITES, synapses, component=Component.SYNAPSES, phase=Phase.PROGRAM)
        return Run(np.concatenate(states), ledger)

    def decode(self, instance: Objectives, states: States) -> States:
        """(k, n) the states that none of the others beats."""
        states = np.unique(states, axis=0)
        return states[not_dominated(costs(instance.matrices, states))]

    def controls(self, instance: Objectives) -> dict[str, Control]:
        """Local search on fronts, NSGA-II where pymoo is, every weight's optimum, and as many random states."""
        n, matrices = instance.matrices.shape[1], instance.matrices
        count = len(instance.weights) * instance.reads

        def random_states() -> States:
            return self.decode(instance, self.draw(instance.seed, "random").integers(0, 2, (count, n), dtype=np.uint8))

        found = {
            "local search": Control(
                "classical", "Pareto local search from 5 states", lambda: self._search(instance, 5)
            ),
            "random states": Control("trivial", f"the best of {count} random states", random_states),
        }  # fmt: skip
        if n <= LARGEST_ENUMERATED:
            found["every weight's optimum"] = Control(
                "other", "enumeration, then the optimum of every weighted sum: supported points only",
                lambda: weighted_optima(matrices, instance.weights, enumerate_front(matrices)),
            )  # fmt: skip
            found["enumeration"] = Control("classical", f"all 2^{n} states", lambda: enumerate_front(matrices))
        if have_pymoo():
            found["NSGA-II"] = Control(
                "classical", "pymoo, 200 generations of 100 (300 for three costs)",
                lambda: nsga2(matrices, derive_seed(instance.seed, "nsga2"), 200, 100 if len(matrices) == 2 else 300),
            )  # fmt: skip
        return found

    def score(self, instance: Objectives, truth: Truth, answer: States) -> dict[str, Score]:
        """Hypervolume and R2 against the exact front's, how much of it was found, and diversity."""
        exact = costs(instance.matrices, truth.answer)
        mine = costs(instance.matrices, answer)
        scale = Scale.of(exact)
        share = volume(scale(mine)) / volume(scale(exact))
        known = {tuple(p) for p in exact}
        # A grid of its own, finer than the one that was annealed.
        grid = simplex(len(instance.matrices), 100 if len(instance.matrices) == 2 else 30)
        name = "the exact front" if truth.exact else "the known front"
        return {
            f"hypervolume over {name}'s": Score.exactly(share, 0.99, better="higher"),
            f"R2 above {name}'s": Score.exactly(r2(scale(mine), grid) - r2(scale(exact), grid), 0.005),
            f"share of {name}": Score.exactly(sum(tuple(p) in known for p in mine) / len(exact), better="higher"),
            "states that none beats": Score.exactly(len(answer), better="higher"),
            "diversity": Score.exactly(diversity(answer), better="higher"),
        }

    def tables(self, instance: Objectives, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Every answer's first two costs."""
        rows = [
            {"answer": name, "first": float(p[0]), "second": float(p[1])}
            for name, states in answers.items() for p in costs(instance.matrices, states)
        ]  # fmt: skip
        return {"front": rows}

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """The front of every answer, by its first two costs."""
        names = list(dict.fromkeys(row["answer"] for row in tables["front"]))
        for k, name in enumerate(names):
            points = [(row["first"], row["second"]) for row in tables["front"] if row["answer"] == name]
            style = {"fillstyle": "none", "markersize": 9} if name == "truth" else {"markersize": 4}
            axes.plot(*zip(*points), MARKS[k % len(MARKS)], color=f"C{k}", linestyle="none", label=name, **style)
        axes.set_xlabel("first cost")
        axes.set_ylabel("second cost")
        axes.legend(fontsize=7)
        axes.set_title("States that none beats")
        counts = {name: sum(row["answer"] == name for row in tables["front"]) for name in names}
        return "Points of each front: " + ", ".join(f"{name} {count}" for name, count in counts.items())
