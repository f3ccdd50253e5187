"""An obstacle problem: the shape of a loaded sheet that must not sink below an obstacle.

    minimise u^T K u / 2 - f^T u   over   u >= psi,     K the five-point Laplacian on a square, its rim held at zero

On the circuit K is a grid of resistors, f are currents, and every node has a rectifier to a source at the obstacle's
height psi: the voltages at rest are the sheet. Rectifiers are never ideal; an active one is a conductance many times
the node's own, which is what ``rectifier`` says. The contact set, where the sheet rests on the obstacle, comes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.sparse import csc_matrix, diags, identity, kron
from scipy.sparse.linalg import splu

from equipoise.targets import Target
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from hw_profiles.errors import InputError
from substrates.analog.resistive import ResistorGrid
from substrates.seeds import stream

__all__ = ["Obstacle", "Sheet", "active_set", "five_point", "square_grid"]

Floats = npt.NDArray[np.float64]
#: weight of the distance from the obstacle in the test of who is active; any number above zero ends in the same set
WEIGHT = 1000.0


@dataclass(frozen=True, eq=False)
class Sheet:
    """An instance: load and obstacle, and what the circuit lacks.

    Attributes:
        side: nodes along a side, the rim not counted.
        load, floor: (n,) f and psi.
        rectifier: conductance of a conducting rectifier over that of its node's resistors.
        mismatch: relative spread of the resistors.
    """

    side: int
    load: Floats
    floor: Floats
    rectifier: float
    mismatch: float

    @property
    def scale(self) -> float:
        """1 / h^2: K over the conductances of the circuit, which are 1."""
        return float((self.side + 1) ** 2)


class Obstacle(Workload):
    """See the module."""

    title = "a sheet that rests on an obstacle"
    unit = "sheet"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "soft": {"rectifier": 10.0},
        "mismatched": {"mismatch": 0.01},
        "large": {"side": 60},
    }
    panels: ClassVar[int] = 2

    def machines(self) -> dict[str, Target]:
        return {"resistor-grid": Target("resistor-grid", "resistors, with a rectifier at every node", "crossbar")}

    def instance(self, seed: int, *, side: int = 15, rectifier: float = 1000.0, mismatch: float = 0.0) -> Sheet:
        """A sheet under a load that is smooth and mostly downward, over two or three hills."""
        check_sizes(("side", side, 3, 150), ("rectifier", rectifier, 1.0, 1e9), ("mismatch", mismatch, 0.0, 0.2))
        rng = self.draw(seed, "sheet")
        y, x = np.mgrid[1 : side + 1, 1 : side + 1] / (side + 1)
        load = -4.0 * np.ones((side, side)) + 2.0 * rng.standard_normal() * np.sin(2 * np.pi * x) * np.sin(np.pi * y)
        hills = np.full((side, side), -1.0)
        for _ in range(int(rng.integers(2, 4))):
            cx, cy = rng.uniform(0.2, 0.8, 2)
            hills = np.maximum(hills, -0.05 - 1.5 * ((x - cx) ** 2 + (y - cy) ** 2))
        return Sheet(side, load.ravel(), hills.ravel(), rectifier, mismatch)

    def truth(self, instance: Sheet) -> Truth:
        """The quadratic program, to rounding."""
        u, touching = active_set(_laplacian(instance), instance.load, instance.floor)
        how = f"quadratic program of {len(u)} heights by a primal-dual active set, to rounding"
        return Truth(u, how, found={"touching": touching})

    def program(self, instance: Sheet, target: Target) -> ResistorGrid:
        return square_grid(instance.side)

    def run(self, instance: Sheet, program: ResistorGrid, seed: int) -> Run:
        """(n,) voltages at rest. The resistors' mismatch is the machine's, drawn from its seed."""
        g = np.ones(len(program.edges))
        if instance.mismatch:
            spread = stream(seed, "resistors").standard_normal(len(g))
            g *= np.exp(instance.mismatch * spread)
        currents = instance.load / instance.scale
        u = program.settle(g, currents, floors=instance.floor, rectifier=instance.rectifier)
        return Run(u, program.count(program.settling_s(g), sources=2 * len(u), read=len(u)))

    def decode(self, instance: Sheet, states: Floats) -> Floats:
        """(n,) heights."""
        return states

    def controls(self, instance: Sheet) -> dict[str, Control]:
        k = _laplacian(instance)
        return {
            "active set": Control("classical", "sparse factorisations until the contact set stands still",
                                  lambda: active_set(k, instance.load, instance.floor)[0]),
            "L-BFGS-B": Control("other", "a general solver with bounds", lambda: _bounded(k, instance)),
            "cut off": Control("trivial", "the sheet without an obstacle, cut off at it",
                               lambda: np.maximum(splu(k).solve(instance.load), instance.floor)),
        }  # fmt: skip

    def score(self, instance: Sheet, truth: Truth, answer: Floats) -> dict[str, Score]:
        """The largest error of a height over the largest height, and nodes whose contact is told wrongly."""
        size = float(np.abs(truth.answer).max())
        slack = answer - instance.floor
        touching = slack <= 1e-3 * size
        return {
            "largest error": Score.exactly(float(np.abs(answer - truth.answer).max()) / size, 1e-3),
            "depth below the obstacle": Score.exactly(float(np.maximum(-slack, 0.0).max()) / size),
            "contacts told wrongly": Score.exactly(float((touching != truth.found["touching"]).mean())),
        }

    def tables(self, instance: Sheet, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Height, obstacle and contact of every node."""
        machine, n = next(iter(answers.values())), instance.side
        return {
            "sheet": [
                {"x": i % n, "y": i // n, "machine": float(machine[i]), "truth": float(truth.answer[i]),
                 "floor": float(instance.floor[i]), "touching": bool(truth.found["touching"][i])}
                for i in range(n * n)
            ]
        }  # fmt: skip

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """The heights with the contact set, and a cut through the deepest contact."""
        rows = tables["sheet"]
        n = max(r["x"] for r in rows) + 1
        height, floor, touching, truth = (
            np.array([r[name] for r in rows]).reshape(n, n) for name in ("machine", "floor", "touching", "truth")
        )
        axes[0].imshow(height, cmap="viridis")
        ys, xs = np.nonzero(touching)
        axes[0].scatter(xs, ys, s=200 / n, color="white", edgecolors="black", linewidths=0.5)
        axes[0].set_title("height; dots: contact")
        axes[0].set_axis_off()
        row = int(np.argmax(touching.sum(axis=1)))
        axes[1].plot(floor[row], color="0.6", label="obstacle")
        axes[1].plot(truth[row], color="C1", linewidth=3, alpha=0.5, label="truth")
        axes[1].plot(height[row], color="C0", label="machine")
        axes[1].set_ylim(bottom=float(truth.min()) * 1.3)
        axes[1].set_xlabel("node")
        axes[1].set_ylabel("height")
        axes[1].legend(fontsize=7)
        return f"A sheet of {n} x {n} nodes that rests on {int(touching.sum())} of them; a cut through row {row}."


