"""Workloads on circuits: each truth by another method than its own, each machine held to it, the kit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, linprog, minimize
from scipy.sparse.linalg import splu

from equipoise.testing import check_workload
from equipoise.workloads import WORKLOADS, run_workload
from equipoise.workloads.inversion import CLOSE, Inversion
from equipoise.workloads.membrane import Membrane
from equipoise.workloads.nonsmooth_control import NonsmoothControl, _Circuit, _Exact
from equipoise.workloads.obstacle import Obstacle, active_set, five_point, square_grid
from hw_profiles.errors import InputError

SMALL = {
    "membrane": "side=4,updates=40",
    "obstacle": "side=8",
    "nonsmooth-control": "side=6,points=2",
    "inversion": "starts=4,duration=20,steps=50",
}


@pytest.mark.parametrize("name", list(SMALL))
def test_the_kit(name: str) -> None:
    check_workload(WORKLOADS[name], size=SMALL[name])


@pytest.mark.parametrize(
    ("name", "size", "said"),
    [
        ("membrane", "side=1", "side=1: expected 2 to 100"), ("obstacle", "mismatch=1", "expected 0.0 to 0.2"),
        ("nonsmooth-control", "nudge=20", "expected 1e-06 to 15"), ("inversion", "gain=-1", "gain=-1.0"),
    ],
)  # fmt: skip
def test_sizes_that_make_no_sense(name: str, size: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_workload(name, size=size)


class TestMembrane:
    def test_no_material_is_better_than_the_linear_programs(self) -> None:
        """A general solver with a constraint on the volume, from the uniform net."""
        workload = Membrane()
        net = workload.instance(1, side=3, updates=300, on_off=1e6)
        truth = workload.truth(net)
        volume = LinearConstraint(net.lengths, 1.0, 1.0)
        start = np.ones(len(net.edges)) / net.lengths.sum()
        bounds = [(1e-7, None)] * len(start)
        best = minimize(net.cost, start, method="SLSQP", bounds=bounds, constraints=[volume],
                        options={"maxiter": 500, "ftol": 1e-13})  # fmt: skip
        assert best.fun == pytest.approx(truth.found["least"], rel=1e-3)
        assert best.fun >= truth.found["least"] * (1 - 1e-9)
        assert net.cost(np.maximum(truth.answer, 1e-9)) == pytest.approx(truth.found["least"], rel=1e-6)

    def test_the_dual_program_has_the_same_value(self) -> None:
        """max f^T u with |u_a - u_b| <= l: the linear program's dual, written anew."""
        workload = Membrane()
        net = workload.instance(2, side=5, diagonals=True)
        n = len(net.load)
        rows = np.zeros((len(net.edges), n))
        for k, (a, b) in enumerate(net.edges):
            rows[k, a] += 1.0
            if b >= 0:
                rows[k, b] -= 1.0
        both, length = np.concatenate([rows, -rows]), np.concatenate([net.lengths] * 2)
        found = linprog(-net.load, A_ub=both, b_ub=length, bounds=(None, None), method="highs")
        assert found.fun**2 == pytest.approx(workload.truth(net).found["least"], rel=1e-9)

    def test_the_local_rule_gets_there(self) -> None:
        workload = Membrane()
        for seed in (0, 1):
            net = workload.instance(seed, side=6, diagonals=bool(seed), on_off=1e7, updates=200)
            done = workload.run(net, net.grid, 0)
            score = next(iter(workload.score(net, workload.truth(net), done.states).values()))
            assert 1 <= score.value < 1.001
            early = workload.run(replace(net, updates=2), net.grid, 0)
            assert net.cost(early.states) > net.cost(done.states)


