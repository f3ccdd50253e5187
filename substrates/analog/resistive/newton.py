"""The reference solver: Kirchhoff's current law by Newton's method, and the exact sensitivity of any conductance.

    f_n(v) = sum of the currents into node n = 0    for every node that no voltage source holds

The sources' energy makes f minus the gradient of a convex function (with amplifiers: up to one positive factor per
node), so the solution is unique. Exponential diodes are taken in steps of a few thermal voltages, as circuit simulators
do; ideal diodes by their complementarity, semi-smoothly: v >= 0, i >= 0, v i = 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import splu

from hw_profiles.errors import InputError
from substrates.analog.resistive.circuit import GROUND, Circuit

__all__ = ["node_law", "residual", "sensitivity", "solve"]

Floats = npt.NDArray[np.float64]
#: an ideal diode, while it conducts, is this many times the circuit's largest conductance
_SHORT = 1e12


def _resistor_matrix(circuit: Circuit) -> csr_matrix:
    """A with f = A v + currents, resistors only; ground's row and column left out."""
    rows, cols, values = [], [], []
    for r in circuit.resistors:
        for row, factor in ((r.j, 1.0), (r.i, -r.c)):
            if row == GROUND:
                continue
            for col, gain in ((r.i, r.a), (r.j, -1.0)):
                if col != GROUND:
                    rows.append(row)
                    cols.append(col)
                    values.append(factor * gain * r.g)
    return coo_matrix((values, (rows, cols)), (circuit.nodes,) * 2).tocsr()


def _at(v: Floats, node: int) -> float:
    return 0.0 if node == GROUND else float(v[node])


def residual(circuit: Circuit, v: Floats) -> Floats:
    """(nodes,) current into every node at the voltages ``v``, amperes, exponential diodes included."""
    return node_law(circuit)(v)


def node_law(circuit: Circuit) -> Callable[[Floats], Floats]:
    """`residual` of one circuit, for many voltages."""
    matrix: Any = _resistor_matrix(circuit)
    matrix = matrix.toarray() if circuit.nodes <= 200 else matrix
    known = np.zeros(circuit.nodes + 1)
    for node, amperes in circuit.currents.items():
        known[node] += amperes
    real = [d for d in circuit.diodes if d.saturation_a]
    anode, cathode = (np.array([getattr(d, end) for d in real], np.int64) for end in ("anode", "cathode"))
    saturation = np.array([d.saturation_a for d in real])

    def law(v: Floats) -> Floats:
        f = known.copy()
        f[:-1] += matrix @ v
        grounded = np.append(v, 0.0)  # ground is node -1: the last entry, whose current nobody reads
        forward = (grounded[anode] - grounded[cathode]) / circuit.thermal_voltage
        current = saturation * np.expm1(np.minimum(forward, 600.0))  # finite, so that an integrator can step back
        np.subtract.at(f, anode, current)
        np.add.at(f, cathode, current)
        return f[:-1]

    return law


def solve(circuit: Circuit, *, tolerance_v: float = 1e-13, max_steps: int = 2000) -> Floats:
    """(nodes,) node voltages.

    Raises:
        InputError: floating nodes, or no convergence (the text says how far it came).
    """
    v, _, _ = _solve(circuit, tolerance_v, max_steps)
    return v


def _solve(circuit: Circuit, tolerance_v: float, max_steps: int) -> tuple[Floats, csr_matrix, npt.NDArray[np.int64]]:
    """(voltages, Jacobian of f at them with conducting ideal diodes as shorts, free nodes)."""
    circuit.check()
    base = _resistor_matrix(circuit)
    short = _SHORT * max((r.g for r in circuit.resistors), default=1.0)
    sources = np.zeros(circuit.nodes)
    for node, amperes in circuit.currents.items():
        sources[node] += amperes
    held = np.array(sorted(circuit.voltages), np.int64)
    free = np.setdiff1d(np.arange(circuit.nodes), held)
    v = np.zeros(circuit.nodes)
    v[held] = [circuit.voltages[n] for n in held.tolist()]
    # The companion model of each diode at its own voltage, which moves by a limited step.
    at = np.zeros(len(circuit.diodes))
    seen: set[bytes] = set()
    jacobian = base
    for _ in range(max_steps):
        slope, offset = _companions(circuit, at, short)
        jacobian, known = _with_diodes(circuit, base, sources, slope, offset)
        if len(free):
            right = -(known[free] + jacobian[free][:, held] @ v[held])
            new = splu(jacobian[free][:, free].tocsc()).solve(right)
            moved = float(np.abs(new - v[free]).max())
            v[free] = new
        else:
            moved = 0.0
        wanted = np.array([_at(v, d.anode) - _at(v, d.cathode) for d in circuit.diodes])
        at, settled = _limited(circuit, at, wanted, seen)
        if settled and moved <= tolerance_v * max(1.0, float(np.abs(v).max(initial=0.0))):
            return v, jacobian, free
    raise InputError(f"no operating point after {max_steps} Newton steps; the last moved a node by {moved:.3g} V")


