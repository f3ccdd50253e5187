"""Networks of lava-optimization's public annealing processes run on a CPU with our models, and find the optimum."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from hw_profiles.errors import TargetUnavailableError
from substrates.loihi2.lava import lava_optimization
from substrates.loihi2.lava.watchdog import call

pytestmark = pytest.mark.lava
SCHEDULE = {
    "max_temperature": 60,
    "min_temperature": 0,
    "delta_temperature": 1,
    "exp_temperature": 0,
    "annealing_schedule": "linear",
}


def problem(n: int = 20) -> tuple[np.ndarray, int]:
    """A random QUBO and its optimum by enumeration; off-diagonals even, as mixed-sign synapses hold them."""
    rng = np.random.default_rng(0)
    q = np.triu(rng.random((n, n)) < 0.3, 1) * rng.integers(-10, 30, (n, n)) * 2
    q = q + q.T + np.diag(rng.integers(-150, 20, n))
    x = (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)
    return q, int(((x @ q) * x).sum(axis=1).min())


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "solver_network"))
    import solver_network

    return solver_network


@pytest.mark.parametrize(("scheme", "hold", "age"), [("sa", 4, 0), ("nebm-sa-refract", 4, 1)])
def test_a_network_of_such_processes_finds_the_optimum(network, scheme: str, hold: int, age: int) -> None:
    q, optimum = problem()
    steps = 244
    schedule = {**SCHEDULE, "steps_per_temperature": hold}
    seen = call(network.solve, q, scheme, steps, schedule, 3, timeout_s=120)
    costs = np.einsum("ti,ij,tj->t", seen["x"], q, seen["x"])
    assert costs.min() == optimum
    # the shares that a neuron sends add up to the cost of the assignment that the public read-out decodes for them
    sending = np.arange(1, steps, 1) if age else np.arange(0, steps, 2)
    np.testing.assert_array_equal(seen["cost"][sending], costs[sending - age])
    # the temperature follows the schedule, one step late for the way to the neurons
    expected = np.maximum(60 - np.arange(steps) // hold, 0)
    np.testing.assert_array_equal(seen["temperature"][: 60 * hold], expected[: 60 * hold])


@pytest.mark.parametrize("scheme", ["sa", "nebm-sa-refract"])
def test_the_packages_own_solver_finds_the_optimum(network, scheme: str) -> None:
    try:
        importlib.util.find_spec("lava.lib.optimization") or pytest.skip("lava-optimization is not installed")
    except ModuleNotFoundError:
        pytest.skip("lava-optimization is not installed")
    q, optimum = problem()
    cost, state = call(
        network.solve_with_the_package, q, scheme, 900, {**SCHEDULE, "steps_per_temperature": 4}, 3, timeout_s=120
    )
    assert cost == optimum
    assert state @ q @ state == optimum


def test_without_the_package_the_error_says_how_to_get_it(network) -> None:
    try:
        if importlib.util.find_spec("lava.lib.optimization"):
            pytest.skip("lava-optimization is installed")
    except ModuleNotFoundError:
        pass
    with pytest.raises(TargetUnavailableError, match="pip install --no-deps"):
        network.attach()


@pytest.mark.parametrize(("version", "message"), [("0.4.0", "0.4.0 is installed, 0.5.0"), ("0.5.0", "be used")])
def test_another_release_is_named(version: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(f"No module named {name!r}")  # 0.4 has no annealing process

    monkeypatch.setattr("importlib.metadata.version", lambda name: version)
    monkeypatch.setattr(lava_optimization, "lava_module", missing)
    with pytest.raises(TargetUnavailableError, match=message):
        lava_optimization._public()
