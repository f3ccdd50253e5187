"""Agnostic equilibrium propagation: the parameters relax too, and nobody needs to know the energy (arXiv 2205.15021).

Every parameter theta is a physical variable, held by a spring of compliance eps to a control u:

    E(s, theta) + (theta - u)^2 / (2 eps) + beta C(s)
    free (beta = 0):   u is moved until theta stays where it is:      u = theta + eps dE/dtheta(s_0, theta)
    nudged, u fixed:   s and theta relax together:   theta' = u - eps dE/dtheta(s_beta(theta'), theta')

so theta' - theta -> -eps beta dC/dtheta as beta and eps fall. The system does the differentiation; only its own
drift is read. Here the physics is what the two functions say, and the joint rest is found by iterating them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["agnostic_step"]

Floats = npt.NDArray[np.float64]


def agnostic_step(
    theta: Floats,
    force: Callable[[Floats, float], Floats],
    *,
    compliance: float,
    nudge: float,
    tolerance: float = 1e-12,
    max_iterations: int = 1000,
) -> Floats:
    """Where the parameters come to rest when nudged.

    Args:
        theta: (parameters,) before.
        force: (theta, beta) -> dE/dtheta at the state that relaxes under them: what pulls on each parameter. The system
            itself exerts it; nobody else needs it.
        compliance: eps, the springs' softness.
        nudge: beta.

    Raises:
        InputError: softness or nudge not above zero, or springs so soft that the parameters run away.
    """
    if not (compliance > 0 and nudge > 0):
        raise InputError(f"compliance {compliance} and nudge {nudge}: expected above zero")
    control = theta + compliance * force(theta, 0.0)
    here = theta.copy()
    for _ in range(max_iterations):
        new = control - compliance * force(here, nudge)
        moved = float(np.abs(new - here).max(initial=0.0))
        here = new
        if not np.isfinite(moved):
            break
        if moved <= tolerance * max(1.0, float(np.abs(here).max(initial=0.0))):
            return here
    raise InputError(
        f"the parameters did not come to rest (last move {moved:.3g}); choose stiffer springs than {compliance}"
    )
