"""What swept parameters do: known effects are found, chance is called chance, seeds and not runs are counted."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
from scipy import stats

from equipoise.report.figures.studies import effect_of
from equipoise.study.effects import curves, effects, headlines, sentences, swept
from equipoise.study.entry import Entry
from equipoise.study.findings import conclude, priced_by
from equipoise.study.store import StudyData
from equipoise.targets import profile_of


def study(**grid: list[Any]) -> StudyData:
    """error = 1 / size + 0.1 (kind is "rough") + noise of the seed, nothing of ``idle``; and a result all alike."""
    entries = []
    for index, values in enumerate(product(*grid.values())):
        given = dict(zip(grid, values))
        rng = np.random.default_rng([given["seed"], 7])
        noise, jitter = rng.normal(0, 0.3), np.random.default_rng(index).normal(0, 0.01)
        error = 1 / given["size"] + 0.1 * (given.get("kind") == "rough") + noise + jitter
        entries.append(Entry(index, f"{index:03}", "t", {**given, "fixed": 3}, "complete",
                             results={"error": error, "same": 1.0, "word": "x", "flag": bool(index % 2)}))  # fmt: skip
    return StudyData("s", "", {}, entries)


GRID: dict[str, list[Any]] = {
    "size": [4, 1, 2],
    "kind": ["rough", "fine"],
    "idle": [[1], [2, 3]],
    "seed": [0, 1, 2, 3, 4],
}


def test_what_was_swept_and_what_it_is_about() -> None:
    data = study(**GRID)
    assert swept(data) == {"size": [1, 2, 4], "kind": ["rough", "fine"], "idle": [[1], [2, 3]]}
    assert headlines(data) == ["error"]
    data.entries[0].results["error: machine"] = 2.0
    assert headlines(data) == ["error"], "what one run gave is no headline"


def test_known_effects_are_found_with_their_intervals() -> None:
    data = study(**GRID)
    found = {effect.parameter: effect for effect in effects(data)}
    size = found["size"]
    assert (size.first.value, size.last.value, size.pairs, size.seeds) == (1, 4, 20, 5)
    assert size.difference[0] == pytest.approx(-0.75, abs=0.02)
    assert size.told
    assert found["kind"].difference[0] == pytest.approx(0.1, abs=0.02), "from the lower mean to the higher"
    assert (found["kind"].first.value, found["kind"].last.value) == ("fine", "rough")
    assert abs(found["idle"].difference[0]) < 0.02
    # the seed's noise is in both of a pair: the interval is that of the differences, by seed
    per_seed = [
        [e.results["error"] for e in data.entries if e.parameters["seed"] == s and e.parameters["size"] == n]
        for n in (1, 4) for s in range(5)
    ]  # fmt: skip
    means = np.array([np.mean(some) for some in per_seed]).reshape(2, 5)
    low, high = stats.ttest_rel(means[1], means[0]).confidence_interval(0.95)
    assert size.difference[1:] == pytest.approx((low, high))
    assert high - low < 0.1 < size.first.high - size.first.low


def test_sentences_say_what_may_be_chance() -> None:
    said = sentences(study(**GRID))
    assert len(said) == 3
    assert said[0].startswith("error: ")
    assert "at size = 1, " in said[0]
    assert "at 4; paired difference -0.7" in said[0]
    assert "5 seeds, 20 pairs)." in said[0]
    assert conclude(study(**GRID), "")[1:] == said
    noise = study(size=[2], other=["a", "b"], seed=[0, 1, 2])
    for entry in noise.entries:
        entry.results["error"] = float(np.random.default_rng(entry.index).normal())
    assert sentences(noise)[0].endswith("which may be chance.")


def test_one_seed_has_no_interval_and_one_value_no_effect() -> None:
    said = sentences(study(size=[1, 2], seed=[3]))
    assert "1 seed, 1 pair, so no interval" in said[0]
    assert "chance" not in said[0]
    assert sentences(study(size=[1], seed=[0, 1, 2])) == []
    assert sentences(StudyData("s", "", {}, [])) == []


def test_runs_without_their_partner_are_left_out() -> None:
    data = study(**GRID)
    for entry in data.entries:
        if entry.parameters["size"] == 4 and entry.parameters["seed"] > 1:
            entry.status = "failed"
        if entry.parameters["size"] == 4 and entry.parameters["kind"] == "fine":
            entry.results["error"] = math.nan
    size = next(effect for effect in effects(data) if effect.parameter == "size")
    assert (size.pairs, size.seeds) == (4, 2)


def test_numbers_beyond_all_bounds_are_no_results() -> None:
    data = study(**GRID)
    for entry, wild in zip(data.entries, (10**400, math.inf, -math.inf, math.nan, True)):
        entry.results["error"] = wild
    assert all(math.isfinite(effect.difference[0]) for effect in effects(data))


def test_a_workload_is_priced_as_the_machine_that_ran_it() -> None:
    def entry(**parameters: str) -> Entry:
        return Entry(0, "0", "workload", parameters, "complete")

    assert priced_by(entry(workload="membrane")) == "crossbar"
    assert priced_by(entry(workload="link-insertion", target="analog")) == profile_of("analog") != "loihi2"
    assert priced_by(entry(workload="link-insertion", target="auto")) == "loihi2"
    assert priced_by(entry(workload="membrane", target="elsewhere.py:Machine")) == "this-machine"


def test_curves_and_pictures() -> None:
    data = study(**GRID)
    found = curves(data, "error", "size", "kind")
    assert list(found) == ["kind = rough", "kind = fine"]
    assert [p.value for p in found["kind = fine"]] == [1, 2, 4]
    np.testing.assert_allclose(
        [p.mean for p in found["kind = rough"]], [p.mean + 0.1 for p in found["kind = fine"]], atol=0.02
    )
    for parameter in swept(data):
        axes = effect_of(data, "error", parameter).axes[0]
        assert axes.get_xlabel() == parameter
        assert len(axes.containers) >= 2, "a line for each value of another parameter"
