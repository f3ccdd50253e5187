"""Inversion: the outputs of a network are clamped, and its inputs relax to what could have caused them.

Clamping the outputs of a symmetric network gives W^T y, which is no inverse: error units are needed. They hold e, the
part of a layer that the layer before does not explain, and send it back:

    one layer      de/dt = (y - W x) - e                      dx/dt = s W^T e            ends at pinv(W) y from x = 0
    two layers     dh/dt = -e + b (1 - tanh^2 h) W2^T (y - W2 tanh h),     e = h - W1 x,     dx/dt = s W1^T e

One layer has an exact answer, the pseudo-inverse. Of two layers it is known only that the clamped output can be made
(it was), so what counts is in how many of the same random starts the inputs found make it, to a hundredth. After
"landscape learning" for the inversion of networks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from equipoise.targets import Target
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.relaxing import count_settling
from equipoise.workloads.scores import share
from hw_profiles.ledger import Ledger, Phase

__all__ = ["Clamped", "Inversion"]

Floats = npt.NDArray[np.float64]
CLOSE = 0.01  #: an output this near, in shares of the clamped one, counts as made
LINEAR_PACE = 0.1  #: s of one layer: slow against the error units, or the two swing


@dataclass(frozen=True, eq=False)
class Clamped:
    """An instance: a layer and a network of two, each with an output, and the starts.

    Attributes:
        layer, image: W (m, n) and y of one layer.
        first, second, wanted: W1, W2 and y of two.
        starts: (k, inputs) of two layers, shared by all methods.
        push, pace, duration: b, s, and how long inputs relax, in time constants.
        descent, steps: rate of the control that descends the gradient, and how often.
    """

    layer: Floats
    image: Floats
    first: Floats
    second: Floats
    wanted: Floats
    starts: Floats
    push: float
    pace: float
    duration: float
    descent: float
    steps: int

    @property
    def dt(self) -> float:
        """Time constants of one step of the simulation: short enough for the stiffest direction."""
        return 1.0 / (1.0 + self.push * _size(self.second) + self.pace * _size(self.first))

    def output(self, x: Floats) -> Floats:
        """(k, outputs) of two layers."""
        out: Floats = np.tanh(x @ self.first.T) @ self.second.T
        return out

    def miss(self, x: Floats) -> Floats:
        """(k,) distance of the outputs from the clamped one, in shares of it."""
        off: Floats = np.linalg.norm(self.output(x) - self.wanted, axis=1) / np.linalg.norm(self.wanted)
        return np.where(np.isfinite(off), off, np.inf)

    def back(self, x: Floats) -> Floats:
        """(k, inputs) gradient of half the squared distance."""
        t = np.tanh(x @ self.first.T)
        found: Floats = (((t @ self.second.T - self.wanted) @ self.second) * (1 - t * t)) @ self.first
        return found


class Inversion(Workload):
    """See the module."""

    title = "inputs found by clamping outputs"
    unit = "inversion"
    # pushes, paces and rates were chosen alike for both methods, on seeds that nothing reports
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "steep": {"inputs": 20, "hidden": 30, "gain": 3.0, "push": 30.0, "pace": 1.0, "descent": 0.1},
    }
    panels: ClassVar[int] = 2

    def machines(self) -> dict[str, Target]:
        return {"error-units": Target("error-units", "crossbars both ways between units that integrate", "crossbar")}

    def instance(
        self, seed: int, *, inputs: int = 10, hidden: int = 20, outputs: int = 10, gain: float = 1.0, starts: int = 50,
        push: float = 10.0, pace: float = 3.0, duration: float = 200.0, descent: float = 0.3, steps: int = 4000,
    ) -> Clamped:  # fmt: skip
        """Gaussian weights; the clamped outputs are those of a hidden Gaussian input."""
        check_sizes(("inputs", inputs, 1, 1000), ("hidden", hidden, 1, 1000), ("outputs", outputs, 1, 1000),
                    ("gain", gain, 1e-3, 100.0), ("starts", starts, 1, 10_000), ("push", push, 1e-3, 1e3),
                    ("pace", pace, 1e-3, 1e3), ("duration", duration, 1e-3, 1e6), ("steps", steps, 1, 10**6),
                    ("descent", descent, 1e-6, 100.0))  # fmt: skip
        rng = self.draw(seed, "weights")
        layer = rng.standard_normal((5, 12)) / np.sqrt(12)
        first = gain * rng.standard_normal((hidden, inputs)) / np.sqrt(inputs)
        second = rng.standard_normal((outputs, hidden)) / np.sqrt(hidden)
        wanted = second @ np.tanh(first @ rng.standard_normal(inputs))
        image = rng.standard_normal(5)
        begin = self.draw(seed, "starts").standard_normal((starts, inputs))
        return Clamped(layer, image, first, second, wanted, begin, push, pace, duration, descent, steps)

    def units(self, instance: Clamped) -> int:
        return len(instance.starts) + 1

    def truth(self, instance: Clamped) -> Truth:
        """The pseudo-inverse; of two layers, that the output can be made at all."""
        exact = np.linalg.pinv(instance.layer) @ instance.image
        how = "one layer: the pseudo-inverse; two layers: some input made the output, so every start could end at one"
        return Truth({"one": exact, "two": None}, how)

    def program(self, instance: Clamped, target: Target) -> None:
        return None

    def run(self, instance: Clamped, program: None, seed: int) -> Run:
        """Inputs of one layer (n,) and of two (starts, inputs). Nothing is random in the units."""
        one, settled = _one_layer(instance)
        two = _two_layers(instance)
        ledger = Ledger()
        m, n = instance.layer.shape
        push = Phase.NUDGE_PLUS
        count_settling(ledger, "one layer", settled, runs=1, cells=2 * m * n, units=m + n, read=n, phase=push)
        cells = 2 * (instance.first.size + instance.second.size)
        units = instance.first.shape[0] + instance.first.shape[1] + instance.second.shape[0]
        read = instance.first.shape[1]
        count_settling(
            ledger, "two layers", instance.duration, runs=len(two), cells=cells, units=units, read=read, phase=push
        )
        return Run({"one": one, "two": two}, ledger)

    def decode(self, instance: Clamped, states: Any) -> Any:
        return states

    def controls(self, instance: Clamped) -> dict[str, Control]:
        return {
            "least squares": Control("classical", "pseudo-inverse; trust regions from every start (SciPy)",
                                     lambda: {"one": np.linalg.pinv(instance.layer) @ instance.image,
                                              "two": _trusted(instance)}),
            "gradient descent": Control("other", "so many steps of the same network's gradient, from every start",
                                        lambda: {"one": _descended_layer(instance), "two": _descended(instance)}),
            "transpose": Control("trivial", "W^T y, and the starts themselves",
                                 lambda: {"one": instance.layer.T @ instance.image, "two": instance.starts}),
        }  # fmt: skip

    def score(self, instance: Clamped, truth: Truth, answer: Any) -> dict[str, Score]:
        """Distance from the pseudo-inverse; share of starts whose output is the clamped one to a hundredth."""
        exact = truth.answer["one"]
        off = float(np.linalg.norm(answer["one"] - exact) / np.linalg.norm(exact))
        made = np.ones(1) if answer["two"] is None else instance.miss(answer["two"]) < CLOSE
        return {
            "distance from the pseudo-inverse": Score.exactly(off, 1e-6),
            "starts that make the output": Score(*share(int(made.sum()), len(made)), better="higher"),
        }

    def tables(self, instance: Clamped, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """How far every start's output is off, by method; the inputs of one layer."""
        rows = [
            {"answer": "machine" if not k else name, "start": j, "miss": float(min(off, 1e9))}
            for k, (name, answer) in enumerate(answers.items()) if answer["two"] is not None
            for j, off in enumerate(instance.miss(answer["two"]))
        ]  # fmt: skip
        machine = next(iter(answers.values()))["one"]
        inputs = [{"input": i, "machine": float(machine[i]), "truth": float(x)}
                  for i, x in enumerate(truth.answer["one"])]  # fmt: skip
        return {"misses": rows, "inputs": inputs}

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """Share of starts below any distance, by method; and the inputs of one layer."""
        names = list(dict.fromkeys(r["answer"] for r in tables["misses"]))
        for name in names:
            off = np.sort([r["miss"] for r in tables["misses"] if r["answer"] == name])
            axes[0].step(np.maximum(off, 1e-9), np.arange(1, len(off) + 1) / len(off), where="post", label=name)
        axes[0].axvline(CLOSE, color="0.6", linewidth=0.8)
        axes[0].set_xscale("log")
        axes[0].set_xlabel("distance from the clamped output")
        axes[0].set_ylabel("share of starts")
        axes[0].legend(fontsize=7)
        axes[1].plot([r["truth"] for r in tables["inputs"]], [r["machine"] for r in tables["inputs"]], "o")
        axes[1].axline((0, 0), slope=1, color="0.6", linewidth=0.8)
        axes[1].set_xlabel("pseudo-inverse")
        axes[1].set_ylabel("machine")
        axes[1].set_title("one layer")
        made = [r["miss"] < CLOSE for r in tables["misses"] if r["answer"] == "machine"]
        return f"{sum(made)} of {len(made)} starts of the machine make the output; lines: share below a distance."