class TestObstacle:
    @pytest.mark.parametrize("seed", range(4))
    def test_the_truth_is_optimal(self, seed: int) -> None:
        """Complementarity: at or above, no pull from below without contact."""
        sheet = Obstacle().instance(seed, side=12)
        k = (sheet.scale * five_point(12)).tocsc()
        u, touching = active_set(k, sheet.load, sheet.floor)
        force = k @ u - sheet.load
        assert 0 < touching.sum() < len(u)
        assert (u >= sheet.floor - 1e-12).all()
        assert (force >= -1e-9).all()
        assert np.abs(force * (u - sheet.floor)).max() < 1e-9

    def test_the_circuit_is_the_five_point_matrix(self) -> None:
        grid = square_grid(7)
        assert abs(grid.matrix(np.ones(len(grid.edges))) - five_point(7)).max() == 0

    def test_better_rectifiers_are_nearer(self) -> None:
        workload = Obstacle()
        off = []
        for rectifier in (10.0, 100.0, 1000.0, 1e9):
            sheet = workload.instance(2, rectifier=rectifier)
            answer = workload.run(sheet, square_grid(sheet.side), 0).states
            off.append(workload.score(sheet, workload.truth(sheet), answer)["largest error"].value)
        assert off[0] > 8 * off[1] > 60 * off[2]
        assert off[3] < 1e-8


class TestControl:
    @pytest.mark.parametrize("w", [[30.0, -20.0, 10.0, 5.0], [-5.0, 8.0, 1.0, -9.0]])
    def test_nudged_equilibria_give_the_gradient(self, w: list[float]) -> None:
        """Against finite differences of the exact equation, which knows nothing of nudges."""
        steering = NonsmoothControl().instance(3, side=9)
        circuit, exact, at = _Circuit(steering, square_grid(9)), _Exact(steering), np.array(w)
        numeric = [(exact.goals(at + s)[0] - exact.goals(at - s)[0]) / 2e-4 for s in 1e-4 * np.eye(4)]
        value, gradient = circuit.goals_and_gradient(at)
        assert value == pytest.approx(exact.goals(at)[0], rel=1e-10)
        np.testing.assert_allclose(gradient, numeric, rtol=1e-3, atol=1e-8)
        np.testing.assert_allclose(exact.goals_and_gradient(at)[1], numeric, rtol=1e-5, atol=1e-9)

    def test_coarse_readings_spoil_a_small_nudge_first(self) -> None:
        """Rounding of the voltages is divided by the nudge."""
        workload, at = NonsmoothControl(), np.array([30.0, -20.0, 10.0, 5.0])
        off = {}
        for nudge, bits in ((0.1, 10), (1.0, 10), (0.1, 20), (1.0, 20)):
            steering = workload.instance(3, side=9, nudge=nudge, bits=bits)
            exact = _Exact(steering).goals_and_gradient(at)[1]
            found = _Circuit(steering, square_grid(9)).goals_and_gradient(at)[1]
            off[nudge, bits] = float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
        assert off[0.1, 10] > 2 * off[1.0, 10] > 2 * off[1.0, 20]
        assert off[0.1, 20] < off[1.0, 20], "read finely, the smaller nudge is the better one"

    def test_without_the_kink_it_is_least_squares(self) -> None:
        workload = NonsmoothControl()
        steering = workload.instance(1, side=7, kink=0.0, points=3)
        response = splu((five_point(7) / steering.area).tocsc()).solve(steering.patches)
        for weight, w in zip(steering.weights, workload.truth(steering).answer):
            normal = weight * steering.area * response.T @ response + np.eye(4)
            right = weight * steering.area * response.T @ steering.wanted
            np.testing.assert_allclose(w, np.linalg.solve(normal, right), rtol=1e-4, atol=1e-4)


class TestInversion:
    def test_one_layer_is_the_pseudo_inverse(self) -> None:
        workload = Inversion()
        for seed in range(3):
            at = workload.instance(seed, starts=1, duration=1.0)
            found = workload.run(at, None, 0).states["one"]
            least = np.linalg.lstsq(at.layer, at.image, rcond=None)[0]
            np.testing.assert_allclose(found, least, atol=1e-9)

    def test_what_counts_as_made_is_made(self) -> None:
        workload = Inversion()
        at = workload.instance(100, starts=20)
        found = workload.run(at, None, 0).states["two"]
        near = at.miss(found) < CLOSE
        assert near.sum() > 0
        out = at.second @ np.tanh(at.first @ found[near].T)
        assert (np.linalg.norm(out.T - at.wanted, axis=1) < CLOSE * np.linalg.norm(at.wanted)).all()
        assert not (at.miss(at.starts) < CLOSE).any()
