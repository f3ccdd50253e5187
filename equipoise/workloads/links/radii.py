"""How far a node of a two-coloured graph is from the other colour, and what inserted links do to it: all exact.

The radius h_v is the expected number of steps of a walk from v until it meets the other colour. With the degrees D, the
adjacency A of nodes of one colour, and m_v links inserted at v towards the other colour (the walk then takes one of
them with probability m / (d + m)),

    (D + M - A) h = d + m.

The bias is the sum of h over the nodes that were polarised at the start: at least the mean radius of their colour.
Source: Haddadan, Menghini, Riondato, Upfal, "RePBubLik" (WSDM 2021); the set is kept while links come in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Bubbles", "random_bubbles"]

F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
Bits = npt.NDArray[np.uint8]
CHUNK = 20_000  #: sets of links at a time


@dataclass(frozen=True, eq=False)
class Bubbles:
    """A graph of two colours, its radii, and the bias of any set of links.

    Attributes:
        edges: (n, n) symmetric zeros and ones.
        colour: (n,) 0 or 1.
        inverse: (n, n) of D - A.
        radii: (n,) at the start.
        polarised: (n,) whose radii the bias adds up.
    """

    edges: I64
    colour: I64
    inverse: F64
    radii: F64
    polarised: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, edges: I64, colour: I64) -> Bubbles:
        """Radii and polarised nodes; every node must reach the other colour."""
        same = edges * (colour[:, None] == colour)
        degree = edges.sum(axis=1)
        inverse = np.linalg.inv(np.diag(degree) - same)
        radii = inverse @ degree
        mean = np.array([radii[colour == c].mean() for c in (0, 1)])
        return cls(edges, colour, inverse, radii, radii >= mean[colour])

    @property
    def n(self) -> int:
        return len(self.colour)

    @property
    def bias(self) -> float:
        """With no link inserted."""
        return float(self.radii[self.polarised].sum())

    def gains(self, sets: npt.ArrayLike) -> F64:
        """(count,) how much of the bias each of (count, k) sets of different nodes takes away.

        With K = (D - A)^-1 and E the columns of the set, Woodbury gives
        h' = h~ - K E (1 + E^T K E)^-1 E^T h~, h~ = h + K E 1: one k x k system for each set.
        """
        nodes = np.atleast_2d(np.asarray(sets, np.int64))
        weight = self.inverse[self.polarised].sum(axis=0)  # w^T K
        found = np.empty(len(nodes))
        for first in range(0, len(nodes), CHUNK):
            part = nodes[first : first + CHUNK]
            core = self.inverse[part[:, :, None], part[:, None, :]]
            eye = np.eye(part.shape[1])
            start = self.radii[part] + core.sum(axis=2)  # E^T h~
            drop = np.linalg.solve(eye + core, start[:, :, None])[:, :, 0]
            found[first : first + CHUNK] = (weight[part] * (drop - 1.0)).sum(axis=1)
        return found

    def gain(self, chosen: Bits) -> float:
        """Of one set, as zeros and ones; none gains nothing."""
        nodes = np.flatnonzero(chosen)
        return float(self.gains(nodes)[0]) if len(nodes) else 0.0

    def singles(self) -> F64:
        """(n,) gain of a link at each node alone."""
        return self.gains(np.arange(self.n)[:, None])

    def redundancies(self) -> F64:
        """(n, n) how much less two links gain together than each alone; zero on the diagonal."""
        alone = self.singles()
        rows, cols = np.triu_indices(self.n, 1)
        both = self.gains(np.stack([rows, cols], axis=1))
        found = np.zeros((self.n, self.n))
        found[rows, cols] = alone[rows] + alone[cols] - both
        return found + found.T

    def grown(self, chosen: Bits, count: int) -> Bits:
        """``chosen`` brought to ``count`` nodes: the best is added, the one that is missed least is taken away."""
        found = chosen.astype(np.uint8).copy()
        while (size := int(found.sum())) != count:
            on, off = np.flatnonzero(found), np.flatnonzero(found == 0)
            if size < count:
                sets = np.column_stack([np.broadcast_to(on, (len(off), size)), off])
                found[off[int(self.gains(sets).argmax())]] = 1
            elif size == 1:
                found[on] = 0
            else:
                sets = np.array([np.delete(on, k) for k in range(size)])
                found[on[int(self.gains(sets).argmax())]] = 0
        return found

    def improved(self, chosen: Bits) -> Bits:
        """``chosen`` after exchanges of one node for another, as long as one gains."""
        found, best = chosen.copy(), self.gain(chosen)
        while True:
            on, off = np.flatnonzero(found), np.flatnonzero(found == 0)
            sets = np.array([np.append(np.delete(on, k), j) for k in range(len(on)) for j in off])
            if not len(sets):
                return found
            gains = self.gains(sets)
            if gains.max() <= best * (1 + 1e-12):
                return found
            best = float(gains.max())
            found = np.zeros_like(found)
            found[sets[int(gains.argmax())]] = 1


def random_bubbles(rng: np.random.Generator, nodes: int, within: float, between: float) -> Bubbles:
    """Two blocks of equal size; a part of a block that reaches nobody of the other colour gets a link across."""
    from scipy.sparse.csgraph import connected_components  # late: only who draws needs it

    colour = (np.arange(nodes) >= (nodes + 1) // 2).astype(np.int64)
    chance = np.where(colour[:, None] == colour, within, between)
    edges = np.triu(rng.random((nodes, nodes)) < chance, 1).astype(np.int64)
    edges = edges + edges.T
    same = edges * (colour[:, None] == colour)
    across = edges.sum(axis=1) - same.sum(axis=1)
    count, part = connected_components(same, directed=False)
    for k in range(count):
        members = np.flatnonzero(part == k)
        if not across[members].any():
            here, there = rng.choice(members), rng.choice(np.flatnonzero(colour != colour[members[0]]))
            edges[here, there] = edges[there, here] = 1
    return Bubbles.of(edges, colour)
