"""A problem with constraints: an objective that is a QUBO, and linear conditions that a solution must meet."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.constraints.constraint import Constraint
from equipoise.qubo.constraints.cqm import parts_of_cqm
from equipoise.qubo.constraints.encoding import Encoding
from equipoise.qubo.constraints.penalties import penalised, sufficient
from equipoise.qubo.problem import Problem
from hw_profiles.errors import InputError

__all__ = ["ConstrainedProblem", "from_cqm"]


@dataclass(frozen=True, eq=False)
class ConstrainedProblem:
    """Minimise ``objective`` over the states that meet every constraint.

    Every method returns a new problem, so they chain:

    >>> from equipoise.qubo import Problem
    >>> free = Problem.of({("a", "a"): -3, ("b", "b"): -2, ("c", "c"): -1, ("a", "b"): 1})
    >>> model = ConstrainedProblem(free).cardinality(["a", "b", "c"], 2)
    >>> model.feasible([1, 1, 0]), model.violations([1, 1, 1])
    (True, {'exactly 2 of 3': 1.0})

    Attributes:
        objective: over the binary variables.
        constraints: in the order they were added.
        encodings: where the source has whole-number or spin variables, how bits stand for them.
    """

    objective: Problem
    constraints: tuple[Constraint, ...] = ()
    encodings: tuple[Encoding, ...] = field(default=())

    @property
    def num_variables(self) -> int:
        return self.objective.num_variables

    @property
    def name(self) -> str:
        return self.objective.name

    @property
    def convention(self) -> str:
        return f"{self.objective.convention}, under {len(self.constraints)} constraints"

    @cached_property
    def _place(self) -> dict[Hashable, int]:
        return {label: i for i, label in enumerate(self.objective.labels)}

    def one_hot(self, labels: Iterable[Hashable], label: str = "") -> ConstrainedProblem:
        """Exactly one of them is 1."""
        return self.cardinality(labels, 1, label)

    def cardinality(self, labels: Iterable[Hashable], ones: int, label: str = "") -> ConstrainedProblem:
        """Exactly ``ones`` of them are 1."""
        names = self._names(labels)
        return self.constrain(dict.fromkeys(names, 1), "==", ones, label or f"exactly {ones} of {len(names)}")

    def at_most(self, labels: Iterable[Hashable], ones: int, label: str = "") -> ConstrainedProblem:
        """At most ``ones`` of them are 1."""
        names = self._names(labels)
        return self.constrain(dict.fromkeys(names, 1), "<=", ones, label or f"at most {ones} of {len(names)}")

    def constrain(
        self, terms: Mapping[Hashable, int | float], relation: str, bound: int | float, label: str = ""
    ) -> ConstrainedProblem:
        """sum terms[v] x_v  relation  bound.

        Raises:
            InputError: an empty sum, a label that the problem does not have, or a condition nothing can meet.
        """
        name = label or f"constraint {len(self.constraints)}"
        if not terms:
            raise InputError(f"constraint {name!r} has no variables")
        unknown = [v for v in terms if v not in self._place]
        if unknown:
            raise InputError(f"constraint {name!r} names {unknown[0]!r}, which is no variable of the problem")
        taken = {c.label for c in self.constraints}
        if name in taken:
            name = next(f"{name} ({k})" for k in range(2, len(taken) + 3) if f"{name} ({k})" not in taken)
        made = Constraint.of(name, [self._place[v] for v in terms], list(terms.values()), relation, bound)
        return replace(self, constraints=(*self.constraints, made))

    @staticmethod
    def _names(labels: Iterable[Hashable]) -> list[Hashable]:
        names = list(labels)
        if len(set(names)) != len(names):
            raise InputError("a group names a variable twice; each may stand in it once")
        if not names:
            raise InputError("a group of no variables constrains nothing; name at least one")
        return names

    def violations(self, x: npt.ArrayLike) -> dict[str, float]:
        """Label -> by how much it is missed, in the source's own units, of every constraint that does not hold."""
        state = self._state(x)
        missed = {c.label: float(c.violation(state) * c.unit) for c in self.constraints}
        return {label: by for label, by in missed.items() if by}

    def feasible(self, x: npt.ArrayLike) -> bool:
        """Whether every constraint holds."""
        state = self._state(x)
        return not any(c.violation(state) for c in self.constraints)

    def cost(self, x: npt.ArrayLike) -> int | float:
        """The objective alone."""
        return self.objective.cost(self._state(x))

    def decode(self, x: npt.ArrayLike) -> dict[Hashable, int | float]:
        """The source's variables: bits as they are, whole numbers and spins put together again."""
        state = self._state(x)
        coded = {bit for encoding in self.encodings for bit in encoding.bits}
        plain: dict[Hashable, int | float] = {
            label: int(state[i]) for i, label in enumerate(self.objective.labels) if i not in coded
        }
        return plain | {encoding.label: encoding.value(state) for encoding in self.encodings}

    def _state(self, x: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        state = np.asarray(x).astype(np.uint8)
        if state.shape != (self.num_variables,):
            raise InputError(f"a solution of shape {state.shape} for {self.num_variables} variables")
        return state

    def to_problem(self) -> Problem:
        """A plain QUBO whose best states meet every constraint that can be met: prices that surely suffice."""
        return penalised(self, [sufficient(self)] * len(self.constraints)).problem

    @classmethod
    def of(cls, source: Any) -> ConstrainedProblem:
        """A constrained problem itself, a `dimod.ConstrainedQuadraticModel`, or whatever `Problem.of` takes."""
        if isinstance(source, cls):
            return source
        if hasattr(source, "constraints") and hasattr(source, "objective") and hasattr(source, "vartype"):
            return from_cqm(source)
        return cls(Problem.of(source))

    def __repr__(self) -> str:
        return f"<ConstrainedProblem: {self.num_variables} variables, {len(self.constraints)} constraints>"


def from_cqm(cqm: Any, name: str = "") -> ConstrainedProblem:
    """The same model over bits: a spin is 2 x - 1, a whole number a sum of powers of two between its bounds.

    Raises:
        InputError: a real variable, bounds that are none, or a constraint that is not linear.
    """
    return ConstrainedProblem(*parts_of_cqm(cqm, name))
