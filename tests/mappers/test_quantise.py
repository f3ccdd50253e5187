"""Quantisation: the nearest value the chip can store, the best exponent, and an honest report."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.errors import InputError
from mappers.quantise import EXPONENTS, quantise
from substrates.loihi2.weights import SignMode, WeightFormat


@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(st.floats(-5, 5, allow_nan=False), min_size=1, max_size=30),
    bits=st.integers(2, 8),
    step=st.sampled_from([2.0**-16, 2.0**-10, 0.01]),
)
def test_every_mantissa_is_stored_unchanged_and_no_other_exponent_is_better(
    values: list[float], bits: int, step: float
) -> None:
    w = np.array(values)
    q = quantise(w, step=step, bits=bits)
    stored, mode = WeightFormat(bits, q.exponent, q.sign_mode).store(q.mantissa)
    np.testing.assert_array_equal(stored, q.mantissa)
    assert mode == q.sign_mode
    error = np.square(q.values() - w).sum()
    for exponent in EXPONENTS:
        other = quantise(w, step=step, bits=bits, exponent=exponent)
        assert error <= np.square(other.values() - w).sum() * (1 + 1e-12) + 1e-30


@pytest.mark.parametrize("mode", list(SignMode))
@pytest.mark.parametrize("bits", [1, 4, 8])
def test_it_rounds_to_the_nearest_stored_value(mode: SignMode, bits: int) -> None:
    if mode == SignMode.MIXED and bits == 1:
        with pytest.raises(InputError, match="at least 2 bits"):
            quantise([-1.0, 1.0], bits=1)
        return
    sign = {SignMode.MIXED: 0, SignMode.EXCITATORY: 1, SignMode.INHIBITORY: -1}[mode]
    rng = np.random.default_rng(0)
    w = rng.uniform(-250, 250, 500) if sign == 0 else sign * rng.uniform(0, 255, 500)
    q = quantise(w, step=1.0, exponent=0, bits=bits, sign_mode=mode)
    everything = np.arange(-256, 256)
    if sign:
        everything = everything[sign * everything >= 0]
        everything = everything[np.abs(everything) <= 255]
    levels = np.unique(WeightFormat(bits, 0, mode).store(everything)[0])
    nearest = np.abs(levels[None, :] - w[:, None]).min(axis=1)
    np.testing.assert_allclose(np.abs(q.values() - w), nearest, atol=1e-9)


def test_integers_in_range_are_exact() -> None:
    w = np.arange(0, 256).reshape(16, 16)
    q = quantise(w, step=1.0)
    assert q.report.exact
    assert q.exponent == 0
    np.testing.assert_array_equal(q.values(), w)
    assert quantise(np.arange(-256, 255, 2), step=1.0).report.exact


def test_the_step_is_chosen_to_use_the_whole_range() -> None:
    q = quantise(np.random.default_rng(0).normal(0, 0.05, (50, 40)))
    assert 127 <= np.abs(q.mantissa).max() <= 256
    assert q.report.relative_error < 0.02
    assert np.log2(q.step) == int(np.log2(q.step))


def test_outliers_are_clipped_when_that_is_better() -> None:
    w = np.concatenate([np.random.default_rng(0).normal(0, 1.0, 5000), [140.0]])
    q = quantise(w, step=2.0**-6)
    whole = quantise(w, step=2.0**-6, exponent=q.exponent + 1)
    assert whole.report.rms_error >= q.report.rms_error


@pytest.mark.parametrize("size", [5e-324, 1e-300, 1e300])
def test_extreme_sizes_do_not_break_it(size: float) -> None:
    for step in (None, 0.01):
        q = quantise([size, -size / 2], step=step)
        assert np.isfinite(q.values()).all()
        assert q.step > 0


def test_zeros_and_empty() -> None:
    zeros = quantise(np.zeros((3, 4)))
    assert zeros.report.exact
    assert zeros.sign_mode == SignMode.EXCITATORY
    assert quantise(np.zeros((0, 3))).report.exact


@pytest.mark.parametrize(
    ("weights", "named", "text"),
    [
        ([1.0, np.nan], {}, "not finite"),
        ([1.0], {"bits": 9}, "1 to 8 bits"),
        ([1.0], {"exponent": 8}, "-8 to 7"),
        ([1.0], {"step": 0.0}, "above zero"),
        ([-1.0], {"sign_mode": SignMode.EXCITATORY}, "mixed signs"),
        (["a"], {}, "real numbers"),
    ],
)
def test_bad_input_is_refused(weights: list[object], named: dict[str, object], text: str) -> None:
    with pytest.raises(InputError, match=text):
        quantise(weights, **named)  # type: ignore[arg-type]
