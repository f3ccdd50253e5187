"""Links against bubbles: radii by simulation of nothing but linear algebra of another kind, gains by solving anew."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.testing import check_workload
from equipoise.workloads import run_workload
from equipoise.workloads.links.radii import Bubbles, random_bubbles
from equipoise.workloads.links.workload import LinkInsertion
from hw_profiles.errors import InputError


def graph(seed: int, nodes: int = 14) -> Bubbles:
    return random_bubbles(np.random.default_rng(seed), nodes, 0.5, 0.08)


def radii_by_steps(edges: np.ndarray, colour: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Expected steps, summed over the probability of still walking after each: no inverse anywhere."""
    degree = edges.sum(axis=1) + links
    walk = edges * (colour[:, None] == colour) / degree[:, None]
    alive, found = np.ones(len(colour)), np.zeros(len(colour))
    while alive.max() > 1e-13:
        found += alive
        alive = walk @ alive
    return found


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(6, 20))
def test_radii_and_gains_are_those_of_the_walk(seed: int, nodes: int) -> None:
    g = graph(seed, nodes)
    none = np.zeros(nodes)
    np.testing.assert_allclose(g.radii, radii_by_steps(g.edges, g.colour, none), rtol=1e-9)
    rng = np.random.default_rng(seed)
    for k in (1, 2, 3):
        chosen = rng.choice(nodes, k, replace=False)
        links = none.copy()
        links[chosen] = 1
        after = radii_by_steps(g.edges, g.colour, links)[g.polarised].sum()
        assert g.gains(chosen)[0] == pytest.approx(g.bias - after, rel=1e-7, abs=1e-9)


def test_every_node_reaches_the_other_colour() -> None:
    for seed in range(30):
        g = random_bubbles(np.random.default_rng(seed), 20, 0.1, 0.0)
        whole = nx.from_numpy_array(g.edges)
        for part in nx.connected_components(whole):
            assert {int(g.colour[v]) for v in part} == {0, 1}


def test_links_are_worth_less_together() -> None:
    for seed in range(5):
        assert graph(seed).redundancies().min() > -1e-9


def test_growing_and_exchanging_never_lose_against_their_start() -> None:
    g = graph(3)
    rng = np.random.default_rng(0)
    for size in (0, 2, 4, 7):
        start = np.zeros(g.n, np.uint8)
        start[rng.choice(g.n, size, replace=False)] = 1
        grown = g.grown(start, 4)
        assert grown.sum() == 4
        improved = g.improved(grown)
        assert improved.sum() == 4
        assert g.gain(improved) >= g.gain(grown)
    assert g.gain(np.zeros(g.n, np.uint8)) == 0.0


def test_the_truth_is_the_best_of_all_sets() -> None:
    workload = LinkInsertion()
    instance = workload.instance(4, nodes=12, links=3)
    truth = workload.truth(instance)
    best = max(combinations(range(12), 3), key=lambda s: instance.graph.gains(np.array(s))[0])
    assert truth.exact
    assert instance.graph.gain(truth.answer) == pytest.approx(instance.graph.gains(np.array(best))[0])


def test_it_is_a_workload() -> None:
    check_workload(LinkInsertion(), "loihi2-sim", "small,nodes=12,links=2,steps=200,reads=6")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["loihi2-sim", "analog", "cpu"])
def test_the_small_size_reaches_the_optimum(target: str) -> None:
    for seed in range(3):
        result = run_workload("link-insertion", target=target, seed=seed)
        assert result.exact
        scores = result.machine.scores
        assert scores["gain over the optimum's"].value == pytest.approx(1.0, abs=2e-3), seed
        assert scores["gain over greedy's"].met


def test_beyond_enumeration_there_is_no_truth_and_it_is_said() -> None:
    result = run_workload("link-insertion", size="medium,steps=200,reads=5", target="loihi2-sim", seed=0)
    assert not result.exact
    assert "too many" in result.truth
    assert "gain over the best known" in result.machine.scores


@pytest.mark.parametrize(
    ("size", "words"), [({"nodes": 3}, "nodes=3"), ({"links": 16}, "links=16"), ({"within": 2}, "within")]
)
def test_sizes_that_make_no_sense(size: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        LinkInsertion().instance(0, **size)  # type: ignore[arg-type]
