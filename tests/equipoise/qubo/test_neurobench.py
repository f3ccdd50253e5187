"""NeuroBench's task: instances, targets, the anneals that reach them, gaps and the two scenarios."""

import networkx as nx
import numpy as np
import pytest

from equipoise.qubo import neurobench
from equipoise.qubo.neurobench import Instance
from hw_profiles.errors import InputError


def test_instances_are_those_of_networkx():
    instance = Instance(50, 10, 3)
    graph = nx.gnm_random_graph(50, int(0.5 * 0.1 * 50**2), 3)
    q = np.diag(-np.ones(50)) + 4 * nx.to_numpy_array(graph, nodelist=range(50))
    problem = instance.problem()
    assert list(problem.labels) == list(range(50))
    for x in np.random.default_rng(0).integers(0, 2, (20, 50)):
        assert problem.cost(x) == x @ q @ x


def test_the_two_sets():
    assert len(neurobench.PAPER_INSTANCES) == 105
    assert {i.density_percent for i in neurobench.INSTANCES} == {1, 5, 10, 25}
    table = neurobench.targets()
    assert set(table) <= set(neurobench.INSTANCES)
    assert table[Instance(1000, 5, 0)].official == -105
    assert all(t.best <= t.official < 0 for t in table.values())


def test_stored_anneals_reach_the_best_values():
    """The shortest stored anneals of each size below 1000; `bench/neurobench_best.py` made them all."""
    stored = [i for i, t in neurobench.targets().items() if 0 < t.steps <= 100_000]
    for nodes in (50, 250, 500):
        instance = next(i for i in stored if i.nodes == nodes)
        result = neurobench.reach(instance)
        assert result.costs[0] == neurobench.targets()[instance].best
        assert instance.problem().cost(result.states[0]) == result.costs[0]


def test_improved_targets_are_independent_sets():
    instance = Instance(250, 5, 1)
    result = neurobench.reach(instance)
    problem = instance.problem()
    x = result.states[0].astype(bool)
    assert not (x[problem.rows] & x[problem.cols]).any()
    assert -x.sum() == neurobench.targets()[instance].best


def test_gap_sign():
    assert neurobench.gap(-99, -100) == pytest.approx(0.01)
    assert neurobench.gap(-110, -100) == pytest.approx(-0.1)
    with pytest.raises(InputError):
        neurobench.gap(1, 0)


def test_scenarios():
    instance = Instance(50, 5, 0)
    (row,) = neurobench.fixed_timeout([instance], [0.02], target="loihi2-sim")
    assert row.cost == -28
    assert row.gap_official == 0
    assert row.energy_j is None or row.power_w is None or row.energy_j > 0
    assert set(row.as_dict()) >= {"gap_best_seen", "chip_latency_s"}
    rows = neurobench.time_to_gap([instance], (0.1, 0.01), limit_s=5.0, target="loihi2-sim")
    assert [r.reached for r in rows] == [True, True]
    assert rows[0].latency_s < 5
    with pytest.raises(InputError, match="no target"):
        neurobench.time_to_gap([Instance(60, 5, 0)])
    with pytest.raises(InputError, match="no anneal"):
        neurobench.reach(Instance(10, 5, 0))
