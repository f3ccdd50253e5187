"""Nodes joined by conductances, with current sources and a rectifier at each node: a circuit that solves a problem.

    sum_j g_ij (v_j - v_i) - leak_i v_i + i_i + d_i max(0, floor_i - v_i) = 0

is the minimum of v^T K v / 2 - i^T v over v >= floor when the rectifiers are ideal (d infinite): a quadratic program
with bounds, such as an obstacle problem. Without rectifiers it is a linear system, solved directly; with them, node
by node with all neighbours held, which is exact coordinate descent on a convex function.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csc_matrix, diags
from scipy.sparse.linalg import eigsh, splu

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.analog.resistive.circuit import SETTLING, Circuit, Resistor

__all__ = ["ResistorGrid"]

Floats = npt.NDArray[np.float64]


class ResistorGrid:
    """Where the conductances are; how large they are is given to each call, so that they can adapt.

    Args:
        edges: (k, 2) pairs of nodes.
        leaks: (n,) conductance of each node to ground, 0 for none.
        unit_s: siemens of a conductance of 1, for the settling time.
        node_farads: capacitance of a node, likewise.

    Raises:
        InputError: nodes that do not exist, or that nothing holds to ground.
    """

    def __init__(
        self, edges: npt.ArrayLike, leaks: npt.ArrayLike, *, unit_s: float = 1e-4, node_farads: float = 1e-12
    ) -> None:
        self.edges, self.leaks = np.asarray(edges, np.int64).reshape(-1, 2), np.asarray(leaks, np.float64)
        self.n, self.unit_s, self.node_farads = len(self.leaks), unit_s, node_farads
        self.circuit(np.ones(len(self.edges))).check()
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        order = np.argsort(ends[:, 0], kind="stable")
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(ends[:, 0], minlength=self.n))])
        self._near, self._edge = ends[order, 1], np.tile(np.arange(len(self.edges)), 2)[order]

    def circuit(self, g: Floats) -> Circuit:
        """The resistors alone, element by element."""
        links = [Resistor(int(a), int(b), float(x)) for (a, b), x in zip(self.edges, g)]
        return Circuit(self.n, (*links, *(Resistor(i, -1, float(x)) for i, x in enumerate(self.leaks) if x)))

    def matrix(self, g: Floats, added: float = 0.0) -> csc_matrix:
        """K: (n, n), symmetric, positive definite; ``added`` to its diagonal."""
        a, b = self.edges.T
        rows, cols = np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a])
        links = coo_matrix((np.concatenate([g, g, -g, -g]), (rows, cols)), (self.n, self.n))
        return (links + diags(self.leaks + added)).tocsc()

    def settle(
        self,
        g: Floats,
        currents: Floats,
        *,
        added: float = 0.0,
        floors: Floats | None = None,
        rectifier: float = math.inf,
        tolerance: float = 1e-13,
        max_sweeps: int = 200_000,
    ) -> Floats:
        """(n,) voltages at rest.

        Args:
            g: (k,) conductances of the edges.
            currents: (n,) into the nodes, in units of conductance times volts.
            added: conductance to ground at every node besides its leak; may be below zero, as a nudge is.
            floors: (n,) volts below which a node's rectifier conducts; None for no rectifiers.
            rectifier: its conductance over that of its node's resistors; infinite is ideal.
            tolerance: a sweep that moves no node further ends the search, in shares of the largest voltage.

        Raises:
            InputError: conductances that are not passive, or no rest after ``max_sweeps``.
        """
        g = np.ascontiguousarray(g, np.float64)
        if not (np.isfinite(g).all() and (g >= 0).all()):
            raise InputError("a conductance is negative or not finite: not passive; expected numbers of zero or more")
        if not (g > 0).all():
            self.circuit(g).check()
        if floors is None:
            solved: Floats = splu(self.matrix(g, added)).solve(np.asarray(currents, np.float64))
            return solved
        if not rectifier > 0:
            raise InputError(f"the rectifiers' conductance must be above zero, got {rectifier}")
        v = np.maximum(np.asarray(floors, np.float64), 0.0)
        moved = _sweeps(
            v, g, self.leaks + added, np.asarray(currents, np.float64), np.asarray(floors, np.float64),
            float(rectifier), self._starts, self._near, self._edge, tolerance, max_sweeps,
        )  # fmt: skip
        if not moved <= tolerance * max(1.0, float(np.abs(v).max())):
            raise InputError(f"no rest after {max_sweeps} sweeps; the last moved a node by {moved:.3g} V")
        return v

    def settling_s(self, g: Floats) -> float:
        """Seconds to come to rest: `SETTLING` over the slowest rate of C dv/dt = i - K v."""
        k = self.matrix(g)
        if self.n < 20:
            slowest = float(np.linalg.eigvalsh(k.toarray())[0])
        else:
            slowest = float(eigsh(k, 1, sigma=0.0, v0=np.ones(self.n), return_eigenvectors=False)[0])
        return SETTLING * self.node_farads / (slowest * self.unit_s)

    def count(
        self, seconds: float, *, sources: int, read: int, settlings: int = 1, phase: Phase = Phase.FREE
    ) -> Ledger:
        """Counts of ``settlings`` with ``sources`` currents set once, and ``read`` voltages read once."""
        ledger, cells = Ledger(), len(self.edges) + int((self.leaks > 0).sum())
        for event, count, component in (
            (Event.MATRIX_VECTOR_PRODUCTS, settlings, Component.CROSSBAR),
            (Event.CELL_READS, settlings * cells, Component.CROSSBAR),
            (Event.SETTLING_NANOSECONDS, math.ceil(settlings * seconds * 1e9), Component.MACHINE),
            (Event.DAC_CONVERSIONS, sources, Component.CONVERTERS),
            (Event.ADC_CONVERSIONS, read, Component.CONVERTERS),
        ):
            ledger.add(event, count, component=component, phase=phase)
        return ledger


@numba.njit(cache=True)
def _sweeps(
    v: Any, g: Any, leaks: Any, currents: Any, floors: Any, rectifier: float, starts: Any, near: Any, edge: Any,
    tolerance: float, max_sweeps: int,
) -> float:  # fmt: skip
    """Node after node to rest with its neighbours held; returns how far the last sweep moved a node."""
    moved = np.inf
    for _ in range(max_sweeps):
        moved, largest = 0.0, 1.0
        for i in range(v.shape[0]):
            total, inflow = leaks[i], currents[i]
            for k in range(starts[i], starts[i + 1]):
                total += g[edge[k]]
                inflow += g[edge[k]] * v[near[k]]
            new = inflow / total
            if new < floors[i]:
                # the rectifier conducts: a conductance of rectifier * total to the floor
                new = floors[i] + (new - floors[i]) / (1.0 + rectifier)
            moved, largest = max(moved, abs(new - v[i])), max(largest, abs(new))
            v[i] = new
        if moved <= tolerance * largest:
            break
    return moved
