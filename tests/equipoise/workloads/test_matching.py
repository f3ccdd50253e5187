"""Fair matching: the program's rows by hand, the loop with an exact oracle, every machine beside the linear program."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from equipoise.testing import check_workload
from equipoise.workloads import run_workload
from equipoise.workloads.matching.fairness import Market, random_market
from equipoise.workloads.matching.primal_dual import relaxed
from equipoise.workloads.matching.workload import FairMatching, _mended, whole
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event

SMALL = "small,people=4,rounds=60,reads=6,steps=400"


def market(seed: int, people: int = 4, phi: float = 0.9) -> Market:
    return random_market(np.random.default_rng(seed), people, phi)


def test_the_fairness_rows_are_the_definition() -> None:
    rng = np.random.default_rng(1)
    n, phi = 3, 0.8
    mean, deviation, liking = rng.normal(size=(n, n)), rng.uniform(0.2, 1, (n, n)), rng.normal(size=(n, n))
    found = Market.of(mean, deviation, liking, np.ones(n, np.int64), phi)
    x = rng.random((n, n))
    broken = []
    for i, j, k in itertools.product(range(n), repeat=3):
        if i == j:
            continue
        z = (mean[i, k] - mean[j, k]) / math.hypot(deviation[i, k], deviation[j, k])
        deserves = 0.5 * (1 + math.erf(z / math.sqrt(2)))
        liked = sum(x[i, other] for other in range(n) if liking[i, other] >= liking[i, k])
        broken.append(phi * deserves * x[j, k] - liked)
    np.testing.assert_allclose(found.rows @ x.ravel(), broken, atol=1e-12)
    assert found.unfairness(x) == pytest.approx(max(*broken, 0.0))


def test_the_linear_program_is_at_least_as_good_as_any_fair_mixture_and_keeps_the_rules() -> None:
    for seed in range(5):
        m = market(seed)
        best = m.best()
        assert m.unfairness(best) < 1e-9
        assert (best.sum(axis=0) <= 1 + 1e-9).all()
        assert (best.sum(axis=1) <= 1 + 1e-9).all()
        assert m.worth(m.best(fair=False)) >= m.worth(best) - 1e-9
        rng = np.random.default_rng(seed)
        matchings = np.array([np.eye(4)[list(p)] for p in itertools.permutations(range(4))])
        for _ in range(300):
            mixture = np.tensordot(rng.dirichlet(np.full(24, 0.1)), matchings, 1)
            if m.unfairness(mixture) < 1e-9:
                assert m.worth(mixture) <= m.worth(best) + 1e-9


def test_without_fairness_it_is_the_assignment() -> None:
    instance = FairMatching().instance(0, people=5, phi=0.0)
    best = max(
        itertools.permutations(range(5)), key=lambda p: sum(instance.market.utility[i, k] for i, k in enumerate(p))
    )
    assert instance.market.worth(FairMatching().truth(instance).answer) == pytest.approx(
        sum(instance.market.utility[i, k] for i, k in enumerate(best))
    )


def test_the_loop_with_an_exact_oracle_comes_to_the_linear_program() -> None:
    workload = FairMatching()
    instance = workload.instance(2, rounds=4000)
    found = workload.controls(instance)["exact oracle"].answer()
    market = instance.market
    assert abs(1 - market.worth(found) / market.worth(market.best())) < 2e-3
    assert market.unfairness(found) < 2e-3


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("people", [4, 10])
def test_chances_and_prices_relax_to_the_linear_program(seed: int, people: int) -> None:
    one = market(seed, people)
    found, ledger = relaxed(one, 400.0)
    assert abs(1 - one.worth(found) / one.worth(one.best())) < 1e-3
    assert one.unfairness(found) < 1e-3
    assert found.sum(axis=0).max() < 1 + 1e-3
    assert found.sum(axis=1).max() < 1 + 1e-3
    rows = people * (people - 1) * people + 2 * people
    assert ledger.totals()[Event.CELL_READS] == 400 * 2 * rows * people**2
    assert ledger.totals()[Event.ADC_CONVERSIONS] == people**2


@pytest.mark.parametrize(("off", "missing", "unfair"), [(0.01, 2e-3, 0.02), (0.1, 0.03, 0.2)])
def test_merits_that_are_a_little_off_cost_little(off: float, missing: float, unfair: float) -> None:
    """As the paper proves: what is unfair grows with what is wrong, at most in proportion."""
    workload, worst = FairMatching(), []
    for seed in range(6):
        instance = workload.instance(seed, off=off)
        assert np.array_equal(instance.market.rows, workload.instance(seed).market.rows)
        truth = workload.truth(instance)
        answer = workload.controls(instance)["linear program"].answer()
        scores = workload.score(instance, truth, answer)
        worst.append((abs(scores["utility missing"].value), scores["largest unfairness"].value))
    assert 0 < np.max(worst, axis=0)[0] < missing
    assert 0 < np.max(worst, axis=0)[1] < unfair
    relaxing = workload.run(instance, None, 0).states
    assert instance.seen.worth(relaxing) == pytest.approx(instance.seen.worth(answer), rel=1e-3)  # several are best


def test_weights_and_mended_tables() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        weights = rng.normal(size=(5, 5))
        units = whole(weights)
        assert (units.min(), units.max()) == (0, 100)
        table = (rng.random((5, 5)) < 0.3).astype(np.uint8)
        mended = _mended(table, weights)
        assert (mended.sum(axis=0) == 1).all()
        assert (mended.sum(axis=1) == 1).all()
        permutation = np.eye(5, dtype=np.uint8)[rng.permutation(5)]
        np.testing.assert_array_equal(_mended(permutation, weights), permutation)
    assert (whole(np.ones((2, 2))) == 0).all()


@pytest.mark.parametrize("target", ["loihi2-sim", "primal-dual"])
def test_it_is_a_workload(target: str) -> None:
    check_workload(FairMatching(), target, SMALL)


@pytest.mark.slow
def test_the_small_size_is_fair_and_within_a_percent() -> None:
    result = run_workload("fair-matching", target="loihi2-sim", seed=0)
    scores = result.machine.scores
    assert scores["utility missing"].value < 0.012
    assert scores["largest unfairness"].value < 5e-3
    assert result.answers["without fairness"].scores["largest unfairness"].value > 0.5


@pytest.mark.parametrize("target", ["analog", "p-bits", "cpu"])
def test_other_machines(target: str) -> None:
    result = run_workload("fair-matching", size=SMALL, target=target, seed=0)
    assert result.machine.scores["places given"].value == 1.0
    assert result.energy.value is None or result.energy.value > 0


@pytest.mark.parametrize(
    ("size", "words"), [({"people": 1}, "people=1"), ({"phi": 1.5}, "phi"), ({"rounds": 0}, "rounds")]
)
def test_sizes_that_make_no_sense(size: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        FairMatching().instance(0, **size)  # type: ignore[arg-type]
