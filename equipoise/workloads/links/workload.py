"""Links against bubbles: which k nodes of a polarised graph should get a link to the other colour?

Cost of a set x: -sum_v g_v x_v + 0.7 sum_{v<w} r_vw x_v x_w, with g the exact gain of a link at v alone and r how much
less two gain together (pairs overcount what three share, hence 0.7). How many links there are is not a penalty, which
would hold single flips back, but a price mu for each: mu is halved in on the number k, one program, new biases each
time. States within 3 of k are brought to k by exact gains on the host, and the best set of all is the answer. Gains and
radii are exact (`equipoise.workloads.links.radii`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from equipoise.qubo.problem import Problem
from equipoise.targets import Target
from equipoise.workloads.annealing import Annealed
from equipoise.workloads.interface import Control, Run, Score, Truth, Workload, check_sizes
from equipoise.workloads.links.radii import Bits, Bubbles, random_bubbles
from hw_profiles.ledger import Ledger
from substrates.seeds import derive_seed

__all__ = ["Insertion", "LinkInsertion"]

UNITS = 200  #: the largest gain as a whole number
SHARE = 0.7  #: of the redundancy of a pair
HALVINGS = 9
NEAR = 3  #: states with as many links too many or too few are brought to the number
MOST_REPAIRED = 60
MOST_ENUMERATED = 400_000  #: sets


@dataclass(frozen=True, eq=False)
class Insertion:
    """An instance: the graph, how many links, and how it is annealed."""

    graph: Bubbles
    links: int
    reads: int
    steps: int
    seed: int


class LinkInsertion(Workload):
    """See the module."""

    title = "links that open polarised bubbles"
    unit = "graph"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "small": {},
        "medium": {"nodes": 80, "links": 6, "within": 0.12, "between": 0.01},
        "large": {"nodes": 200, "links": 10, "within": 0.06, "between": 0.004, "steps": 4000},
    }
    unsuitable: ClassVar[Mapping[str, str]] = {
        "lava-sim": "it does some hundred steps a second, and nine prices take 180,000; loihi2-sim gives the same bits",
    }

    def instance(
        self, seed: int, *, nodes: int = 30, links: int = 4, within: float = 0.3, between: float = 0.03,
        reads: int = 20, steps: int = 1000,
    ) -> Insertion:  # fmt: skip
        """Two blocks; ``within`` and ``between`` are chances of an edge."""
        check_sizes(("nodes", nodes, 4, 2000), ("links", links, 1, nodes // 2), ("within", within, 0.0, 1.0),
                  ("between", between, 0.0, 1.0), ("reads", reads, 1, 100_000), ("steps", steps, 1, 10**7))  # fmt: skip
        graph = random_bubbles(self.draw(seed, "graph"), nodes, within, between)
        return Insertion(graph, links, reads, steps, seed)

    def truth(self, instance: Insertion) -> Truth:
        """All sets; beyond that the best of greedy with exchanges from many starts, which is no bound."""
        graph, k = instance.graph, instance.links
        if math.comb(graph.n, k) <= MOST_ENUMERATED:
            sets = np.fromiter(chain.from_iterable(combinations(range(graph.n), k)), np.int64).reshape(-1, k)
            best = sets[int(graph.gains(sets).argmax())]
            return Truth(_bits(graph.n, best), f"all {len(sets)} sets of {k} nodes", found=_greedy_gain(instance))
        rng = self.draw(instance.seed, "starts")
        starts = [_greedy(instance), *(_bits(graph.n, rng.choice(graph.n, k, replace=False)) for _ in range(5))]
        found = max((graph.improved(start) for start in starts), key=graph.gain)
        how = f"{math.comb(graph.n, k):.1e} sets are too many; the best of exchanges from greedy and 5 random sets"
        return Truth(found, how, exact=False, found=_greedy_gain(instance))

    def program(self, instance: Insertion, target: Target) -> Annealed:
        """Gains and redundancies as whole numbers; the largest price among the biases keeps the scale."""
        gains, redundancy, unit = _coefficients(instance)
        rows, cols = np.nonzero(np.triu(redundancy, 1))
        problem = Problem.build(-gains - unit, rows, cols, redundancy[rows, cols])
        return Annealed(target, problem, "two-phase", every_whole=True)

    def run(self, instance: Insertion, program: Annealed, seed: int) -> Run:
        """(HALVINGS reads, n) states."""
        gains, _, unit = _coefficients(instance)
        low, high, ledger, states = 0, unit, Ledger(), []
        for k in range(HALVINGS):
            price = (low + high) // 2
            own = derive_seed(seed, "price", k) % 2**63
            found, spent = program.anneal(price - gains, steps=instance.steps, reads=instance.reads, seed=own)
            states.append(found)
            ledger.merge(spent)
            if np.median(found.sum(axis=1)) > instance.links:
                low = price
            else:
                high = price
        return Run(np.concatenate(states), ledger)

    def decode(self, instance: Insertion, states: npt.NDArray[np.uint8]) -> Bits:
        """(n,) the best of the states that are near ``links`` nodes, each brought there."""
        graph, k = instance.graph, instance.links
        states = np.unique(states, axis=0)
        off = np.abs(states.sum(axis=1).astype(int) - k)
        near = states[np.argsort(off, kind="stable")][: int((off <= NEAR).sum())][:MOST_REPAIRED]
        if not len(near):  # the machine never came near: what is nearest is used
            near = states[np.argsort(off, kind="stable")][:1]
        return max((graph.grown(state, k) for state in near), key=graph.gain)

    def controls(self, instance: Insertion) -> dict[str, Control]:
        """Greedy, greedy with exchanges, the largest single gains, the largest radii."""
        graph, k = instance.graph, instance.links

        def largest(values: npt.NDArray[np.float64]) -> Bits:
            return _bits(graph.n, np.argsort(-values, kind="stable")[:k])

        return {
            "greedy": Control("classical", "the best link, again and again", lambda: _greedy(instance)),
            "greedy and exchanges": Control(
                "classical", "greedy, then one for one while it gains", lambda: graph.improved(_greedy(instance))
            ),
            "largest single gains": Control("other", "each link as if it were alone", lambda: largest(graph.singles())),
            "repair alone": Control(
                "other",
                "as many random sets of k nodes, finished like the machine's",
                lambda: self.decode(instance, _random_sets(self.draw(instance.seed, "random"), instance)),
            ),
            "largest radii": Control("trivial", "the nodes farthest away", lambda: largest(graph.radii)),
        }

    def score(self, instance: Insertion, truth: Truth, answer: Bits) -> dict[str, Score]:
        """Gain over greedy's and over the optimum's, and how much of the bias is left."""
        graph = instance.graph
        gain, optimum = graph.gain(answer), graph.gain(truth.answer)
        name = "the optimum's" if truth.exact else "the best known"
        return {
            "gain over greedy's": Score.exactly(gain / truth.found["greedy"], 1.0 - 1e-9, better="higher"),
            f"gain over {name}": Score.exactly(
                gain / optimum, 1.0 - 1e-9 if truth.exact else None, better="higher"
            ),
            "share of the bias that is left": Score.exactly(1 - gain / graph.bias),
        }  # fmt: skip

    def tables(self, instance: Insertion, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Edges, and each node's place, colour, radius, and who chose it."""
        import networkx as nx  # late: only the picture needs it

        graph = instance.graph
        place = nx.spring_layout(nx.from_numpy_array(graph.edges), seed=instance.seed % 2**32)
        machine = next(iter(answers.values()))
        nodes = [
            {"x": float(place[v][0]), "y": float(place[v][1]), "colour": int(graph.colour[v]),
             "radius": float(graph.radii[v]), "machine": bool(machine[v]), "truth": bool(truth.answer[v])}
            for v in range(graph.n)
        ]  # fmt: skip
        rows, cols = np.nonzero(np.triu(graph.edges))
        return {"nodes": nodes, "edges": [{"a": int(a), "b": int(b)} for a, b in zip(rows, cols)]}

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """The graph: size is the radius, a ring the machine's choice, a cross the optimum's."""
        nodes = tables["nodes"]
        for edge in tables["edges"]:
            a, b = nodes[edge["a"]], nodes[edge["b"]]
            axes.plot([a["x"], b["x"]], [a["y"], b["y"]], color="0.8", linewidth=0.5, zorder=0)
        largest = max(node["radius"] for node in nodes)
        for colour in (0, 1):
            some = [node for node in nodes if node["colour"] == colour]
            sizes = [10 + 120 * node["radius"] / largest for node in some]
            axes.scatter([n["x"] for n in some], [n["y"] for n in some], s=sizes, color=f"C{colour}", zorder=1)
        for who, marker, style in (
            ("machine", "o", {"facecolors": "none", "edgecolors": "black", "s": 220}),
            ("truth", "x", {"color": "black", "s": 40}),
        ):
            some = [node for node in nodes if node[who]]
            axes.scatter(
                [n["x"] for n in some],
                [n["y"] for n in some],
                marker=marker,
                zorder=2,
                label=who,
                linewidths=1.2,
                **style,
            )
        axes.legend(fontsize=7)
        axes.set_axis_off()
        axes.set_title("Nodes that get a link; size: expected steps to the other colour")
        both = sum(node["machine"] and node["truth"] for node in nodes)
        return f"A graph of {len(nodes)} nodes; machine and truth chose {both} nodes alike."


def _bits(n: int, nodes: npt.NDArray[np.int64]) -> Bits:
    found = np.zeros(n, np.uint8)
    found[nodes] = 1
    return found


def _random_sets(rng: np.random.Generator, instance: Insertion) -> npt.NDArray[np.uint8]:
    order = rng.permuted(np.tile(np.arange(instance.graph.n), (HALVINGS * instance.reads, 1)), axis=1)
    return (order < instance.links).astype(np.uint8)


def _greedy(instance: Insertion) -> Bits:
    return instance.graph.grown(np.zeros(instance.graph.n, np.uint8), instance.links)


def _greedy_gain(instance: Insertion) -> dict[str, float]:
    return {"greedy": instance.graph.gain(_greedy(instance))}


def _coefficients(instance: Insertion) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Gains (n,) and redundancies (n, n) as whole numbers, and the largest price."""
    gains = instance.graph.singles()
    scale = UNITS / float(gains.max())
    return (
        np.rint(scale * gains).astype(np.int64),
        np.rint(scale * SHARE * instance.graph.redundancies()).astype(np.int64),
        UNITS,
    )
