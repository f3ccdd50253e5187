"""A resistive circuit with capacitors: C dv/dt = the current into the node. The course of time, not the model's
sweeps.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from substrates.analog.resistive.circuit import Circuit
from substrates.analog.resistive.newton import node_law

__all__ = ["time_course"]

Floats = npt.NDArray[np.float64]


def time_course(circuit: Circuit, farads: float, seconds: Floats, *, tolerance: float = 1e-9) -> Floats:
    """(times, nodes) volts from discharged capacitors of ``farads`` at every node that no source holds, by
    SciPy's LSODA.

    Raises:
        InputError: ideal diodes, which have no current law to integrate, or floating nodes.
    """
    from scipy.integrate import solve_ivp

    circuit.check()
    if any(not d.saturation_a for d in circuit.diodes):
        raise InputError("ideal diodes have no time course; give the diodes a saturation current")
    if not farads > 0:
        raise InputError(f"the capacitance must be above zero, got {farads} F")
    held = np.array(sorted(circuit.voltages), np.int64)
    free = np.setdiff1d(np.arange(circuit.nodes), held)
    law = node_law(circuit)
    v = np.zeros(circuit.nodes)
    v[held] = [circuit.voltages[n] for n in held.tolist()]

    def slope(_t: float, x: Floats) -> Floats:
        v[free] = x
        return law(v)[free] / farads

    found = solve_ivp(
        slope, (0.0, float(seconds[-1])), np.zeros(len(free)), "LSODA", seconds, rtol=tolerance, atol=tolerance * 1e-2
    )
    course = np.tile(v, (len(seconds), 1))
    course[:, free] = found.y.T
    return course
