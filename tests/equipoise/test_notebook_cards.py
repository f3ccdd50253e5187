"""What a notebook shows: cards with escaped text and pictures that hold what the result says."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from equipoise import Problem, Record, TrainConfig, solve, train
from equipoise.qubo.generators import mis
from hw_profiles.notebook import card
from hw_profiles.profile import load_profile
from substrates.network import layered


def parsed(html: str) -> str:
    """Its text; fails where it is not well-formed."""
    return " ".join(ElementTree.fromstring(html.replace("xlink:href", "href")).itertext())


@pytest.fixture(scope="module")
def solution() -> Any:
    return solve(mis(30, 0.2, 1), "loihi2-sim", steps=200, reads=3)


def test_a_solution(solution: Any) -> None:
    text = parsed(solution._repr_html_())
    assert f"cost {solution.best_cost}" in text
    assert "loihi2-sim" in text
    assert "J (" in text
    traces, graph = solution.plot().axes
    ends = {float(line.get_ydata()[-1]) for line in traces.lines}
    assert ends == {float(cost) for cost in solution.costs}
    assert len(graph.collections[-1].get_offsets()) == 30


def test_a_large_solution_is_not_drawn_on_its_graph() -> None:
    problem = Problem.of(-np.eye(301, dtype=np.int64) + np.eye(301, k=1, dtype=np.int64) * 2)
    assert len(solve(problem, "loihi2-sim", steps=5).plot().axes) == 1


def test_a_training() -> None:
    result = train(TrainConfig(layers=(64, 8, 10), epochs=2, train_samples=60, test_samples=30, validation=0.2))
    text = parsed(result._repr_html_())
    assert f"{100 * result.test_accuracy:.2f} %" in text
    first = result.plot().axes[0]
    np.testing.assert_allclose(first.lines[0].get_ydata(), [100 * row["test_accuracy"] for row in result.epochs])
    assert [line.get_label() for line in first.lines] == ["test", "validation"]


def test_a_record_a_network_and_a_profile(tmp_path: Path) -> None:
    with Record.create(tmp_path / "<b>.h5", kind="t", config={}, seeds={}, target={"resolved": "x"}) as record:
        record.result("cost", -3)
        record.result("text", "<script>")
    html = Record.open(tmp_path / "<b>.h5")._repr_html_()
    assert "<script>" not in html
    assert "Record <b>.h5" in parsed(html)
    assert "cost -3" in " ".join(parsed(html).split())
    assert "l1 12 logistic" in " ".join(parsed(layered([4, 12, 3])._repr_html_()).split())
    assert "static_power" in parsed(load_profile("loihi2")._repr_html_())


def test_names_are_escaped_and_long_values_cut() -> None:
    assert "&lt;i&gt;" in card("<i>", [("a", "x" * 5000)])
    assert len(card("t", [("a", "x" * 5000)])) < 2000
