"""Lagrangian equilibrium propagation: gradients of costs over time, for inputs that vary (arXiv 2505.07363,
2506.06248).

A system whose path makes its action stationary, A = integral of L(q, dq/dt, theta, t), learns like one whose
state makes its energy stationary. With the same period in both phases no boundary terms remain:

    d/dtheta of integral C(q) dt = d/dbeta of integral dL/dtheta dt at beta = 0, along the stationary paths of L +
    beta C

Here L = 1/2 m |dq/dt|^2 - V(q, theta) + f(t) . q for periodic f: paths are arrays of samples over a period, with
derivatives by Fourier series, and the stationary one is found by Newton's method. Two nudged paths give the gradient to
second order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["PeriodicSystem", "lagrangian_gradient"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PeriodicSystem:
    """A conservative system under a periodic force.

    Args:
        mass: (n,) m.
        force: (times, n) f, one period, an odd number of samples (so that the Fourier derivative has an inverse).
        period_s: seconds.
        potential_gradient: (q (times, n), theta) -> dV/dq (times, n).
        potential_hessian: -> d2V/dq2 (times, n, n).
        parameter_gradient: -> dV/dtheta (times, parameters).
    """

    mass: Floats
    force: Floats
    period_s: float
    potential_gradient: Callable[[Floats, Floats], Floats]
    potential_hessian: Callable[[Floats, Floats], Floats]
    parameter_gradient: Callable[[Floats, Floats], Floats]

    def __post_init__(self) -> None:
        if self.force.ndim != 2 or self.force.shape[0] % 2 == 0 or self.force.shape[1] != len(self.mass):
            raise InputError(f"a force of shape {self.force.shape}; expected (odd number of times, {len(self.mass)})")
        if not (self.period_s > 0 and (self.mass > 0).all()):
            raise InputError("period and masses must be above zero")

    @property
    def second_derivative(self) -> Floats:
        """(times, times) d^2/dt^2 of periodic samples, exact for the harmonics they resolve."""
        n = len(self.force)
        k = np.fft.fftfreq(n, 1.0 / n) * 2.0 * np.pi / self.period_s
        return np.real(np.fft.ifft(-(k**2)[:, None] * np.fft.fft(np.eye(n), axis=0), axis=0))

    def path(
        self,
        theta: Floats,
        push: Callable[[Floats], tuple[Floats, Floats]] | None = None,
        beta: float = 0.0,
        *,
        start: Floats | None = None,
        tolerance: float = 1e-11,
    ) -> Floats:
        """(times, n) the stationary path of L + beta C. ``push`` gives (dC/dq (times, n), d2C/dq2 (times, n, n)).

        Raises:
            InputError: Newton's method found none: a resonance, or a force too strong to follow from rest.
        """
        times, n = self.force.shape
        second = self.second_derivative
        q = np.zeros((times, n)) if start is None else start.copy()
        at = np.arange(times)
        for _ in range(60):
            # m q'' + dV/dq - f - beta dC/dq = 0
            residual = self.mass * (second @ q) + self.potential_gradient(q, theta) - self.force
            jacobian = np.zeros((times, n, times, n))
            for i in range(n):
                jacobian[:, i, :, i] = self.mass[i] * second
            jacobian[at, :, at, :] += self.potential_hessian(q, theta)
            if push is not None and beta:
                slope, curve = push(q)
                residual = residual - beta * slope
                jacobian[at, :, at, :] -= beta * curve
            step = np.linalg.solve(jacobian.reshape(times * n, -1), residual.ravel()).reshape(times, n)
            q = q - step
            if np.abs(step).max() < tolerance:
                return q
        raise InputError("no periodic path was found; the system is at a resonance, or the force is too strong")


def lagrangian_gradient(
    system: PeriodicSystem, theta: Floats, push: Callable[[Floats], tuple[Floats, Floats]], *, nudge: float = 1e-3
) -> Floats:
    """(parameters,) d/dtheta of the cost integrated over a period, from two nudged paths of opposite sign.

    Args:
        push: q -> (dC/dq, d2C/dq2), see `PeriodicSystem.path`.
    """
    if not nudge > 0:
        raise InputError(f"the nudge must be above zero, got {nudge}")
    free = system.path(theta)
    plus, minus = (system.path(theta, push, s * nudge, start=free) for s in (1.0, -1.0))
    step = system.period_s / len(system.force)
    change = system.parameter_gradient(plus, theta).sum(0) - system.parameter_gradient(minus, theta).sum(0)
    return -step * change / (2.0 * nudge)  # dL/dtheta = -dV/dtheta
