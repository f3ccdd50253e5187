"""The annealer's schemes: one row each. What a scheme does: its neuron, and `specification`."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SCHEMES", "Scheme"]


@dataclass(frozen=True)
class Scheme:
    """How variables decide together.

    Attributes:
        name: what users write.
        summary: half a line for help and listings.
        hardware_steps: time steps of the chip for one step of the algorithm.
        tempers: whether parallel tempering can exchange its states.
        packings_only: it takes independent sets and packings, and refuses other problems.
    """

    name: str
    summary: str
    hardware_steps: int
    tempers: bool = False
    packings_only: bool = False


SCHEMES: dict[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme("two-phase", "suggest, then switch one of several rivals", 2, tempers=True),
        Scheme("refractory", "flip, then rest for a random while", 1, tempers=True),
        Scheme("nebm", "draw every variable from its heat bath", 1),
        Scheme("eviction", "independent sets: turn on, neighbours go off", 2, packings_only=True),
    )
}
