"""The kit for neurons passes what we ship, and refuses mutants by the promise they break."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest
from numba import njit

from equipoise.testing.neurons import check_neuron
from hw_profiles.errors import InputError
from substrates.loihi2.neurons import LIF, Delta, GradedReLU, LIFRefractory, Neuron, Relaxation, Sigma, SigmaDelta
from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel
from substrates.loihi2.neurons.registry import step_address

Rng = np.random.Generator


def lif(rng: Rng, n: int) -> dict[str, Any]:
    return {
        "du": int(rng.choice([0, 4095, rng.integers(0, 4096)])),
        "dv": int(rng.choice([0, 4096, rng.integers(0, 4097)])),
        "vth": int(rng.choice([1, 30, 3000])),
        "bias_mant": rng.integers(0, 100, n),
        "bias_exp": int(rng.integers(0, 3)),
    }


def encoder(rng: Rng) -> dict[str, Any]:
    return {
        "vth": int(rng.choice([0, 1, 500])), "cum_error": bool(rng.integers(2)),
        "spike_exp": int(rng.integers(0, 4)), "state_exp": int(rng.integers(0, 4)),
    }  # fmt: skip


SHIPPED: dict[str, tuple[type[Neuron], Any]] = {
    "lif": (LIF, lambda rng, n: LIF(**lif(rng, n))),
    "lif-refractory": (LIFRefractory, lambda rng, n: LIFRefractory(**lif(rng, n), refractory_period=5)),
    "sigma": (Sigma, lambda rng, n: Sigma()),
    "delta": (Delta, lambda rng, n: Delta(**encoder(rng))),
    "sigma-delta": (SigmaDelta, lambda rng, n: SigmaDelta(**encoder(rng))),
    "graded-relu": (GradedReLU, lambda rng, n: GradedReLU(int(rng.integers(0, 1000)))),
    "relaxation": (Relaxation, lambda rng, n: Relaxation()),
}


@pytest.mark.parametrize("name", SHIPPED)
def test_our_neurons_conform(name: str) -> None:
    model, example = SHIPPED[name]
    # The refractory LIF keeps the step at which its rest ends, and a bias drives it on when that has come.
    check_neuron(model, example=example, driven=model is LIFRefractory)


@njit
def good(state, a_in, bias, out, parameters, table, time):
    """A leaky sum that passes on what exceeds its threshold."""
    overflows = 0
    for i in range(a_in.shape[0]):
        v = np.int64(state[0, i]) - (np.int64(state[0, i]) >> 2) + np.int64(a_in[i])
        kept = min(max(v, -8388607), 8388607)
        overflows += int(kept != v)
        state[0, i] = kept
        out[i] = kept if kept > parameters[0] else 0
    return overflows


@dataclass(frozen=True, eq=False)
class Leaky(Neuron):
    """A leaky sum."""

    vth: int = 100
    name: ClassVar[str] = "test-leaky"
    variables: ClassVar[tuple[str, ...]] = ("v",)
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(good)
    chip: ClassVar[ChipModel] = OWN_MICROCODE

    @classmethod
    def example(cls, rng: Rng, n: int) -> Neuron | None:
        return cls(int(rng.integers(0, 2000)))

    def parameters(self) -> tuple[int, ...]:
        return (self.vth,)


@njit
def wide(state, a_in, bias, out, parameters, table, time):
    for i in range(a_in.shape[0]):
        state[0, i] += a_in[i]
        out[i] = state[0, i] if state[0, i] > parameters[0] else 0
    return 0


@njit
def forgetful(state, a_in, bias, out, parameters, table, time):
    for i in range(a_in.shape[0]):
        state[0, i] = min(max(np.int64(state[0, i]) + np.int64(a_in[i]), -8388607), 8388607)
        out[i] = state[0, i] if state[0, i] > parameters[0] else 0
    return 0


@njit
def neighbourly(state, a_in, bias, out, parameters, table, time):
    lost = good(state, a_in, bias, out, parameters, table, time)
    for i in range(a_in.shape[0]):
        state[0, i] = (state[0, i] >> 1) + (a_in[(i + 1) % a_in.shape[0]] >> 4)
    return lost


@njit
def quiet(state, a_in, bias, out, parameters, table, time):
    for i in range(a_in.shape[0]):
        state[0, i] = min(max((np.int64(state[0, i]) >> 1) + np.int64(a_in[i]), -4000000), 4000000)
        if state[0, i] > parameters[0]:
            out[i] = state[0, i]
    return 0


@njit
def clockwork(state, a_in, bias, out, parameters, table, time):
    lost = good(state, a_in, bias, out, parameters, table, time)
    for i in range(a_in.shape[0]):
        if time % 13 == 0:
            out[i] = 1
    return lost


@njit
def twos(state, a_in, bias, out, parameters, table, time):
    for i in range(a_in.shape[0]):
        state[0, i] = min(max(a_in[i], -1000), 1000)
        out[i] = 2 if state[0, i] > parameters[0] else 0
    return 0


@njit
def restless(state, a_in, bias, out, parameters, table, time):
    lost = good(state, a_in, bias, out, parameters, table, time)
    for i in range(a_in.shape[0]):
        out[i] += np.random.randint(0, 2)
    return lost


class Wide(Leaky):
    name = "test-wide"
    kernel = staticmethod(wide)


class Forgetful(Leaky):
    name = "test-forgetful"
    kernel = staticmethod(forgetful)


class Neighbourly(Leaky):
    name = "test-neighbourly"
    kernel = staticmethod(neighbourly)


class Quiet(Leaky):
    name = "test-quiet"
    kernel = staticmethod(quiet)


class Clockwork(Leaky):
    name = "test-clockwork"
    kernel = staticmethod(clockwork)


class Twos(Leaky):
    name = "test-twos"
    graded = False
    kernel = staticmethod(twos)


class Restless(Leaky):
    name = "test-restless"
    kernel = staticmethod(restless)


class TooMany(Leaky):
    name = "test-too-many"

    def parameters(self) -> tuple[int, ...]:
        return tuple(range(13))


class Fractions(Leaky):
    name = "test-fractions"

    def parameters(self) -> Any:
        return (0.5,)


class Drifting(Leaky):
    """Its bias table counts its calls."""

    name = "test-drifting"
    calls: ClassVar[Any] = itertools.count()

    def parameters(self) -> tuple[int, ...]:
        return (next(self.calls) % 1000,)


class SharedRest(Leaky):
    name = "test-shared-rest"
    kept: ClassVar[Any] = np.zeros((1, 7), np.int32)

    def rest(self, n: int) -> Any:
        from substrates.loihi2.neurons.base import State

        return State(self.variables, self.kept[:, :n])


class NoExample(Leaky):
    name = "test-no-example"

    @classmethod
    def example(cls, rng: Rng, n: int) -> Neuron | None:
        return None


MUTANTS: list[tuple[type[Neuron], str]] = [
    (Wide, "a state reached .* no overflow was counted"),
    (Forgetful, "no overflow was counted"),
    (Neighbourly, "depends on what other neurons hear"),
    (Quiet, "leaves old messages"),
    (Clockwork, "not event-driven"),
    (Twos, "not graded"),
    (Restless, "the same steps gave other integers"),
    (TooMany, "13 parameters"),
    (Fractions, "must be integers"),
    (Drifting, "the same steps gave other integers"),
    (SharedRest, "share their state"),
    (NoExample, "no population to try"),
]


def test_a_good_neuron_passes() -> None:
    check_neuron(Leaky)


@pytest.mark.parametrize(("mutant", "promise"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS])
def test_a_mutant_is_refused_by_the_promise_it_breaks(mutant: type[Neuron], promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_neuron(mutant)


def test_what_is_no_neuron_is_refused_when_it_is_made() -> None:
    with pytest.raises(InputError, match="needs a compiled kernel"):

        class Plain(Leaky):
            name = "test-plain"
            kernel = staticmethod(good.py_func)

    class Floats(Leaky):
        name = "test-floats"
        kernel = staticmethod(njit(lambda state: 0))

    with pytest.raises(InputError, match="cannot be compiled"):
        step_address(Floats)