def _size(matrix: Floats) -> float:
    return float(np.linalg.norm(matrix, 2)) ** 2


def _one_layer(instance: Clamped) -> tuple[Floats, float]:
    """(x, time constants it took): from zero until the slowest direction has settled to rounding."""
    w, y = instance.layer, instance.image
    slowest = LINEAR_PACE * float(np.linalg.svd(w, compute_uv=False)[-1]) ** 2
    dt = 0.02  # the swing between x and e is slower than this by far
    steps = math.ceil(25 / (slowest * dt))
    x, e = np.zeros(w.shape[1]), np.zeros(len(y))
    for _ in range(steps):
        e, x = e + dt * (y - w @ x - e), x + dt * LINEAR_PACE * (w.T @ e)
    return x, steps * dt


def _two_layers(instance: Clamped) -> Floats:
    first, second, dt = instance.first, instance.second, instance.dt
    x = instance.starts.copy()
    h = x @ first.T
    for _ in range(math.ceil(instance.duration / dt)):
        e, t = h - x @ first.T, np.tanh(h)
        h, x = (
            h - dt * (e + instance.push * (1 - t * t) * ((t @ second.T - instance.wanted) @ second)),
            x + dt * instance.pace * (e @ first),
        )
    return x


def _descended(instance: Clamped) -> Floats:
    x = instance.starts.copy()
    for _ in range(instance.steps):
        x = x - instance.descent * instance.back(x)
    return x


def _descended_layer(instance: Clamped) -> Floats:
    w, y = instance.layer, instance.image
    x, rate = np.zeros(w.shape[1]), 1.0 / _size(w)
    for _ in range(instance.steps):
        x = x + rate * (w.T @ (y - w @ x))
    return x


def _trusted(instance: Clamped) -> Floats:
    def off(x: Floats) -> Floats:
        return instance.output(x[None])[0] - instance.wanted

    def slope(x: Floats) -> Floats:
        t = np.tanh(instance.first @ x)
        found: Floats = (instance.second * (1 - t * t)) @ instance.first
        return found

    return np.stack([least_squares(off, x, slope, method="trf").x for x in instance.starts])
