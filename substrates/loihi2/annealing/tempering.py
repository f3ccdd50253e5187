"""Parallel tempering on the annealing neurons: replicas at a ladder of constant temperatures trade places.

Every ``period`` steps neighbouring rungs a (colder) and b exchange their temperatures with probability
min(1, 2^((1/T_a - 1/T_b)(c_a - c_b))), c the present costs: the Metropolis rule at the neurons' own inverse temperature
ln 2 / T. Each replica is one copy of the network on the chip; only its temperature neuron changes.
Source: Hukushima and Nemoto, J. Phys. Soc. Jpn. 65, 1604 (1996).
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from substrates.loihi2.annealing.read import NO_TARGET, Read
from substrates.loihi2.random import stream_key, word_array

__all__ = ["Replicas", "temper"]


class Replicas:
    """The copies of one tempering run, read as one: the best state over all of them."""

    def __init__(self, copies: Sequence[Read]) -> None:
        self._copies = copies
        self._first = min(copies, key=lambda r: (r.best_cost, r.best_step))
        self.best_cost = self._first.best_cost
        self.best_step = self._first.best_step
        self.steps = max(r.steps for r in copies)

    def best_state(self) -> npt.NDArray[np.uint8]:
        """(n,) the best x."""
        return self._first.best_state()

    def improvements(self) -> npt.NDArray[np.int64]:
        """(k, 2): step and cost of every improvement over all copies."""
        every = np.concatenate([r.improvements() for r in self._copies])
        every = every[np.lexsort((every[:, 1], every[:, 0]))]
        before = np.minimum.accumulate(np.append(np.iinfo(np.int64).max, every[:-1, 1]))
        return every[every[:, 1] < before]

    def copies(self) -> Sequence[Read]:
        """The reads that make it up."""
        return self._copies


def temper(
    replicas: Sequence[Read],
    temperatures: npt.NDArray[np.int32],
    seed: int,
    exponent: int,
    *,
    steps: int | None,
    period: int,
    target: int = NO_TARGET,
    deadline_ns: int | None = None,
) -> int:
    """Run the replicas ``steps`` steps each; ``temperatures`` (R,) falls, from the hottest rung to the coldest.

    Returns the number of exchanges. Stops early when a replica reaches ``target``, or at ``deadline_ns`` of
    `time.perf_counter_ns`.
    """
    place = np.arange(len(replicas))  # place[k]: the replica on rung k
    beta = 2.0**exponent / np.maximum(temperatures, 1)
    key = stream_key(seed, "anneal exchange")
    done = exchanges = turn = 0
    while (steps is None or done < steps) and (deadline_ns is None or time.perf_counter_ns() < deadline_ns):
        count = period if steps is None else min(period, steps - done)
        for rung, replica in enumerate(place):
            replicas[replica].advance(np.full(count, temperatures[rung], np.int32), target)
            if replicas[replica].best_cost <= target:
                return exchanges
        done += count
        draws = (word_array(key, turn, np.arange(len(place))) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        for rung in range(turn % 2, len(place) - 1, 2):
            hot, cold = replicas[place[rung]], replicas[place[rung + 1]]
            if draws[rung] < 2.0 ** min(0.0, (beta[rung + 1] - beta[rung]) * (cold.cost - hot.cost)):
                place[rung], place[rung + 1] = place[rung + 1], place[rung]
                exchanges += 1
        turn += 1
    return exchanges
