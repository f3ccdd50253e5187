"""Does a problem fit one chip, or several: one answer, by hand and from everybody who asks; warnings; the price."""

from __future__ import annotations

import json
import pickle
import warnings
from pathlib import Path

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.qubo import Problem, placing, solve, write
from equipoise.qubo.generators import mis
from equipoise.qubo.placing import demands_of
from equipoise.targets import find_target
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from mappers import DoesNotFitError
from mappers.limits import load_system
from mappers.program import connectivity_of, place_on_smallest, place_program, surely_fits
from substrates.loihi2.annealing import Loihi2Annealer, Settings
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


def drawn(rng: np.random.Generator) -> Problem:
    """From nearly nothing to what no chip holds: sparse and full, narrow weights and wide, even and with hubs."""
    n = int(10 ** rng.uniform(0, 3.6))
    pairs = int(min(n * (n - 1) / 2, 10 ** rng.uniform(0, 5.8)))
    hub = rng.random() < 0.3
    rows = rng.integers(0, max(n // 50, 1) if hub else n, pairs)
    cols = rng.integers(0, n, pairs)
    top = int(rng.choice([1, 100, 30_000]))
    kept = rows != cols
    return Problem.build(rng.integers(-9, 9, n), rows[kept], cols[kept], rng.integers(-top, top + 1, kept.sum()))


@pytest.mark.parametrize("scheme", ["two-phase", "refractory", "nebm"])
def test_what_surely_fits_fits_and_the_bounds_bound(scheme: str) -> None:
    """The bounds hold for every group of the program itself, and what they promise the partitioner keeps."""
    rng, sure = np.random.default_rng(5), 0
    system = load_system("oheo-gulch")
    for _ in range(25):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            machine = find_target("loihi2-sim").make("qubo", drawn(rng), scheme)
        annealer = machine._annealer
        demands = demands_of(annealer.layout, annealer.settings)
        net = connectivity_of(annealer.pattern)
        received = np.bincount(net.indices, minlength=net.neurons)
        order = [0, 1, 3, 2] if len(demands) == 4 else [0, 1, 2]  # trees come last in the program
        assert len(net.groups) == len(demands)
        for group, demand, first in zip(net.groups, [demands[i] for i in order], net.starts):
            into = received[int(first) : int(first) + group.size]
            assert group.size == demand.group.size
            assert group.state_words == demand.group.state_words
            assert group.dense or not demand.group.dense
            assert into.sum() <= demand.synapses
            assert into.max() <= demand.most
        if surely_fits(demands, system):
            sure += 1
            assert place_program(annealer.pattern, system)[1].utilisation.cores_used <= 120
    assert sure > 12


def test_the_bound_knows_when_a_neuron_is_too_large() -> None:
    def sure(problem: Problem) -> bool:
        indptr, indices, entry = problem.csr
        annealer = Loihi2Annealer(indptr, indices, problem.pairs[entry] // 2, problem.linear, Settings(exponent=0))
        return surely_fits(demands_of(annealer.layout, annealer.settings), load_system("oheo-gulch"))

    assert sure(star(700))
    assert not sure(star(9400))


def test_nothing_is_placed_counted_or_priced_before_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[str] = []

    def place(*given: object, **options: object) -> object:
        placed.append("placed")
        return place_on_smallest(*given, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(placing, "place_on_smallest", place)
    solution = solve(mis(200, 0.05, 1).problem, "loihi2-sim", steps=50, reads=3, seed=1)
    assert solution.costs
    assert not placed
    assert solution.energy.value is not None
    assert solution.energy.value > 0
    assert solution.ledger.total(Event.STEPS) == 3 * (2 * 50 + 3)
    assert solution.latency.value is not None
    assert placed == ["placed"]


def test_what_is_asked_for_late_is_what_was_true_at_once(tmp_path: Path) -> None:
    """A run with a record counts while it works; energy is that of the run, whatever becomes of the ledger after."""
    problem = mis(300, 0.1, 2).problem
    early = solve(problem, "loihi2-sim", steps=40, reads=9, seed=4, out=tmp_path / "early.h5")
    late = solve(problem, "loihi2-sim", steps=40, reads=9, seed=4)
    late.ledger.add(Event.STEPS, 10**9)
    assert late.energy == early.energy == price(early.ledger, load_profile("loihi2")).energy
    assert Ledger(late.ledger).total(Event.STEPS) == 10**9 + early.ledger.total(Event.STEPS)
    assert {k: n for k, n in late.ledger.items() if k.event is not Event.STEPS} == {
        k: n for k, n in early.ledger.items() if k.event is not Event.STEPS
    }
    again = pickle.loads(pickle.dumps(solve(problem, "loihi2-sim", steps=40, reads=9, seed=4)))
    assert again.energy == early.energy
    assert dict(again.ledger) == dict(early.ledger)


def test_a_fitted_profile_still_refuses_before_there_is_a_result(tmp_path: Path) -> None:
    profile = tmp_path / "narrow.toml"
    profile.write_text(
        'extends = "loihi2"\nname = "narrow"\ntitle = "Narrow"\n[[validity]]\nmetric = "cores"\nlow = 500\nhigh = 600\n'
    )
    with pytest.raises(InputError, match="refuses to extrapolate: cores is 3"):
        solve(mis(50, 0.1, 1).problem, "loihi2-sim", steps=5, profile=str(profile))
