"""Does a problem fit one chip, or several: one answer, by hand and from everybody who asks; warnings; the price."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.qubo import Problem, solve, write
from equipoise.qubo.generators import mis
from equipoise.targets import find_target
from hw_profiles.ledger import Event
from mappers import DoesNotFitError
from mappers.program import connectivity_of, place_program
from substrates.loihi2.annealing import Settings
from substrates.loihi2.annealing.program import pattern_program


def star(leaves: int) -> Problem:
    hub = np.zeros(leaves, np.int64)
    return Problem.build(-np.ones(leaves + 1, np.int64), hub, hub + np.arange(1, leaves + 1), 2 * (hub + 1))


def fits(problem: Problem, scheme: str = "two-phase") -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        placed = find_target("loihi2-sim").make("qubo", problem, scheme).placement
    return placed is not None and placed.utilisation.chips_used == 1


def test_a_neuron_with_too_many_neighbours() -> None:
    """Two synapses of 24 bits and an axon header of 8 bytes are 14 a neighbour; temperature and latch take 22 more."""
    most = (131_072 - 22) // 14
    assert fits(star(most))
    assert not fits(star(most + 1))
    assert fits(star(most + 1), "refractory")


def test_one_answer_to_does_it_fit() -> None:
    """The machine that solve anneals with, place, and the counts agree, from both sides of the limit."""
    for n, expected in ((1200, True), (2900, False)):
        i, j = np.triu_indices(n, 1)
        problem = Problem.build(-np.ones(n, np.int64), i, j, np.full(len(i), 2))
        indptr, indices, _ = problem.csr
        made = pattern_program(indptr, indices, np.ones_like(indices), n, Settings())
        assert fits(problem) == expected
        if expected:
            placed = place_program(made, "oheo-gulch")[1]
            ledger = solve(problem, "loihi2-sim", steps=3).ledger
            assert {key.core for key in ledger if key.core >= 0} == set(range(placed.utilisation.cores_used))
        else:
            with pytest.raises(DoesNotFitError):
                place_program(made, "oheo-gulch")
            placed = place_program(made, "kapoho-point")[1]
            with pytest.warns(UserWarning, match="does not fit one chip: it is placed on 2 chips of Kapoho Point"):
                solution = solve(problem, "loihi2-sim", steps=3)
            cores = {key.core for key in solution.ledger if key.core >= 0}
            assert len(cores) == placed.utilisation.cores_used
            assert max(cores) >= 120
            assert solution.ledger.total(Event.MESSAGES_BETWEEN_CHIPS) > 0
            assert not solution.energy.missing


def test_what_no_chip_holds_is_known_without_placing_it() -> None:
    """120 cores of 8192 neurons."""
    made = pattern_program(np.zeros(983_042, np.int64), np.zeros(0, np.int32), np.zeros(0), 983_041, Settings())
    with pytest.raises(DoesNotFitError, match="983,043 neurons, there are 983,040"):
        place_program(made, "oheo-gulch")


def test_a_cost_integrator_of_many_variables_is_a_tree() -> None:
    made = pattern_program(np.zeros(20_001, np.int64), np.zeros(0, np.int32), np.zeros(0), 20_000, Settings())
    net = connectivity_of(made)
    assert [(group.name, group.size) for group in net.groups][-1] == ("cost integrator tree", 3)
    cores, placed = place_program(made, "oheo-gulch")
    assert cores.cores["variables"].size == 20_000
    assert placed.utilisation.neurons.sum() == 20_005


def test_simulations_warn() -> None:
    problem = star(9400)
    with pytest.warns(UserWarning, match="would not fit: .*Hala Point.*its variable 0 has most neighbours, 9400"):
        solution = solve(problem, "loihi2-sim", steps=20)
    assert solution.best_cost < 0
    assert solution.energy.missing == ("counts without cores",)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve(problem, "analog", steps=1)
        solve(mis(1000, 0.25, 0).problem, "loihi2-sim", steps=1)
        solve(problem, "loihi2-sim", "refractory", steps=1)


def test_the_command_line_says_it_in_one_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(star(9400), tmp_path / "star.npz")
    assert run(["qubo", "solve", str(path), "--target", "loihi2-sim", "--steps", "10", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["num_variables"] == 9401
    assert shown.err.count("would not fit") == 1
    assert "Traceback" not in shown.err
