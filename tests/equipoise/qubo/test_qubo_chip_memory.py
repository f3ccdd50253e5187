"""Synaptic memory of a problem against one chip: bounds, by hand and against the mapper; warnings and refusals."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.qubo import Problem, solve, write
from equipoise.qubo.chip_memory import check_chip_memory, chip_memory_problem
from equipoise.qubo.generators import mis
from hw_profiles.errors import InputError
from mappers.program import place_program
from substrates.loihi2.annealing import Settings
from substrates.loihi2.annealing.program import pattern_program


def star(leaves: int) -> Problem:
    hub = np.zeros(leaves, np.int64)
    return Problem.build(-np.ones(leaves + 1, np.int64), hub, hub + np.arange(1, leaves + 1), 2 * (hub + 1))


def ring(n: int, reach: int) -> Problem:
    """Every variable with ``reach`` neighbours on each side."""
    i = np.repeat(np.arange(n), reach)
    j = (i + np.tile(np.arange(1, reach + 1), n)) % n
    return Problem.build(-np.ones(n, np.int64), i, j, np.full(len(i), 2))


def test_a_neuron_with_too_many_neighbours() -> None:
    """Two copies of 24 bits and a header of 8 bytes are 14 bytes a neighbour: a core's 131072 hold 9362."""
    assert chip_memory_problem(star(9362), 2) is None
    text = chip_memory_problem(star(9363), 2)
    assert text is not None
    assert "variable 0 has 9363 neighbours" in text
    assert "128 KiB" in text
    assert chip_memory_problem(star(9363), 1) is None


def test_a_chip_that_is_too_small() -> None:
    """2 x 20 neighbours, 2 copies: 240 bytes and one header of 8 per variable; 16 MiB hold 67650 of them."""
    assert chip_memory_problem(ring(67_650, 20), 2) is None
    text = chip_memory_problem(ring(67_651, 20), 2)
    assert text is not None
    assert "needs 2 chips or more" in text


def test_a_dense_problem_is_stored_in_whole_rows() -> None:
    """2890 variables all coupled: as 24-bit synapses twice 48 MiB, as rows of bytes twice 16 MiB less a little."""
    for n, fits in ((2890, True), (2900, False)):
        i, j = np.triu_indices(n, 1)
        problem = Problem.build(-np.ones(n, np.int64), i, j, np.full(len(i), 2))
        assert (chip_memory_problem(problem, 2) is None) == fits


def test_the_bound_is_one_of_the_mapper() -> None:
    """Whatever the mapper places takes at least the bytes that the bound counts."""
    problem = mis(300, 0.2, 0).problem
    indptr, indices, _ = problem.csr
    made = pattern_program(indptr, indices, np.ones_like(indices), 300, Settings())
    used = place_program(made, "oheo-gulch")[1].utilisation
    assert used.synaptic_bytes.sum() >= 2 * 3 * 2 * problem.num_pairs + 8 * 300


def test_simulations_warn_and_the_chip_refuses() -> None:
    problem = star(9400)
    with pytest.warns(UserWarning, match="would not fit one chip: variable 0 has 9400 neighbours"):
        assert solve(problem, "loihi2-sim", steps=20).best_cost < 0
    with pytest.raises(InputError, match="does not fit the chip"):
        check_chip_memory("loihi2", problem, "two-phase", 1)
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
    assert shown.err.count("would not fit one chip") == 1
    assert "Traceback" not in shown.err
