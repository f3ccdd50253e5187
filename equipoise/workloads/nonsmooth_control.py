"""Two goals for one circuit: an equation with a kink is steered towards a shape, and steering costs.

    K y + c max(0, y) = B w,      J1 = h^2 |y - y_d|^2 / 2  (distance from the shape),      J2 = |w|^2 / 2  (steering)

K is the five-point Laplacian; w are the currents of a few patches. The state has a kink wherever a node changes sides,
so J1 has one too. On the circuit every node has a rectifier to ground of conductance c. The gradient of J1 is read from
two nudged equilibria: J1's own force with strength +beta and -beta is a small conductance of +-beta to the shape, and
-h^2 B^T (y_beta - y_-beta) / (2 beta) is dJ1/dw, without a derivative of the kink. Weighted sums of both goals, with
weights from nearly all J2 to nearly all J1, are brought down along it; their ends make the front.

After the multi-objective optimisation of non-smooth equations. The truth is the epsilon-constraint method: the least J1
at each J2 that the circuit found, by sequential quadratic programming with exact gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csc_matrix
from scipy.sparse.linalg import splu

from equipoise.targets import Target
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.obstacle import five_point, square_grid
from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger, Phase
from substrates.analog.resistive import ResistorGrid

__all__ = ["NonsmoothControl", "Steering"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Steering:
    """An instance.

    Attributes:
        side: nodes along a side.
        kink: c.
        patches: (n, patches) B, zeros and ones.
        wanted: (n,) y_d.
        weights: (points,) weight of J1 against J2 = 1 in each weighted sum.
        nudge: beta; at 2 pi^2 and beyond the circuit with -beta has no rest.
        bits: of the converters that read the voltages; 0 reads them exactly.
    """

    side: int
    kink: float
    patches: Floats
    wanted: Floats
    weights: Floats
    nudge: float
    bits: int

    @property
    def area(self) -> float:
        """h^2; with it the circuit's conductances are 1: h^2 K y + h^2 c max(0, y) = h^2 B w."""
        return 1.0 / (self.side + 1) ** 2

    def goals(self, w: Floats, y: Floats) -> tuple[float, float]:
        """(J1, J2)."""
        return 0.5 * self.area * float(((y - self.wanted) ** 2).sum()), 0.5 * float(w @ w)


