"""Fair matching under uncertain merits: a lottery from many matchings, each an anneal.

A fair lottery is the answer of a linear program over matchings. Its dual prices say how much each fairness row hurts;
with prices l the best matching is an assignment with the weights u - A^T l, which the annealer finds: one-hot
penalties P (sum - 1)^2 on rows and columns, the same synapses each time, new biases. The host raises the prices of rows
that the matching breaks, l = max(0, l + 2 / sqrt(t) A x_t), and the lottery is the average of the matchings weighted
by t. The control ``exact oracle`` is the same loop with the Hungarian method in the annealer's place. On the machine
``primal-dual`` nothing is drawn: chances and prices relax together (`equipoise.workloads.matching.primal_dual`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from equipoise.qubo.problem import Problem
from equipoise.targets import Target
from equipoise.workloads.annealing import Annealed
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.matching.fairness import F64, Market, random_market
from equipoise.workloads.matching.primal_dual import relaxed
from hw_profiles.ledger import Ledger
from substrates.seeds import derive_seed

__all__ = ["FairMatching", "Lots"]

UNITS = 100  #: the spread of the weights as whole numbers
PENALTY = 60  #: chosen on markets of seeds that nothing reports: 30 gives matchings that break their groups

Matchings = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Lots:
    """An instance: the market, how many matchings are drawn, and how, or how many time constants they relax.

    ``seen`` is the market as everybody but the truth sees it, with merits that are off.
    """

    market: Market
    seen: Market
    rounds: int
    reads: int
    steps: int
    settling: float
    seed: int


class FairMatching(Workload):
    """See the module."""

    title = "fair matching under uncertain merits"
    unit = "lottery"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "eight": {"people": 8, "rounds": 1500, "steps": 4000},
        "free": {"phi": 0.0, "rounds": 50},
        "ten": {"people": 10, "rounds": 1500, "steps": 8000},
    }
    unsuitable: ClassVar[Mapping[str, str]] = {
        "lava-sim": "it does some hundred steps a second, and a lottery takes a million; loihi2-sim does the same",
    }
    panels: ClassVar[int] = 2

    def machines(self) -> dict[str, Target]:
        text = "a crossbar between integrators of chances and of prices"
        return {**super().machines(), "primal-dual": Target("primal-dual", text, "crossbar")}

    def instance(
        self, seed: int, *, people: int = 6, phi: float = 0.9, rounds: int = 800, reads: int = 16, steps: int = 2000,
        settling: float = 200.0, off: float = 0.0,
    ) -> Lots:  # fmt: skip
        """``phi`` is how much fairness is asked for, 0 to 1; ``off`` the deviation of what is wrong about merits."""
        check_sizes(("people", people, 2, 20), ("phi", phi, 0.0, 1.0), ("rounds", rounds, 1, 10**6),
                  ("reads", reads, 1, 10**4), ("steps", steps, 1, 10**6),
                  ("settling", settling, 1.0, 1e6), ("off", off, 0.0, 10.0))  # fmt: skip
        market, seen = (
            random_market(self.draw(seed, "market"), people, phi, (self.draw(seed, "what is wrong"), how_far))
            for how_far in (0.0, off)
        )
        return Lots(market, seen, rounds, reads, steps, settling, seed)

    def truth(self, instance: Lots) -> Truth:
        """The linear program."""
        n, m = instance.market.shape
        how = f"linear program of {n * m} chances and {len(instance.market.rows)} fairness rows (HiGHS)"
        return Truth(instance.market.best(), how)

    def program(self, instance: Lots, target: Target) -> Annealed | None:
        """The assignment; biases with the largest weight keep the scale. None of what relaxes."""
        if target.name == "primal-dual":
            return None
        n, m = instance.market.shape
        place = np.arange(n * m).reshape(n, m)
        at = np.concatenate([group[np.stack(np.triu_indices(n, 1)).T] for group in (*place, *place.T)])
        linear = np.full(n * m, -2 * PENALTY - UNITS, np.int64)
        problem = Problem.build(linear, at.min(axis=1), at.max(axis=1), np.full(len(at), 2 * PENALTY, np.int64))
        return Annealed(target, problem, "two-phase", every_whole=True)

    def run(self, instance: Lots, program: Annealed | None, seed: int) -> Run:
        """(rounds, n, m) matchings, or (n, m) chances of what relaxes."""
        if program is None:
            return Run(*relaxed(instance.seen, instance.settling))
        n, m = instance.market.shape
        ledger = Ledger()

        def anneal(weights: F64, t: int) -> Matchings:
            own = derive_seed(seed, "round", t) % 2**63
            linear = -whole(weights).ravel() - 2 * PENALTY
            states, spent = program.anneal(linear, steps=instance.steps, reads=instance.reads, seed=own)
            ledger.merge(spent)
            tables = states.reshape(-1, n, m)
            worth = [(weights * table).sum() if _matches(table) else -np.inf for table in tables]
            best = int(np.argmax(worth))
            return tables[best] if np.isfinite(worth[best]) else _mended(tables[0], weights)

        return Run(_priced(instance, anneal), ledger)

    def decode(self, instance: Lots, states: Matchings | F64) -> F64:
        """(n, m) the lottery: the mean of the matchings, weighted by their number; chances are one already."""
        if states.ndim == 2:
            return np.asarray(states, np.float64)
        weights = np.arange(1, len(states) + 1, dtype=np.float64)
        return np.tensordot(weights / weights.sum(), states.astype(np.float64), 1)

    def controls(self, instance: Lots) -> dict[str, Control]:
        """The linear program, the loop with the Hungarian method, the matching that ignores fairness, all alike."""
        market = instance.seen
        n, m = market.shape

        def hungarian(weights: F64, t: int) -> Matchings:
            del t
            found = np.zeros((n, m), np.uint8)
            found[linear_sum_assignment(weights, maximize=True)] = 1
            return found

        return {
            "linear program": Control("classical", "HiGHS", market.best),
            "exact oracle": Control(
                "other", "the same loop, every matching by the Hungarian method",
                lambda: self.decode(instance, _priced(instance, hungarian)),
            ),
            "without fairness": Control("trivial", "the largest merit", lambda: market.best(fair=False)),
            "everybody alike": Control("trivial", "equal chances", lambda: np.full((n, m), 1.0 / m)),
        }  # fmt: skip

    def score(self, instance: Lots, truth: Truth, answer: F64) -> dict[str, Score]:
        """What utility is missing, and how unfair the lottery is."""
        market = instance.market
        best = market.worth(truth.answer)
        return {
            "utility missing": Score.exactly(1 - market.worth(answer) / best, 0.01),
            "largest unfairness": Score.exactly(market.unfairness(answer), 1e-3),
            "places given": Score.exactly(float(answer.sum()) / min(market.shape), better="higher"),
        }

    def tables(self, instance: Lots, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """The chances of machine and truth."""
        machine = next(iter(answers.values()))
        n, m = instance.market.shape
        return {
            "chances": [
                {"who": i, "what": k, "machine": float(machine[i, k]), "truth": float(truth.answer[i, k])}
                for i in range(n) for k in range(m)
            ]
        }  # fmt: skip

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """Both lotteries as tables of shades."""
        rows = tables["chances"]
        shape = (max(r["who"] for r in rows) + 1, max(r["what"] for r in rows) + 1)
        shown = {name: np.array([r[name] for r in rows]).reshape(shape) for name in ("machine", "truth")}
        for axis, (name, table) in zip(axes, shown.items()):
            axis.imshow(table, cmap="Blues", vmin=0, vmax=1)
            axis.set_title(f"chances: {name}")
            axis.set_xlabel("resource")
            axis.set_ylabel("individual")
        off = float(np.abs(shown["machine"] - shown["truth"]).max())
        return (
            f"Chances of {shape[0]} individuals at {shape[1]} resources; machine and truth differ by at most {off:.3f}."
        )


def whole(weights: F64) -> npt.NDArray[np.int64]:
    """Weights as whole numbers from 0 to UNITS; a shift of all moves no best matching."""
    spread = float(weights.max() - weights.min())
    return np.rint(UNITS * (weights - weights.min()) / (spread or 1.0)).astype(np.int64)


def _priced(instance: Lots, oracle: Callable[[F64, int], Matchings]) -> Matchings:
    """(rounds, n, m) matchings under prices of fairness that follow what was broken."""
    market = instance.seen
    rows = market.rows / np.linalg.norm(market.rows, axis=1, keepdims=True)
    utility = market.utility / np.abs(market.utility).max()
    prices, found = np.zeros(len(rows)), []
    for t in range(1, instance.rounds + 1):
        matching = oracle(utility - (prices @ rows).reshape(market.shape), t)
        prices = np.maximum(prices + 2 / np.sqrt(t) * (rows @ matching.ravel().astype(np.float64)), 0.0)
        found.append(matching)
    return np.stack(found)


def _matches(table: Matchings) -> bool:
    return bool((table.sum(axis=0) == 1).all() and (table.sum(axis=1) == 1).all())


def _mended(table: Matchings, weights: F64) -> Matchings:
    """A table that is no matching, made one: heaviest first, those that were on before the others."""
    order = np.argsort(-(weights + 2 * np.ptp(weights) * table).ravel(), kind="stable")
    found = np.zeros_like(table)
    for i, k in zip(*np.unravel_index(order, table.shape)):
        if not found[i].any() and not found[:, k].any():
            found[i, k] = 1
    return found
