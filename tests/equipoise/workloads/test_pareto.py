"""Several costs at once against enumeration by hand: fronts, measures, the classical searches."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from equipoise.testing import check_workload
from equipoise.workloads import run_workload
from equipoise.workloads.pareto import fronts
from equipoise.workloads.pareto.searches import local_search, weighted_optima
from equipoise.workloads.pareto.workload import ParetoQubo
from hw_profiles.errors import InputError


def matrices(n: int, objectives: int, seed: int) -> np.ndarray:
    return np.triu(np.random.default_rng(seed).integers(-9, 10, (objectives, n, n)))


def every_state(n: int) -> np.ndarray:
    return np.array(list(itertools.product((0, 1), repeat=n)), np.uint8)


def beaten(points: np.ndarray, i: int) -> bool:
    return any((p <= points[i]).all() and (p < points[i]).any() for p in points)


@pytest.mark.parametrize(("n", "objectives"), [(7, 2), (8, 3), (5, 2)])
def test_the_front_is_what_no_state_beats(n: int, objectives: int) -> None:
    for seed in range(4):
        q = matrices(n, objectives, seed)
        states = every_state(n)
        points = np.array([[int(x @ m @ x) for m in q] for x in states.astype(int)])
        np.testing.assert_array_equal(fronts.costs(q, states), points)
        by_hand = {tuple(p) for i, p in enumerate(points.tolist()) if not beaten(points, i)}
        found = fronts.enumerate_front(q)
        assert {tuple(p) for p in fronts.costs(q, found).tolist()} == by_hand
        assert len(found) == len(by_hand)


def test_the_volume_is_that_of_sampled_points() -> None:
    rng = np.random.default_rng(0)
    points = rng.random((12, 3))
    cloud = rng.random((200_000, 3)) * 1.1
    inside = (cloud[:, None, :] >= points[None]).all(axis=2).any(axis=1).mean() * 1.1**3
    assert fronts.volume(points) == pytest.approx(inside, abs=0.01)
    assert fronts.volume(np.array([[0.0, 0.0]])) == pytest.approx(1.21)


def test_r2_by_hand_and_only_better_points_make_it_smaller() -> None:
    grid = fronts.simplex(2, 2)
    # worst shares of (0.4, 0.2) under (0, 1), (1/2, 1/2), (1, 0): 0.2, 0.2, 0.4
    assert fronts.r2(np.array([[0.4, 0.2]]), grid) == pytest.approx(0.8 / (3 * np.sqrt(2)))
    more = np.array([[0.4, 0.2], [0.1, 0.9]])
    assert fronts.r2(more, grid) < fronts.r2(more[:1], grid)
    assert fronts.r2(np.zeros((1, 2)), grid) == 0.0


def test_the_simplex_grid() -> None:
    for objectives, parts, count in ((2, 20, 21), (3, 10, 66)):
        grid = fronts.simplex(objectives, parts)
        assert len(grid) == count
        np.testing.assert_allclose(grid.sum(axis=1), 1.0)
        assert len(np.unique(grid, axis=0)) == count


def test_diversity_is_the_mean_distance() -> None:
    states = np.random.default_rng(1).integers(0, 2, (6, 9)).astype(np.uint8)
    pairs = [(a != b).mean() for a, b in itertools.combinations(states, 2)]
    assert fronts.diversity(states) == pytest.approx(np.mean(pairs))
    assert fronts.diversity(states[:1]) == 0.0


def test_optima_of_weighted_sums_are_supported_points_only() -> None:
    """A front with a dent: its middle is on the front and is no weighted sum's optimum."""
    q = np.zeros((2, 2, 2), np.int64)
    q[0] = [[0, 0], [0, 2]]
    q[0, 0, 0], q[1, 0, 0], q[1, 1, 1] = 10, -10, -3
    states = every_state(2)
    front = fronts.enumerate_front(q)
    points = {tuple(p) for p in fronts.costs(q, front).tolist()}
    assert points == {(0, 0), (2, -3), (10, -10), (12, -13)}
    found = weighted_optima(q, fronts.simplex(2, 50), states)
    supported = {tuple(p) for p in fronts.costs(q, found).tolist()}
    assert supported == {(0, 0), (2, -3), (12, -13)}
    assert (10, -10) not in supported


def test_local_search_stays_on_a_front_that_no_flip_improves() -> None:
    q = matrices(9, 2, 3)
    found = local_search(q, np.random.default_rng(0), 10)
    points = fronts.costs(q, found)
    around = (found[:, None, :] ^ np.eye(9, dtype=np.uint8)).reshape(-1, 9)
    for p in fronts.costs(q, around):
        assert any((mine <= p).all() for mine in points)
    exact = fronts.costs(q, fronts.enumerate_front(q))
    scale = fronts.Scale.of(exact)
    assert fronts.volume(scale(points)) > 0.95 * fronts.volume(scale(exact))


def test_the_kit_and_the_target_on_the_engine() -> None:
    check_workload(ParetoQubo(), "loihi2-sim", "variables=10,reads=20,steps=200")
    found = run_workload("pareto-qubo", "loihi2-sim", size="variables=12", seed=1)
    assert found.machine.scores["hypervolume over the exact front's"].met
    assert found.answers["enumeration"].scores["share of the exact front"].value == 1.0


def test_ending_cold_stops_at_supported_points() -> None:
    """What a cold anneal finds is at most what the exact optima of the weights give, up to chance."""
    shares = []
    for end in (0.05, 0.47):
        found = run_workload("pareto-qubo", "loihi2-sim", size=f"variables=14,end={end}", seed=0)
        shares.append(found.machine.scores["share of the exact front"].value)
    assert shares[0] < shares[1]


def test_beyond_enumeration_the_known_front_is_no_truth() -> None:
    workload = ParetoQubo()
    truth = workload.truth(workload.instance(0, variables=24))
    assert not truth.exact
    scores = workload.score(workload.instance(0, variables=24), truth, truth.answer)
    assert "the known front" in next(iter(scores))


@pytest.mark.parametrize(
    "wrong",
    [{"variables": 1}, {"objectives": 4}, {"objectives": 1}, {"density": 2.0}, {"reads": 0}, {"steps": 0},
     {"start": 0.1}, {"end": -1.0}],
)  # fmt: skip
def test_impossible_sizes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        ParetoQubo().instance(0, **wrong)  # type: ignore[arg-type]
