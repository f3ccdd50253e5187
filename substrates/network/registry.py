"""Activations by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.registry import Registry, lazy

if TYPE_CHECKING:
    from substrates.network.activations import Activation

__all__ = ["ACTIVATIONS", "activation"]


def _accept(thing: Any, what: str) -> Activation:
    from substrates.network.activations import Activation

    if not isinstance(thing, Activation):
        raise InputError(f"{what} is {thing!r}; expected a substrates.network.Activation")
    return thing


_HOME = "substrates.network.activations"
ACTIVATIONS: Registry[Activation] = Registry(
    "activation",
    "equipoise.activations",
    (
        lazy("logistic", f"{_HOME}:LOGISTIC", "0 to 1, slope 1 at 1/2"),
        lazy("tanh", f"{_HOME}:TANH", "-1 to 1"),
        lazy("dsilu", f"{_HOME}:DSILU", "a smooth hard sigmoid on [0, 2]"),
        lazy("hard-sigmoid", f"{_HOME}:HARD_SIGMOID", "clips at 0 and 1"),
        lazy("relu", f"{_HOME}:RELU", "clips at 0"),
        lazy("identity", f"{_HOME}:IDENTITY", "linear"),
        lazy(
            "diodes", "substrates.analog.resistive.coupling:DIODES", "first half of the nodes at or above 0, rest below"
        ),
    ),
    _accept,
)


def activation(name: str) -> Activation:
    """Look an activation up by name, or at ``path.py:Name``.

    Raises:
        InputError: no such activation; the message lists those there are.
    """
    return ACTIVATIONS.find(name)
