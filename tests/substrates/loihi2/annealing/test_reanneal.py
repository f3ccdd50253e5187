"""Anneals one after the other: the same temperatures as written out, however far the run has come."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from substrates.loihi2.annealing.schedule import Linear, Reanneal


def written_out(schedule: Reanneal, steps: int) -> np.ndarray:
    """All temperatures from the start, anneal by anneal."""
    pieces, length = [np.zeros(0, np.int32)], schedule.shortest
    while sum(map(len, pieces)) < steps:
        pieces.append(Linear(schedule.high, schedule.low, length).temperatures(0, length))
        length = length * schedule.growth
        if schedule.longest is not None:
            length = min(length, schedule.longest)
    return np.concatenate(pieces)[:steps]


@given(
    shortest=st.integers(1, 9),
    growth=st.integers(1, 3),
    extra=st.none() | st.integers(0, 30),
    first=st.integers(0, 200),
    count=st.integers(0, 90),
)
def test_any_piece_is_cut_from_the_same_row(
    shortest: int, growth: int, extra: int | None, first: int, count: int
) -> None:
    schedule = Reanneal(900, 7, shortest, growth, longest=None if extra is None else shortest + extra)
    expected = written_out(schedule, first + count)[first:]
    np.testing.assert_array_equal(schedule.temperatures(first, count), expected)


def test_a_piece_costs_the_same_however_many_anneals_went_before() -> None:
    """Walking over them all would take hours here; runs of that length must not slow down on the way."""
    for schedule in (Reanneal(900, 7, 5, 1), Reanneal(900, 7, 5, 2, longest=640)):
        period = schedule.longest or schedule.shortest
        early = next(first for first in itertools.count(10_000) if (first - 5 * 127) % period == 0)
        late = early + period * 10**12
        np.testing.assert_array_equal(schedule.temperatures(late, 2000), schedule.temperatures(early, 2000))
