"""A conformance kit for `dimod` samplers: what a user may rely on, checked in one call.

    from equipoise.testing.samplers import check_sampler
    check_sampler(MySampler(), num_steps=2000)

Every check raises AssertionError with a sentence. To add a check, write a function (sampler, parameters) and list it
in ``CHECKS``.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

import dimod
import dimod.testing
import numpy as np

__all__ = ["CHECKS", "check_sampler", "random_bqm"]


def check_sampler(sampler: Any, **parameters: Any) -> None:
    """Run every check on ``sampler``, passing ``parameters`` to each of its calls.

    Raises:
        AssertionError: says which promise was broken.
    """
    for check in CHECKS:
        check(sampler, parameters)


def random_bqm(seed: int, variables: int = 8, vartype: str = "BINARY", real: bool = False) -> Any:
    """A random BQM over integer labels, whole or real coefficients, with an offset."""
    rng = np.random.default_rng(seed)
    draw = rng.normal(size=(variables, variables)) if real else rng.integers(-9, 10, (variables, variables))
    linear = {i: float(draw[i, i]) for i in range(variables)}
    pairs = {(i, j): float(draw[i, j]) for i, j in itertools.combinations(range(variables), 2) if rng.random() < 0.7}
    return dimod.BinaryQuadraticModel(linear, pairs, 0.5, vartype)


def _interface(sampler: Any, parameters: dict[str, Any]) -> None:
    dimod.testing.assert_sampler_api(sampler)
    unknown = set(parameters) - set(sampler.parameters)
    assert not unknown, f"parameters not declared by the sampler: {sorted(unknown)}"


def _energies(sampler: Any, parameters: dict[str, Any]) -> None:
    for vartype, real in itertools.product(("BINARY", "SPIN"), (False, True)):
        bqm = random_bqm(1, vartype=vartype, real=real)
        found = sampler.sample(bqm, num_reads=3, **parameters)
        assert found.vartype is bqm.vartype, f"a {bqm.vartype} model gave {found.vartype} samples"
        off = np.abs(found.record.energy - bqm.energies((found.record.sample, found.variables))).max()
        assert off < 1e-6, f"energies are {off:.3g} away from the model's own, offset included"
        assert len(found) == 3, f"num_reads=3 gave {len(found)} samples"
    q = {("a", "a"): -1.0, ("a", "b"): 2.0, ("b", "b"): -1.5}
    found = sampler.sample_qubo(q, **parameters)
    assert found.vartype is dimod.BINARY, "sample_qubo must give binary samples"
    found = sampler.sample_ising({"a": 1.0}, {("a", "b"): -1.0}, **parameters)
    assert found.vartype is dimod.SPIN, "sample_ising must give spins"
    assert found.first.energy == -2.0, f"the two-spin chain has energy -2, got {found.first.energy}"


def _same_seed_same_samples(sampler: Any, parameters: dict[str, Any]) -> None:
    bqm = random_bqm(2, 12)
    first, again = (sampler.sample(bqm, seed=7, num_reads=4, **parameters).record for _ in range(2))
    assert np.array_equal(first.sample, again.sample), "the same seed gave other samples"
    alone = sampler.sample(bqm, seed=7, num_reads=1, **parameters).record
    assert np.array_equal(alone.sample[0], first.sample[0]), "read 0 depends on how many reads there are"


def _order_of_variables_is_irrelevant(sampler: Any, parameters: dict[str, Any]) -> None:
    for vartype in ("BINARY", "SPIN"):
        bqm = random_bqm(3, 10, vartype, real=True)
        mixed = dimod.BinaryQuadraticModel(vartype)
        pairs = list(bqm.quadratic.items())
        random.Random(0).shuffle(pairs)
        for (i, j), q in pairs:
            mixed.add_quadratic(j, i, q)
        for v in sorted(bqm.variables, reverse=True):
            mixed.add_linear(v, bqm.get_linear(v))
        mixed.offset = bqm.offset
        first, other = (sampler.sample(m, seed=1, num_reads=2, **parameters) for m in (bqm, mixed))
        names = sorted(bqm.variables)
        for one, two in zip(first.samples(sorted_by=None), other.samples(sorted_by=None)):
            assert [one[v] for v in names] == [two[v] for v in names], "samples depend on the order of insertion"
        assert list(first.record.energy) == list(other.record.energy), "energies depend on the order of insertion"


def _inputs_stay(sampler: Any, parameters: dict[str, Any]) -> None:
    bqm = random_bqm(4, 8, "SPIN")
    before = bqm.copy()
    sampler.sample(bqm, num_reads=2, **parameters)
    assert bqm == before, "sampling changed the model it was given"


def _ground_states(sampler: Any, parameters: dict[str, Any]) -> None:
    for seed in range(6):
        bqm = random_bqm(seed, 8, ("BINARY", "SPIN")[seed % 2], real=seed >= 3)
        best = dimod.ExactSolver().sample(bqm).first.energy
        found = sampler.sample(bqm, num_reads=10, **parameters).first.energy
        assert abs(found - best) < 1e-6, f"ground state of 8 variables is {best}, ten reads found {found}"


def _limits(sampler: Any, parameters: dict[str, Any]) -> None:
    empty = dimod.BinaryQuadraticModel({}, {}, 2.5, "BINARY")
    assert sampler.sample(empty, **parameters).first.energy == 2.5, "an empty model's energy is its offset"
    positive = dimod.BinaryQuadraticModel({0: 1, 1: 2}, {(0, 1): 3}, 0, "BINARY")
    found = sampler.sample(positive, **parameters).first
    assert found.energy == 0, "the best of an all-positive model is all zeros"
    assert set(found.sample.values()) == {0}, "the best of an all-positive model is all zeros"
    flat = dimod.BinaryQuadraticModel({0: 0, "x": 0}, {}, -1.0, "SPIN")
    assert sampler.sample(flat, **parameters).first.energy == -1.0, "a constant model's energy is its offset"
    alone = dimod.BinaryQuadraticModel({0: -1, 1: 2, "far": -3}, {(0, 1): 1}, 0, "BINARY")
    assert sampler.sample(alone, num_reads=5, **parameters).first.energy == -4.0, "an isolated variable was lost"


CHECKS: tuple[Callable[[Any, dict[str, Any]], None], ...] = (
    _interface,
    _inputs_stay,
    _energies,
    _same_seed_same_samples,
    _order_of_variables_is_irrelevant,
    _ground_states,
    _limits,
)
