"""Generators by name: functions that make a problem which knows what it means.

A generator is a function with typed, documented parameters, ``seed`` among them, that returns an `Instance`. The
command line (``equipoise qubo generate NAME --parameter ...``) and studies (``generator = "NAME"``) take their options
from the signature; the help of a parameter stands in ``Annotated[int, "help"]``.
"""

from __future__ import annotations

# Imports inside functions are late: the table of generators is read without numba.
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, lazy

if TYPE_CHECKING:
    from equipoise.qubo.generators._base import Instance

__all__ = ["GENERATORS", "Generator", "generate"]

Generator = Callable[..., "Instance"]


def _accept(thing: Any, what: str) -> Generator:
    if not callable(thing) or "seed" not in inspect.signature(thing).parameters:
        raise InputError(f"{what} is {thing!r}; expected a function of a seed that returns a generators.Instance")
    generator: Generator = thing
    return generator


_HOME = "equipoise.qubo.generators"
GENERATORS: Registry[Generator] = Registry(
    "generator",
    "equipoise.generators",
    (
        lazy("mis", f"{_HOME}.independent_set:mis", "Maximum independent set (NeuroBench's task)."),
        lazy("cover", f"{_HOME}.independent_set:vertex_cover", "Minimum vertex cover."),
        lazy("maxcut", f"{_HOME}.cut:maxcut", "Max-Cut on a random graph."),
        lazy("colouring", f"{_HOME}.assignment:colouring", "Graph colouring: cost 0 is a proper colouring."),
        lazy("partition", f"{_HOME}.cut:partition", "Number partitioning."),
        lazy("tour", f"{_HOME}.assignment:tour", "Travelling salesman on random cities."),
        lazy("qap", f"{_HOME}.quadratic_assignment:qap", "Quadratic assignment on a grid of places."),
        lazy("knapsack", f"{_HOME}.selection:knapsack", "Knapsack with slack bits."),
        lazy("portfolio", f"{_HOME}.selection:portfolio", "A fixed number of assets, risk against return."),
    ),
    _accept,
)


def generate(name: str, **parameters: Any) -> Instance:
    """The instance that the generator ``name`` makes of ``parameters``.

    Raises:
        InputError: no such generator, parameters that it does not have or lacks, values it cannot use.
    """
    make = GENERATORS.find(name)
    try:
        inspect.signature(make).bind(**parameters)
    except TypeError as error:
        known = ", ".join(inspect.signature(make).parameters)
        raise InputError(f"the generator {name!r}: {error}; its parameters are {known}") from None
    from equipoise.qubo.generators._base import Instance

    made = make(**parameters)
    if not isinstance(made, Instance):
        raise InputError(f"the generator {name!r} returned a {type(made).__name__}; expected a generators.Instance")
    return made