class NonsmoothControl(Workload):
    """See the module."""

    title = "steering a circuit with kinks, two goals"
    unit = "front"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "large": {"side": 31, "points": 20},
        "coarse": {"nudge": 10.0},
        "read": {"nudge": 1.0, "bits": 10},
    }

    def machines(self) -> dict[str, Target]:
        return {"resistor-grid": Target("resistor-grid", "resistors, with a rectifier at every node", "crossbar")}

    def instance(
        self, seed: int, *, side: int = 15, kink: float = 100.0, points: int = 8, nudge: float = 0.1, bits: int = 0
    ) -> Steering:
        """Four patches; a shape that is partly out of reach."""
        check_sizes(("side", side, 5, 80), ("kink", kink, 0.0, 1e6), ("points", points, 2, 100),
                    ("nudge", nudge, 1e-6, 15.0), ("bits", bits, 0, 32))  # fmt: skip
        rng = self.draw(seed, "shape")
        y, x = np.mgrid[1 : side + 1, 1 : side + 1] / (side + 1)
        quarters = [(x < 0.5) & (y < 0.5), (x >= 0.5) & (y < 0.5), (x < 0.5) & (y >= 0.5), (x >= 0.5) & (y >= 0.5)]
        patches = np.stack([q.ravel() for q in quarters], 1).astype(float)
        a, b = rng.uniform(0.3, 1.0, 2)
        wanted = a * np.sin(2 * np.pi * x) * np.sin(np.pi * y) + b * np.sin(np.pi * x) * np.sin(2 * np.pi * y)
        weights = np.geomspace(1e2, 1e6, points)
        return Steering(side, kink, patches, wanted.ravel(), weights, nudge, bits)

    def program(self, instance: Steering, target: Target) -> ResistorGrid:
        return square_grid(instance.side)

    def run(self, instance: Steering, program: ResistorGrid, seed: int) -> Run:
        """(points, patches) w at the end of each weighted sum. Nothing of the circuit is random."""
        circuit = _Circuit(instance, program)
        ends, w = [], np.zeros(instance.patches.shape[1])
        for weight in instance.weights:
            w = _least(partial(_weighed, circuit, weight), w)
            ends.append(w)
        return Run(np.stack(ends), circuit.ledger)

    def decode(self, instance: Steering, states: Floats) -> Floats:
        """(points, patches) w."""
        return states

    def truth(self, instance: Steering) -> Truth:
        """The front from weighted sums with exact gradients; each answer is held to the least J1 at its own J2."""
        exact = _Exact(instance)
        ends, w = [], np.zeros(instance.patches.shape[1])
        for weight in instance.weights:
            w = _least(partial(_weighed, exact, weight), w)
            ends.append(w)
        how = "sequential quadratic programming for the least J1 at fixed J2, with exact gradients (SLSQP)"
        return Truth(np.stack(ends), how)

    def controls(self, instance: Steering) -> dict[str, Control]:
        return {
            "exact gradients": Control(
                "classical", "the same weighted sums by Newton's method and its adjoint",
                lambda: self.truth(instance).answer,
            ),
            "without the kink": Control(
                "trivial", "least squares as if K y = B w", lambda: self.truth(replace(instance, kink=0.0)).answer
            ),
        }  # fmt: skip

    def score(self, instance: Steering, truth: Truth, answer: Floats) -> dict[str, Score]:
        """How far J1 lies above the least at the same J2, over the range of J1; how much of the range is seen."""
        exact = _Exact(instance)
        front = np.array([exact.goals(w) for w in truth.answer])
        none = exact.goals(np.zeros(instance.patches.shape[1]))[0]
        span = none - float(front[:, 0].min())
        found = np.array([exact.goals(w) for w in answer])
        least = np.array([exact.least_at(w) for w in answer])
        excess = float(((found[:, 0] - least) / span).max())
        return {
            "excess of J1 over the front, of its range": Score.exactly(max(excess, 0.0), 1e-3),
            "share of the range of J1": Score.exactly((none - float(found[:, 0].min())) / span, better="higher"),
        }

    def tables(self, instance: Steering, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """J1 and J2 of every answer's points."""
        exact = _Exact(instance)
        machine = next(iter(answers))
        rows = []
        for name in (machine, "without the kink", "truth"):
            for w in answers.get(name, ()):
                j1, j2 = exact.goals(w)
                rows.append({"answer": "machine" if name == machine else name, "j1": j1, "j2": j2})
        return {"front": rows}

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """Both goals against each other."""
        rows = tables["front"]
        for name, style in (("truth", "-"), ("machine", "o"), ("without the kink", "x")):
            some = sorted((r["j2"], r["j1"]) for r in rows if r["answer"] == name)
            axes.plot([a for a, _ in some], [b for _, b in some], style, label=name, markersize=5)
        axes.set_xscale("symlog", linthresh=max(min(r["j2"] for r in rows), 1e-9))
        axes.set_xlabel("J2: steering")
        axes.set_ylabel("J1: distance from the shape")
        axes.legend(fontsize=7)
        points = sum(r["answer"] == "machine" for r in rows)
        return f"Distance from the wanted shape against the steering it takes, {points} points of the machine."


class _Circuit:
    """Equilibria and the gradient as the circuit gives them; counts what it did."""

    def __init__(self, steering: Steering, grid: ResistorGrid) -> None:
        self._s, self._grid, self.ledger = steering, grid, Ledger()
        self._conductances = np.ones(len(grid.edges))
        self._seconds = grid.settling_s(self._conductances)

    def settled(self, w: Floats, beta: float = 0.0) -> Floats:
        """y under the steering w and a nudge; the circuit's voltages are -y, whose rectifiers conduct below ground."""
        s, grid = self._s, self._grid
        pull = beta * s.area**2  # the nudge h^2 beta (y - y_d) in the circuit's unit, times h^2 as everything is
        currents = -(s.area * (s.patches @ w) + pull * s.wanted)
        # four conductances meet at every node: c h^2 over 4 is the rectifier's share
        share = s.area * s.kink / (4.0 + pull)
        floors = np.zeros(grid.n) if s.kink else None
        v = grid.settle(self._conductances, currents, added=pull, floors=floors, rectifier=share, tolerance=1e-14)
        phase = Phase.of_nudge(beta or None)
        self.ledger.merge(grid.count(self._seconds, sources=s.patches.shape[1] + (grid.n if beta else 0), read=grid.n,
                                     phase=phase))  # fmt: skip
        return -self._read(v)

    def _read(self, v: Floats) -> Floats:
        """The voltages as converters of so many bits give them, full scale twice the wanted shape."""
        if not self._s.bits:
            return v
        step = 4 * float(np.abs(self._s.wanted).max()) / 2**self._s.bits
        read: Floats = np.rint(v / step) * step
        return read

    def goals_and_gradient(self, w: Floats) -> tuple[float, Floats]:
        """J1 and dJ1/dw."""
        s = self._s
        beta = s.nudge / s.area
        plus, minus = self.settled(w, beta), self.settled(w, -beta)
        gradient = -(s.patches.T @ (plus - minus)) / (2 * beta)
        return s.goals(w, self.settled(w))[0], gradient


class _Exact:
    """The same by Newton's method and its adjoint: the reference."""

    def __init__(self, steering: Steering) -> None:
        self._s, self._k = steering, (five_point(steering.side) / steering.area).tocsc()
        columns = np.repeat(np.arange(self._k.shape[0]), np.diff(self._k.indptr))
        self._diagonal = np.flatnonzero(self._k.indices == columns)  # where it stands among the values

    def state(self, w: Floats) -> tuple[Floats, csc_matrix]:
        """y, and the Jacobian there."""
        s, y = self._s, np.full(len(self._s.wanted), -1.0)
        for _ in range(100):
            jacobian = self._k.copy()
            jacobian.data[self._diagonal] += s.kink * (y > 0)
            new = splu(jacobian).solve(s.patches @ w)
            # nodes that are zero to rounding may go on changing sides, which changes nothing else
            if np.abs(new - y).max() <= 1e-13 * np.abs(new).max(initial=0.0):
                return new, jacobian
            y = new
        raise InputError("the set of nodes above zero still changed after 100 Newton steps")

    def goals(self, w: Floats) -> tuple[float, float]:
        """(J1, J2)."""
        return self._s.goals(w, self.state(w)[0])

    def goals_and_gradient(self, w: Floats) -> tuple[float, Floats]:
        """J1 and dJ1/dw."""
        s = self._s
        y, jacobian = self.state(w)
        gradient: Floats = s.area * (s.patches.T @ splu(jacobian).solve(y - s.wanted))
        return s.goals(w, y)[0], gradient

    def least_at(self, w: Floats) -> float:
        """The least J1 with J2 no larger than w's, from w."""
        size = float(w @ w)
        if size == 0:
            return self.goals(w)[0]
        scale = self._s.goals(w, np.zeros_like(self._s.wanted))[0]
        # in units of |w|, and J1 in units of what no steering leaves
        unit = np.sqrt(size)

        def one(z: Floats) -> tuple[float, Floats]:
            j, g = self.goals_and_gradient(unit * z)
            return j / scale, unit * g / scale

        inside = {"type": "ineq", "fun": lambda z: 1.0 - z @ z, "jac": lambda z: -2 * z}
        found = minimize(one, w / unit, jac=True, method="SLSQP", constraints=[inside],
                         options={"maxiter": 100, "ftol": 1e-11})  # fmt: skip
        return min(float(found.fun) * scale, self.goals(w)[0]) if found.x @ found.x <= 1 + 1e-9 else self.goals(w)[0]


def _weighed(oracle: _Circuit | _Exact, weight: float, w: Floats) -> tuple[float, Floats]:
    j1, gradient = oracle.goals_and_gradient(w)
    return weight * j1 + 0.5 * float(w @ w), weight * gradient + w


def _least(both: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    found: Floats = minimize(both, start, jac=True, method="BFGS", options={"gtol": 1e-5, "maxiter": 200}).x
    return found
