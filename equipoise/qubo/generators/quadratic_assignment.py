"""Quadratic assignment: N facilities to N places, flow times distance.

c(x) = sum_{i != j, a != b} F_ij D_ab x_ia x_jb + P [sum_i (1 - sum_a x_ia)^2 + sum_a (1 - sum_i x_ia)^2]
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.generators._base import Instance, check_room, exact, within
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError
from hw_profiles.texts import shown
from substrates.seeds import stream

__all__ = ["QuadraticAssignment", "qap"]


class QuadraticAssignment(Instance):
    """Put facilities that exchange much close to each other."""

    def __init__(self, flow: npt.ArrayLike, distance: npt.ArrayLike, price: float | None = None, name: str = "qap"):
        f, d = np.asarray(flow), np.asarray(distance)
        n = len(f)
        if f.shape != (n, n) or d.shape != (n, n) or n < 3:
            raise InputError(f"expected two square matrices of one size, at least 3; got {f.shape} and {d.shape}")
        if f.dtype.kind not in "iuf" or d.dtype.kind not in "iuf" or f.min() < 0 or d.min() < 0:
            raise InputError("flows and distances must be numbers of zero or more")
        self.flow, self.distance = f, d
        # A facility put twice or not at all can gain at most what it exchanges with all others over the longest way.
        most = (f.sum(1) + f.sum(0)).max().item() * d.max().item()
        self.price: Any = price if price is not None else most + 1
        if f.dtype.kind != "f" and d.dtype.kind != "f":
            costs = float(f.sum(dtype=float)) * float(d.sum(dtype=float)) + 2.0 * n**2 * (n + 1) * float(self.price)
            exact("a quadratic assignment", int(min(costs, 1e300)))
        index = np.arange(n * n).reshape(n, n)
        i, j = np.nonzero(f * (1 - np.eye(n, dtype=int)))
        a, b = np.nonzero(d * (1 - np.eye(n, dtype=int)))
        rows = index[i][:, a].ravel()
        cols = index[j][:, b].ravel()
        values = (f[i, j][:, None] * d[a, b][None]).ravel()
        first, second = np.triu_indices(n, 1)
        once = [(table[:, first].ravel(), table[:, second].ravel()) for table in (index, index.T)]
        self.problem = Problem.build(
            np.full(n * n, -2 * self.price) + (np.diagonal(f)[:, None] * np.diagonal(d)[None]).ravel(),
            np.concatenate([rows, *(r for r, _ in once)]),
            np.concatenate([cols, *(c for _, c in once)]),
            np.concatenate([values, *(np.full(len(r), 2 * self.price) for r, _ in once)]),
            offset=2 * n * self.price,
            labels=[(facility, place) for facility in range(n) for place in range(n)],
            name=name,
            convention="flow times distance plus the price of broken constraints",
        )

    def decode(self, x: npt.ArrayLike) -> list[int] | None:
        """The place of each facility; None when it is no assignment."""
        if not self.feasible(x):
            return None
        return [int(place) for place in np.asarray(x).reshape(self.flow.shape).argmax(1)]

    def violations(self, x: npt.ArrayLike) -> int:
        """Facilities and places that do not have exactly one another."""
        table = np.asarray(x).astype(np.int64).reshape(self.flow.shape)
        return int((table.sum(1) != 1).sum() + (table.sum(0) != 1).sum())

    def value(self, x: npt.ArrayLike) -> float:
        """Flow times distance; infinite when it is no assignment."""
        places = self.decode(x)
        if places is None:
            return float("inf")
        total = (self.flow * self.distance[np.ix_(places, places)]).sum()
        return total.item()


def qap(
    facilities: Annotated[int, "How many, and how many places."], seed: int, largest: int = 9
) -> QuadraticAssignment:
    """Symmetric flows drawn evenly from 0 to ``largest``, places on a grid with city-block distances."""
    if facilities < 3:
        raise InputError(f"a quadratic assignment needs at least 3 facilities, got {shown(facilities)}")
    check_room(f"{shown(facilities, 40)} facilities", facilities**2, facilities**4 // 2)
    within("the largest flow", largest, 0)
    half = np.triu(stream(seed, "qap").integers(0, largest + 1, (facilities, facilities)), 1)
    side = int(np.ceil(facilities**0.5))
    places = np.array([divmod(k, side) for k in range(facilities)])
    distance = np.abs(places[:, None] - places[None]).sum(-1)
    return QuadraticAssignment(half + half.T, distance, name=f"qap-{facilities}-{seed}")
