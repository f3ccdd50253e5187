"""Searches by name: what `solve(target="cpu", method=...)` and ``--method`` choose from.

A method is a function ``(problem, structure) -> factory or None``: None where it does not fit the problem, else a
function ``seed -> Search``. To add one, write the function and its `Search`, and list it here or under the entry point
group ``equipoise.searches``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, lazy

if TYPE_CHECKING:
    from equipoise.qubo.problem import Problem
    from equipoise.qubo.search.base import Search
    from equipoise.qubo.search.structure import Structure

__all__ = ["METHODS", "Factory", "Method", "choose"]

Factory = Callable[[int], "Search"]
Method = Callable[["Problem", "Structure"], "Factory | None"]

#: sparser than this, annealing beats tabu by far (cuts, grids); chosen on random graphs of 2000 nodes
SPARSE = 0.02


def _accept(thing: Any, what: str) -> Method:
    if not callable(thing):
        raise InputError(f"{what} is {thing!r}; expected a function (problem, structure) -> factory or None")
    return thing


METHODS: Registry[Method] = Registry(
    "method",
    "equipoise.searches",
    (
        lazy("exchange", "equipoise.qubo.search.methods:exchange", "anneals over permutations: tours, assignments"),
        lazy("eviction", "equipoise.qubo.search.methods:eviction", "independent sets and packings"),
        lazy("running-total", "equipoise.qubo.search.methods:running_total", "knapsacks, number partitioning"),
        lazy("memetic", "equipoise.qubo.search.methods:memetic", "tabu search on a population"),
        lazy("tabu", "equipoise.qubo.search.methods:tabu", "one-flip tabu search with restarts"),
        lazy("sweeps", "equipoise.qubo.search.methods:sweeps", "annealing, one variable after the other"),
    ),
    _accept,
)


def choose(problem: Problem, structure: Structure, method: str = "auto") -> tuple[str, Factory]:
    """(name, factory) of ``method``, or of the one that suits the problem's structure, size and density.

    Raises:
        InputError: no such method, or it does not fit this problem.
    """
    if method != "auto":
        factory = METHODS.find(method)(problem, structure)
        if factory is None:
            raise InputError(
                f"the method {method!r} does not fit this problem ({structure}); take auto, memetic, tabu or sweeps"
            )
        return method, factory
    order = ["exchange", "eviction", "running-total"]
    order += ["sweeps", "memetic"] if problem.density < SPARSE and problem.num_variables > 500 else ["memetic"]
    for name in order:
        factory = METHODS.find(name)(problem, structure)
        if factory is not None:
            return name, factory
    raise AssertionError("memetic fits every problem")
