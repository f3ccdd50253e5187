"""Sizes and numbers beyond what can be held are refused by their own message, before anything is allocated."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.qubo.generators import GENERATORS, Knapsack, QuadraticAssignment, generate
from equipoise.qubo.generators._base import EDGE_BYTES, PAIR_BYTES, VARIABLE_BYTES
from hw_profiles.errors import InputError

SMALL: dict[str, dict[str, Any]] = {
    "mis": {"nodes": 12, "density": 0.3, "edge_cost": 8},
    "cover": {"nodes": 12, "density": 0.3, "edge_cost": 8},
    "maxcut": {"nodes": 12, "density": 0.3},
    "colouring": {"nodes": 8, "density": 0.3, "colours": 3},
    "partition": {"count": 6, "largest": 50},
    "tour": {"cities": 4, "side": 100},
    "qap": {"facilities": 4, "largest": 9},
    "knapsack": {"items": 5, "largest": 50},
    "portfolio": {"assets": 12, "chosen": 3},
}


def test_every_generator_is_here() -> None:
    assert set(SMALL) == set(GENERATORS)


@pytest.mark.parametrize(
    ("name", "parameter"), [(n, p) for n, values in SMALL.items() for p in values if p != "density"]
)
@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [10**23, 10**400, -(10**23)])
def test_huge_numbers(name: str, parameter: str, value: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as refused:
            generate(name, seed=0, **{**SMALL[name], parameter: value})
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert len(str(refused.value)) < 280


@pytest.mark.parametrize("option", ["knapsack --items", "qap --facilities", "portfolio --assets", "tour --side"])
def test_at_the_command_line(option: str, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["qubo", "generate", *option.split(), "9" * 23, "--out", str(tmp_path / "p.qubo")]
    assert run([*words, "--cities", "4"] if "tour" in option else words) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_limit_is_the_one_that_is_stated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EQUIPOISE_READ_LIMIT", "100K")
    generate("knapsack", seed=0, items=20)
    with pytest.raises(InputError, match=r"200 items: the instance would take .* the limit is 100 KiB; set EQUIPOISE_"):
        generate("knapsack", seed=0, items=200)


LARGER: list[tuple[str, dict[str, Any]]] = [
    ("mis", {"nodes": 300, "density": 0.2}),
    ("maxcut", {"nodes": 2000, "density": 0.001}),
    ("colouring", {"nodes": 200, "density": 0.2, "colours": 5}),
    ("partition", {"count": 200}),
    ("tour", {"cities": 20}),
    ("qap", {"facilities": 10}),
    ("knapsack", {"items": 200}),
    ("portfolio", {"assets": 200}),
]


@pytest.mark.parametrize(("name", "values"), LARGER)
def test_an_instance_takes_no_more_than_is_counted(name: str, values: dict[str, Any]) -> None:
    generate(name, seed=0, **SMALL[name])
    tracemalloc.start()
    problem = generate(name, seed=0, **values).problem
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    edges = int(values.get("density", 0) * values.get("nodes", 0) ** 2 / 2)
    counted = VARIABLE_BYTES * problem.num_variables + PAIR_BYTES * problem.num_pairs + EDGE_BYTES * edges
    assert counted / 10 < peak < counted + (100 << 10)


def test_costs_that_would_wrap_round_are_refused() -> None:
    with pytest.raises(InputError, match="a knapsack: the costs add up to"):
        Knapsack([10**6] * 3, [10**7] * 3, 2 * 10**7)
    with pytest.raises(InputError, match="a quadratic assignment: the costs add up to"):
        QuadraticAssignment(np.full((3, 3), 2**40), np.full((3, 3), 2**20))
    assert generate("knapsack", seed=0, items=20, largest=1000).problem.integer
