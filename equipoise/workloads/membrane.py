"""A membrane of least compliance: how much material where, when a load hangs on a net and the volume is given?

Nodes of a grid carry currents f (the load), edges of length l have conductances c / l (the material), the rim is
grounded. Find c >= 0 with sum l c = V for which f^T u is least, K(c) u = f. The optimum is known by a linear program:
Z = min sum l |q| over edge currents q that carry the load, and f^T u = Z^2 / V. On the circuit every edge adapts by
itself, dc/dt = |q| - c with q its own current, and nobody holds the volume: it comes out as Z, and the score is taken
at the volume that came out. This is the scalar case of the optimal design of plane elastic membranes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, hstack

from equipoise.targets import Target
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from hw_profiles.ledger import Component, Event, Phase
from substrates.analog.resistive import ResistorGrid

__all__ = ["Membrane", "Net"]

Floats = npt.NDArray[np.float64]
CONTROL_STEPS = 100


@dataclass(frozen=True, eq=False)
class Net:
    """An instance: the grid with its load, and how it adapts.

    Attributes:
        shape: nodes inside the rim, along both sides.
        edges: (k, 2) nodes; the rim is node -1.
        lengths: (k,) of the edges.
        load: (n,) current into each node.
        updates, pace, on_off: number of updates, how far each goes, and the ratio of the largest to the smallest
            conductance that an edge can have.
    """

    shape: tuple[int, int]
    edges: npt.NDArray[np.int64]
    lengths: Floats
    load: Floats
    updates: int
    pace: float
    on_off: float

    @cached_property
    def grid(self) -> ResistorGrid:
        """The circuit: edges to the rim lead to one more node, held by a conductance beyond all others."""
        n = len(self.load)
        return ResistorGrid(np.where(self.edges < 0, n, self.edges), np.append(np.zeros(n), 1e12))

    def currents(self, c: Floats) -> tuple[Floats, float]:
        """(k,) current of every edge, and the compliance f^T u, with material c."""
        u = self.grid.settle(c / self.lengths, np.append(self.load, 0.0))
        u[-1] = 0.0
        a, b = self.edges.T
        return c / self.lengths * (u[a] - u[b]), float(self.load @ u[:-1])  # the rim is the last, as -1 is

    def cost(self, c: Floats) -> float:
        """Compliance times volume: what does not change when all of c is made larger."""
        return self.currents(c)[1] * float(self.lengths @ c)


class Membrane(Workload):
    """See the module."""

    title = "a membrane of least compliance"
    unit = "design"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "diagonals": {"diagonals": True},
        "narrow": {"on_off": 100.0},
        "large": {"side": 30, "updates": 300},
    }

    def machines(self) -> dict[str, Target]:
        return {"resistor-grid": Target("resistor-grid", "resistors that adapt to their own current", "crossbar")}

    def instance(
        self, seed: int, *, side: int = 12, diagonals: bool = False, updates: int = 100, pace: float = 1.0,
        on_off: float = 1000.0,
    ) -> Net:  # fmt: skip
        """``side`` times ``side`` nodes; a load that is smooth and uneven."""
        check_sizes(("side", side, 2, 100), ("updates", updates, 1, 10**6), ("pace", pace, 1e-6, 1.0),
                    ("on_off", on_off, 1.0, 1e12))  # fmt: skip
        edges, lengths = _edges(side, diagonals)
        rng = self.draw(seed, "load")
        y, x = np.mgrid[1 : side + 1, 1 : side + 1] / (side + 1)
        waves = rng.standard_normal((3, 3))
        load = sum(waves[i, k] * np.sin((i + 1) * np.pi * x) * np.sin((k + 1) * np.pi * y) for i in range(3)
                   for k in range(3))  # fmt: skip
        return Net((side, side), edges, lengths, np.ravel(load), updates, pace, on_off)

    def truth(self, instance: Net) -> Truth:
        """The linear program's currents are the best material."""
        n, k = len(instance.load), len(instance.edges)
        a, b = instance.edges.T
        inside = [(e, sign) for e, sign in ((a, 1.0), (b, -1.0))]
        rows = np.concatenate([e[e >= 0] for e, _ in inside])
        cols = np.concatenate([np.flatnonzero(e >= 0) for e, _ in inside])
        signs = np.concatenate([np.full(int((e >= 0).sum()), sign) for e, sign in inside])
        flow = coo_matrix((signs, (rows, cols)), (n, k)).tocsr()
        both = np.concatenate([instance.lengths] * 2)
        found = linprog(both, A_eq=hstack([flow, -flow]), b_eq=instance.load, method="highs")
        q = np.abs(found.x[:k] - found.x[k:])
        how = f"linear program of {2 * k} edge currents and {n} nodes (HiGHS)"
        return Truth(q, how, found={"least": float(found.fun) ** 2})

    def program(self, instance: Net, target: Target) -> ResistorGrid:
        return instance.grid

    def run(self, instance: Net, program: ResistorGrid, seed: int) -> Run:
        """(k,) material after the updates. Every edge starts alike; each update is one settling."""
        c = np.ones(len(instance.edges))
        for _ in range(instance.updates):
            q, _ = instance.currents(c)
            c = _adapted(c, q, instance)
        # the pace of the slowest circuit, the last, is that of all
        seconds = program.settling_s(c / instance.lengths)
        ledger = program.count(
            seconds, sources=len(instance.load), read=len(c), settlings=instance.updates, phase=Phase.UPDATE
        )
        ledger.add(Event.CELL_WRITES, instance.updates * len(c), component=Component.CROSSBAR, phase=Phase.UPDATE)
        return Run(c, ledger)

    def decode(self, instance: Net, states: Floats) -> Floats:
        """(k,) material as it was read."""
        return states

    def controls(self, instance: Net) -> dict[str, Control]:
        return {
            "linear program": Control("classical", "HiGHS", lambda: self.truth(instance).answer),
            "optimality criteria": Control(
                "other", f"{CONTROL_STEPS} steps of c <- sqrt(c |q|), each a sparse solve", lambda: _criteria(instance)
            ),
            "uniform": Control("trivial", "the same everywhere", lambda: np.ones(len(instance.edges))),
        }

    def score(self, instance: Net, truth: Truth, answer: Floats) -> dict[str, Score]:
        """How far the compliance lies above the least one."""
        # edges without material stay in the circuit, or nodes that carry nothing would float
        held = np.maximum(answer, 1e-9 * answer.max())
        return {"compliance over the least": Score.exactly(instance.cost(held) / truth.found["least"], 1.01)}

    def tables(self, instance: Net, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Each edge with its ends and its material."""
        rows, cols = instance.shape
        machine = next(iter(answers.values()))
        one, other = machine / machine.max(), truth.answer / truth.answer.max()
        found = []
        for k, (a, b) in enumerate(instance.edges.tolist()):
            x, y = a % cols, a // cols
            ends = (b % cols, b // cols) if b >= 0 else _outside(x, y, rows, cols)
            found.append({"x0": x, "y0": y, "x1": ends[0], "y1": ends[1], "machine": float(one[k]),
                          "truth": float(other[k])})  # fmt: skip
        return {"edges": found}

    panels: ClassVar[int] = 2

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """The net, thick where there is much material."""
        edges = tables["edges"]
        for axis, name in zip(axes, ("machine", "truth")):
            for e in edges:
                if e[name] > 1e-3:
                    axis.plot([e["x0"], e["x1"]], [e["y0"], e["y1"]], color="C0", linewidth=6 * e[name],
                              solid_capstyle="round")  # fmt: skip
            axis.set_aspect("equal")
            axis.set_axis_off()
            axis.set_title(f"material: {name}")
        off = max(abs(e["machine"] - e["truth"]) for e in edges)
        return f"A net of {len(edges)} edges; material of machine and truth differ by at most {off:.3f} of the largest."


def _edges(side: int, diagonals: bool) -> tuple[npt.NDArray[np.int64], Floats]:
    """Edges of a square grid within a grounded rim (-1), and their lengths."""
    found, lengths = [], []
    steps = [(1, 0), (0, 1), *([(1, 1), (1, -1)] if diagonals else [])]
    for y in range(-1, side + 1):
        for x in range(-1, side + 1):
            for dy, dx in steps:
                ends = [(y, x), (y + dy, x + dx)]
                inside = [0 <= a < side and 0 <= b < side for a, b in ends]
                if any(inside) and all(-1 <= a <= side and -1 <= b <= side for a, b in ends):
                    nodes = [a * side + b if there else -1 for (a, b), there in zip(ends, inside)]
                    found.append(sorted(nodes, reverse=True))
                    lengths.append(float(np.hypot(dy, dx)))
    return np.array(found, np.int64), np.array(lengths)


def _adapted(c: Floats, q: Floats, net: Net) -> Floats:
    """One update: towards its own current, within what a conductance can be."""
    c = c + net.pace * (np.abs(q) - c)
    held: Floats = np.maximum(c, c.max() / net.on_off)
    return held


def _criteria(net: Net) -> Floats:
    c = np.ones(len(net.edges))
    for _ in range(CONTROL_STEPS):
        q, _ = net.currents(c)
        c = np.sqrt(c * np.abs(q))
        c = np.maximum(c, 1e-9 * c.max())
    return c


def _outside(x: int, y: int, rows: int, cols: int) -> tuple[float, float]:
    """Where the rim is, seen from a node at the edge."""
    return (-1.0 if x == 0 else cols if x == cols - 1 else x, y if x in (0, cols - 1) else -1.0 if y == 0 else rows)
