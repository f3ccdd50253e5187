"""Sums of synapses that leave their register: found in strict runs, wrapped as Lava wraps them otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from substrates.loihi2.engine import Engine, Probe, StateOverflowError
from substrates.loihi2.neurons import LIF, GradedReLU, SigmaDelta
from substrates.loihi2.neurons.base import Neuron
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Sparse, Synapses


def fed(values: Any, synapses: Synapses, neuron: Neuron | None = None) -> Program:
    program = Program()
    program.source("in", np.atleast_2d(values))
    program.population("out", synapses.shape[0], neuron or GradedReLU(vth=0))
    program.connect("in", "out", synapses)
    return program


def exact(values: np.ndarray, weights: np.ndarray, exponent: int) -> np.ndarray:
    total = weights.astype(object) @ values.astype(object)
    return np.array([int(t) << exponent if exponent > 0 else int(t) >> -exponent for t in total], object)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_strict_raises_exactly_where_python_integers_leave_32_bits(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 40)), int(rng.integers(1, 5))
    weights = 2 * rng.integers(-128, 128, (m, n)) * (rng.random((m, n)) < rng.uniform(0.2, 1))
    weights[0, 0] = -2 if weights.min() >= 0 else weights[0, 0]
    values = rng.integers(-(2**22), 2**22, n) >> int(rng.integers(0, 12))
    exponent = int(rng.integers(-8, 8))
    kind = (Dense, Sparse)[int(rng.integers(2))]
    sums = exact(values, weights, 0)
    shifted = exact(values, weights, exponent)
    leaves = any(abs(int(s)) >= 2**31 or abs(int(t)) >= 2**31 for s, t in zip(sums, shifted, strict=True))
    engine = Engine(
        fed(values, kind(weights, exponent=exponent, graded=True), SigmaDelta(activation="unit")), strict=True
    )
    outside = leaves or any(abs(int(t)) >= 2**23 for t in shifted)  # sigma's own 24 bits
    if outside:
        with pytest.raises(StateOverflowError):
            engine.run(2)
    else:
        engine.run(2)
        assert engine.state("out")["sigma"].tolist() == shifted.tolist()


@pytest.mark.parametrize("kind", ["dense", "sparse", "conv"])
def test_a_sum_that_wraps_back_into_its_register_is_found(kind: str) -> None:
    """Nothing of the wrapped sum shows: 32 bits (24 for a convolution) come out as zero."""
    if kind == "conv":
        synapses: Synapses = Conv(np.full((1, 1, 1, 1), 2), (2, 1, 1), graded=True)
        values = np.array([2**23 - 1, 1])
        values[0] = -(2**23)
    else:
        weights = np.full((1, 128), 128)
        synapses = (Dense if kind == "dense" else Sparse)(weights, graded=True)
        values = np.full(128, 2**18)
    loose = Engine(fed(values, synapses))
    loose.run(2)
    assert not loose.messages("out").any() or kind == "conv"
    with pytest.raises(StateOverflowError, match="'out'"):
        Engine(fed(values, synapses), strict=True).run(2)


def test_spikes_into_a_lif_that_shift_out_of_32_bits_are_found() -> None:
    """4096 spikes, weight 128, exponent 7: the current is 2^32 exactly, 0 in 32 bits."""
    program = fed(np.ones(4096, int), Dense(np.full((1, 4096), 128), exponent=7), LIF(vth=100_000))
    loose = Engine(program)
    loose.run(2)
    assert loose.state("out")["u"].tolist() == [0]
    with pytest.raises(StateOverflowError, match="step 2"):
        Engine(program, strict=True).run(2)


def test_delays_that_meet_in_one_sum_are_found() -> None:
    """Each step's part fits, their sum does not."""
    weights = np.array([[254, 254]])
    synapses = Dense(weights, delays=np.array([[1, 0]]), graded=True, exponent=7)
    raster = np.array([[40_000, 0], [0, 40_000]])
    assert 254 * 40_000 * 2**7 < 2**31 <= 2 * 254 * 40_000 * 2**7
    with pytest.raises(StateOverflowError):
        Engine(fed(raster, synapses), strict=True).run(4)


def test_binary_messages_of_small_weights_cost_no_check() -> None:
    from substrates.loihi2.engine.layout import C_SAFE, lay_out

    safe = lay_out(fed(np.ones(100, int), Dense(np.ones((3, 100), int)))).tables.connections[:, C_SAFE]
    assert (safe >= 2**24).all()


@pytest.mark.lava
@pytest.mark.parametrize("kind", ["DelayDense", "DelaySparse", "Dense", "Sparse"])
def test_graded_sums_beyond_32_bits_are_lavas(kind: str) -> None:
    """20 sources send 2^22 into weights of 254, exponent -8: DelayDense has 64 bits until the shift, no other does."""
    from substrates.loihi2.lava.run import run_program

    weights = np.full((2, 20), 254)
    form: dict[str, Any] = {"graded": True, "exponent": -8}
    if kind.startswith("Delay"):
        form["delays"] = 1 if kind == "DelayDense" else np.ones_like(weights)
    synapses = (Dense if kind.endswith("Dense") else Sparse)(weights, **form)
    program = fed(np.full(20, 2**22), synapses, SigmaDelta(activation="unit"))
    theirs = run_program(program, 4)
    ours = Engine(program).run(4, [Probe("out", "sigma")]).probes["out", "sigma"]
    np.testing.assert_array_equal(ours, theirs.states["out"]["sigma"])
    assert ours[-1, 0] == (83_230_720 if kind == "DelayDense" else -655_360)