def square_grid(side: int) -> ResistorGrid:
    """``side`` times ``side`` nodes in rows, each with four conductances; those at the rim have some to ground."""
    place = np.arange(side * side).reshape(side, side)
    across, down = np.stack([place[:, :-1], place[:, 1:]], -1), np.stack([place[:-1], place[1:]], -1)
    edges = np.concatenate([across.reshape(-1, 2), down.reshape(-1, 2)])
    return ResistorGrid(edges, 4.0 - np.bincount(edges.ravel(), minlength=side * side))


def five_point(side: int) -> csc_matrix:
    """K of `square_grid` without the circuit, by Kronecker products; the Laplacian's is this over h^2."""
    one = diags([-np.ones(side - 1), 2 * np.ones(side), -np.ones(side - 1)], [-1, 0, 1])
    return (kron(identity(side), one) + kron(one, identity(side))).tocsc()


def active_set(k: csc_matrix, f: Floats, floor: Floats, most: int = 200) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """(heights, contact) of min u^T K u / 2 - f^T u over u >= floor, by the primal-dual active-set method.

    Source: Hintermueller, Ito & Kunisch, SIAM J. Optim. 13 (2003) 865.
    """
    touching = np.zeros(len(f), bool)
    u = np.empty_like(f)
    for _ in range(most):
        free = ~touching
        u[touching] = floor[touching]
        if free.any():
            u[free] = splu(k[free][:, free].tocsc()).solve(f[free] - k[free][:, touching] @ floor[touching])
        force = np.where(touching, k @ u - f, 0.0)
        new = force + WEIGHT * (floor - u) > 0
        if (new == touching).all():
            return u, touching
        touching = new
    raise InputError(f"the contact set still changed after {most} factorisations")


def _laplacian(sheet: Sheet) -> csc_matrix:
    return (sheet.scale * five_point(sheet.side)).tocsc()


def _bounded(k: csc_matrix, sheet: Sheet) -> Floats:
    found = minimize(
        lambda u: (0.5 * u @ (k @ u) - sheet.load @ u, k @ u - sheet.load), np.maximum(sheet.floor, 0.0), jac=True,
        method="L-BFGS-B", bounds=[(low, None) for low in sheet.floor],
        options={"maxiter": 10_000, "maxfun": 100_000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 50},
    )  # fmt: skip
    answer: Floats = found.x
    return answer
