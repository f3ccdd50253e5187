"""What a workload is: a problem with a known answer, a machine's program for it, and how good its answer was."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from equipoise.targets import Target, Work, able
from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from substrates.seeds import stream

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Control", "Run", "Score", "Truth", "Workload", "check_sizes"]

Role = Literal["classical", "trivial", "other"]


@dataclass(frozen=True, eq=False)
class Truth:
    """The exact answer, or what takes its place.

    Attributes:
        answer: in the form that `Workload.decode` gives.
        how: how it was found, in a few words: enumeration, a linear program, a closed form.
        exact: False beyond the sizes an exact answer can be had for; ``how`` then says what the bound is.
        found: whatever else `score` needs of it.
    """

    answer: Any
    how: str
    exact: bool = True
    found: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Run:
    """What a machine did.

    Attributes:
        states: what was read from it, for `Workload.decode`.
        ledger: the counts, programming and reading included.
    """

    states: Any
    ledger: Ledger


@dataclass(frozen=True, eq=False)
class Control:
    """An answer without the machine, timed on this processor.

    Attributes:
        role: ``classical`` is the best method known for the problem, ``trivial`` what anybody would try first; every
            workload has both. ``other``: such as the host's part of the machine's answer, alone.
        text: what it does.
        answer: gives the answer, the same each time.
    """

    role: Role
    text: str
    answer: Callable[[], Any]


@dataclass(frozen=True)
class Score:
    """One figure of an answer.

    Attributes:
        value: the figure; ``low`` and ``high`` its 95 % interval, both the value where it is exact.
        target: what it should reach; None where it only informs.
        better: ``lower`` or ``higher``.
        of, at: the curve that it is a point of, and where; the picture draws them.
    """

    value: float
    low: float
    high: float
    target: float | None = None
    better: Literal["lower", "higher"] = "lower"
    of: str = ""
    at: float | None = None

    @classmethod
    def exactly(cls, value: float, target: float | None = None, **more: Any) -> Score:
        """One without an interval: a figure of a problem that is not a sample of anything."""
        return cls(value, value, value, target, **more)

    @property
    def met(self) -> bool | None:
        """Whether the target was reached; None without one, or where the figure could not be had (NaN)."""
        if self.target is None or math.isnan(self.value):
            return None
        return self.value <= self.target if self.better == "lower" else self.value >= self.target


class Workload(ABC):
    """One use of relaxing hardware; see `equipoise.workloads` for how to add one.

    Attributes:
        title: what it is, as a phrase.
        unit: what energy and time are counted for, such as ``frame``; see `units`.
        work: kind of work that a target must be able to do.
        sizes: name -> arguments of `instance`; ``small`` is there and takes under two minutes on every machine.
        unsuitable: target -> why this does not run there although the target can do the work.
        panels: pictures side by side that `picture` draws.
    """

    title: ClassVar[str]
    unit: ClassVar[str] = "problem"
    work: ClassVar[Work] = "qubo"
    sizes: ClassVar[Mapping[str, Mapping[str, Any]]] = {"small": {}}
    unsuitable: ClassVar[Mapping[str, str]] = {}
    panels: ClassVar[int] = 1

    # Keyword arguments of `instance` are its own: they reach users as --size NAME,key=value.
    @abstractmethod
    def instance(self, seed: int) -> Any:
        """The problem, or the batch of them, that follows from ``seed`` and the size.

        Raises:
            InputError: a size that makes no sense.
        """

    @abstractmethod
    def truth(self, instance: Any) -> Truth:
        """The exact answer, by enumeration, a linear or quadratic program, dynamic programming or a closed form."""

    @abstractmethod
    def program(self, instance: Any, target: Target) -> Any:
        """What ``target`` runs, made once.

        Raises:
            InputError: the target lacks something that only shows now.
        """

    @abstractmethod
    def run(self, instance: Any, program: Any, seed: int) -> Run:
        """Run it; everything random of the machine follows from ``seed``."""

    @abstractmethod
    def decode(self, instance: Any, states: Any) -> Any:
        """What the host makes of the states: an answer."""

    @abstractmethod
    def controls(self, instance: Any) -> dict[str, Control]:
        """Name -> answer without the machine; at least one ``classical`` and one ``trivial``."""

    @abstractmethod
    def score(self, instance: Any, truth: Truth, answer: Any) -> dict[str, Score]:
        """Name -> figure. The first is the workload's headline."""

    def units(self, instance: Any) -> int:
        """How many of ``unit`` the instance holds."""
        del instance
        return 1

    def machines(self) -> dict[str, Target]:
        """Name -> target of every machine that it runs on, here or not, the usual one first.

        Override it to offer a machine of the workload's own: a `Target` without a factory, whose profile prices it.
        """
        return {target.name: target for target in able(self.work) if not self.refusal(target)}

    def refusal(self, target: Target) -> str:
        """What ``target`` lacks, in words; empty where it can run this."""
        from equipoise.targets import WORKS  # late: nothing but words

        if self.work not in target.works:
            return f"it cannot {WORKS[self.work]}"
        return self.unsuitable.get(target.name, "")

    def tables(self, instance: Any, truth: Truth, answers: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
        """Rows that the record keeps for `picture`, besides the scores; ``truth`` is one of the answers."""
        del instance, truth, answers
        return {}

    def picture(self, axes: Any, tables: Mapping[str, list[dict[str, Any]]]) -> str:
        """Draw what a record's tables hold on matplotlib axes (a list of them, with ``panels`` > 1).

        Returns:
            What can be seen, in a sentence, for those who cannot see it.
        """
        from equipoise.workloads.pictures import draw_scores  # late: only who draws needs it

        return draw_scores(axes, tables["scores"])

    @staticmethod
    def draw(seed: int, name: str, *index: int) -> np.random.Generator:
        """The random stream called ``name`` of ``seed``."""
        return stream(seed, f"workload {name}", *index)


def check_sizes(*limits: tuple[str, float, float, float]) -> None:
    """Refuse arguments of `Workload.instance` outside their limits.

    Args:
        limits: (name, value, lowest, highest) of each.

    Raises:
        InputError: the first that lies outside.
    """
    for name, value, low, high in limits:
        if not low <= value <= high:
            raise InputError(f"{name}={value}: expected {low} to {high}")
