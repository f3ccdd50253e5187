"""The kit for samplers refuses mutants by the promise they break, and passes a sampler that enumerates."""

from __future__ import annotations

import math
from typing import Any

import dimod
import numpy as np
import pytest

from equipoise.testing.samplers import check_sampler


def sampleset(rows: Any, bqm: Any) -> Any:
    """Samples with energies that do not depend on the order of the model's terms."""
    rows = [dict(row) for row in rows]
    names = list(bqm.variables)

    def energy(row: dict[Any, int]) -> float:
        terms = [bias * row[v] for v, bias in bqm.linear.items()]
        return math.fsum([*terms, *(bias * row[u] * row[v] for (u, v), bias in bqm.quadratic.items()), bqm.offset])

    table = np.array([[row[v] for v in names] for row in rows], np.int8).reshape(len(rows), len(names))
    return dimod.SampleSet.from_samples((table, names), bqm.vartype, [energy(row) for row in rows])


class Enumerating(dimod.Sampler):
    """Every read is one of the best states, drawn by (seed, read number)."""

    properties: dict[str, Any] = {}
    parameters: dict[str, Any] = {"num_reads": [], "seed": []}

    def __init__(self) -> None:
        self.calls = 0

    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **ignored: Any) -> Any:
        self.calls += 1
        if not bqm.num_variables:
            return sampleset([{}] * num_reads, bqm)
        names = sorted(bqm.variables, key=str)
        every = dimod.ExactSolver().sample(bqm)
        best = [s for s, e in every.data(["sample", "energy"]) if e <= every.first.energy + 1e-9]
        best.sort(key=lambda sample: [sample[v] for v in names])
        rows = [best[np.random.default_rng([seed, r]).integers(len(best))] for r in range(num_reads)]
        return sampleset(rows, bqm)


class Mutant(Enumerating):
    """Changes the sample set on its way out."""

    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        return self.change(super().sample(bqm, num_reads, seed, **more), bqm)

    def change(self, found: Any, bqm: Any) -> Any:
        return found


class ForgetsTheOffset(Mutant):
    def change(self, found: Any, bqm: Any) -> Any:
        return dimod.SampleSet.from_samples(
            (found.record.sample, found.variables), found.vartype, found.record.energy - float(bqm.offset)
        )


class OneRead(Enumerating):
    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        return super().sample(bqm, 1, seed, **more)


class WrongVartype(Mutant):
    def change(self, found: Any, bqm: Any) -> Any:
        return found.change_vartype("SPIN" if found.vartype is dimod.BINARY else "BINARY", inplace=False)


class IgnoresTheSeed(Enumerating):
    """Draws from its own generator."""

    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        names, random = list(bqm.variables), np.random.default_rng(self.calls)
        self.calls += 1
        values = (0, 1) if bqm.vartype is dimod.BINARY else (-1, 1)
        rows = random.choice(values, (num_reads, len(names)))
        return sampleset([dict(zip(names, row)) for row in rows.tolist()], bqm)


class CountsItsReads(Enumerating):
    """Read 0 depends on how many reads there are."""

    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        names, random = list(bqm.variables), np.random.default_rng([seed, num_reads])
        values = (0, 1) if bqm.vartype is dimod.BINARY else (-1, 1)
        rows = random.choice(values, (num_reads, len(names)))
        return sampleset([dict(zip(names, row)) for row in rows.tolist()], bqm)


class OrderOfInsertion(Enumerating):
    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        names = list(bqm.variables)
        values = (0, 1) if bqm.vartype is dimod.BINARY else (-1, 1)
        rows = np.stack([np.random.default_rng([seed, r]).choice(values, len(names)) for r in range(num_reads)])
        return sampleset([dict(zip(names, row)) for row in rows.tolist()], bqm)


class Poor(Mutant):
    """The worst it can find."""

    def change(self, found: Any, bqm: Any) -> Any:
        low = 0 if found.vartype is dimod.BINARY else -1
        return sampleset([dict.fromkeys(found.variables, low)] * len(found), bqm)


class LosesTheIsolated(Enumerating):
    """Works on the pairs alone; a variable without one stays off."""

    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        found = super().sample(bqm, num_reads, seed, **more)
        alone = [v for v in bqm.variables if not bqm.degree(v)]
        off = 0 if bqm.vartype is dimod.BINARY else -1
        rows = [{**row, **dict.fromkeys(alone, off)} for row in found.samples(sorted_by=None)]
        return sampleset(rows, bqm)


class BreaksOnNothing(Enumerating):
    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        if not bqm.num_variables:
            return dimod.SampleSet.from_samples([{}], bqm.vartype, [0.0])
        return super().sample(bqm, num_reads, seed, **more)


class ChangesTheModel(Enumerating):
    def sample(self, bqm: Any, num_reads: int = 1, seed: int = 0, **more: Any) -> Any:
        found = super().sample(bqm, num_reads, seed, **more)
        bqm.offset = bqm.offset + 1
        return found


class Undeclared(Enumerating):
    parameters: dict[str, Any] = {"seed": []}


class WrongEnergies(Mutant):
    def change(self, found: Any, bqm: Any) -> Any:
        wrong = -np.abs(found.record.energy) - 1
        return dimod.SampleSet.from_samples((found.record.sample, found.variables), found.vartype, wrong)


MUTANTS: list[tuple[type[Enumerating], dict[str, Any], str]] = [
    (ForgetsTheOffset, {}, "offset included"),
    (WrongEnergies, {}, "away from the model's own"),
    (OneRead, {}, "num_reads=3 gave 1 samples"),
    (WrongVartype, {}, "model gave"),
    (IgnoresTheSeed, {}, "same seed gave other samples|energy -2"),
    (CountsItsReads, {}, "how many reads|energy -2"),
    (OrderOfInsertion, {}, "order of insertion|energy -2"),
    (Poor, {}, "ground state|energy -2"),
    (LosesTheIsolated, {}, "isolated variable"),
    (BreaksOnNothing, {}, "empty model"),
    (ChangesTheModel, {}, "changed the model"),
    (Undeclared, {"num_steps": 3}, "not declared"),
]


def test_a_sampler_that_enumerates_passes() -> None:
    check_sampler(Enumerating())


@pytest.mark.parametrize(("mutant", "parameters", "promise"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS])
def test_a_mutant_is_refused_by_the_promise_it_breaks(
    mutant: type[Enumerating], parameters: dict[str, Any], promise: str
) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_sampler(mutant(), **parameters)