def _companions(circuit: Circuit, at: Floats, short: float) -> tuple[Floats, Floats]:
    """Each diode as a conductance and a current from anode to cathode, at its voltage ``at``.

    An ideal diode conducts while ``at`` is above zero, which is then a token for "on".
    """
    scale = np.array([d.saturation_a for d in circuit.diodes])
    grown = np.exp(np.minimum(at / circuit.thermal_voltage, 600.0))
    slope = np.where(scale > 0, scale * grown / circuit.thermal_voltage, np.where(at > 0, short, 0.0))
    offset = np.where(scale > 0, scale * (grown - 1.0) - slope * at, 0.0)
    return slope, offset


def _with_diodes(
    circuit: Circuit, base: csr_matrix, sources: Floats, slope: Floats, offset: Floats
) -> tuple[csr_matrix, Floats]:
    rows, cols, values = [], [], []
    known = sources.copy()
    for d, g, i in zip(circuit.diodes, slope, offset):
        for row, sign in ((d.anode, -1.0), (d.cathode, 1.0)):
            if row == GROUND:
                continue
            known[row] += sign * i
            for col, other in ((d.anode, 1.0), (d.cathode, -1.0)):
                if col != GROUND:
                    rows.append(row)
                    cols.append(col)
                    values.append(sign * other * g)
    return (base + coo_matrix((values, (rows, cols)), base.shape)).tocsr(), known


def _limited(circuit: Circuit, at: Floats, wanted: Floats, seen: set[bytes]) -> tuple[Floats, bool]:
    """The next voltages of the diodes' companions, and whether they have arrived.

    Exponential: a step up beyond a few V_t grows by its logarithm only (as SPICE's pnjlim). Ideal: on while the
    current through the short is forward, off while the voltage is reverse; a set of states seen before changes one
    diode only, the first that is wrong, which cannot go round in circles.
    """
    vt = circuit.thermal_voltage
    ideal = np.array([d.saturation_a == 0 for d in circuit.diodes], bool)
    saturation = np.array([d.saturation_a or 1.0 for d in circuit.diodes])
    critical = vt * np.log(vt / (np.sqrt(2.0) * saturation))
    step = wanted - at
    far = ~ideal & (wanted > critical) & (np.abs(step) > 2 * vt)
    rise = vt * np.log1p(np.maximum(step, 0.0) / vt)
    grown = np.where(at > 0, at + rise, vt * np.log(np.maximum(wanted, vt) / vt))
    new = np.where(far & (step > 0), grown, wanted)
    on, should = at > 0, wanted > 0  # a short carries forward current exactly where its tiny voltage is forward
    wrong = ideal & (on != should)
    if wrong.any():
        key = on[ideal].tobytes()
        if key in seen:
            keep = np.ones(len(at), bool)
            keep[np.flatnonzero(wrong)[0]] = False
            should = np.where(keep, on, should)
        seen.add(key)
    new = np.where(ideal, np.where(should, 1.0, -1.0), new)
    arrived = not wrong.any() and bool((np.abs(new - at)[~ideal] <= 1e-12 + 1e-10 * np.abs(at[~ideal])).all())
    return new, arrived


def sensitivity(circuit: Circuit, loss_gradient: Floats) -> tuple[Floats, Floats]:
    """(dL/dg per resistor, dL/di per node) at the operating point, exactly: the adjoint of Kirchhoff's law.

    ``loss_gradient`` (nodes,) is dL/dv. With J the Jacobian of the currents and J^T w = -dL/dv, a resistor has
    dL/dg = (w_j - c w_i)(a v_i - v_j): the voltage across it times the voltage that the adjoint circuit puts across it.
    """
    v, jacobian, free = _solve(circuit, 1e-13, 2000)
    adjoint = np.zeros(circuit.nodes)
    if len(free):
        adjoint[free] = splu(jacobian[free][:, free].T.tocsc()).solve(-np.asarray(loss_gradient, float)[free])
    gradient = np.array(
        [(_at(adjoint, r.j) - r.c * _at(adjoint, r.i)) * (r.a * _at(v, r.i) - _at(v, r.j)) for r in circuit.resistors]
    )
    return gradient, adjoint
