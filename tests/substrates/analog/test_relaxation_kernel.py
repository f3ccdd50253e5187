"""The compiled relaxation: its parts against float64, and that checking and stopping change no bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hw_profiles.errors import InputError
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.analog.kernels.logistic import logistic32
from substrates.analog.kernels.packs import Packs
from substrates.analog.kernels.product import LANES, PANEL, accumulate, accumulate_from, pack
from substrates.analog.solvers import AlternatingBlocks, Damped, DiscreteMap
from substrates.base import Nudge, Stop
from substrates.network import hopfield, layered, loop

SOLVERS = st.sampled_from([DiscreteMap(), Damped(), AlternatingBlocks(), AlternatingBlocks(0.7)])
WIRINGS = st.builds(
    lambda make, hidden, seed: make(hidden, seed),
    st.sampled_from(
        [
            lambda h, s: layered([9, *h, 3], seed=s),
            lambda h, s: layered([9, *h, 3], seed=s, readout=False),
            lambda h, s: layered([9, *h, 3], seed=s, feedback="tied"),
            lambda h, s: loop([9, *h, 3], seed=s),
            lambda h, s: hopfield(9, h[0] + h[1], 3),
        ]
    ),
    st.tuples(st.integers(1, 70), st.integers(1, 70)),
    st.integers(0, 1000),
)


def _batch(rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(rows, 9, generator=generator), torch.randint(0, 3, (rows,), generator=generator)


def _same(a, b, where=slice(None)):
    assert torch.equal(a.residual[where], b.residual)
    assert torch.equal(a.steps[where], b.steps)
    assert torch.equal(a.cycling[where], b.cycling)
    assert torch.equal(a.converged[where], b.converged)
    for x, y in zip((*a.membranes, *a.activities), (*b.membranes, *b.activities)):
        assert torch.equal(x[where], y)


def test_logistic_against_float64():
    u = np.concatenate([np.linspace(-40, 40, 400_001), [-1e30, 1e30, -np.inf, np.inf]]).astype(np.float32)
    with np.errstate(over="ignore"):
        exact = 1 / (1 + np.exp(2 - 4 * u.astype(np.float64)))
    got = _logistic(u)
    assert np.abs(got - exact).max() < 1.5e-7
    assert got.min() >= 0
    assert got.max() <= 1
    assert np.isnan(_logistic(np.array([np.nan], np.float32))[0])


def _logistic(u):
    import numba

    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def each(u, v):
        for i in range(u.shape[0]):
            v[i] = logistic32(u[i])

    v = np.empty_like(u)
    each(u, v)
    return v


@settings(deadline=None, max_examples=40)
@given(
    rows=st.integers(1, 21),
    width=st.integers(1, 5 * PANEL),
    depth=st.integers(0, 70),
    seed=st.integers(0, 1000),
)
def test_product_against_float64_and_the_same_for_any_batch(rows, width, depth, seed):
    rng = np.random.default_rng(seed)
    padded = -(-width // PANEL) * PANEL
    w = rng.standard_normal((width, depth), dtype=np.float32)
    v = rng.standard_normal((rows, depth), dtype=np.float32)
    begin = np.zeros((rows, padded), np.float32)
    begin[:, :width] = rng.standard_normal((rows, width), dtype=np.float32)
    out, added = np.full_like(begin, 7.0), begin.copy()
    accumulate_from(out, 0, width, begin, v, 0, depth, pack(w), 0, rows)
    accumulate(added, 0, width, v, 0, depth, pack(w), 0, rows)
    exact = begin[:, :width].astype(np.float64) + v.astype(np.float64) @ w.T.astype(np.float64)
    size = np.abs(begin[:, :width]) + np.abs(v) @ np.abs(w.T) + 1e-30
    assert (np.abs(out[:, :width] - exact) / size).max() < 3e-7 * np.sqrt(depth + 1)
    if padded - width < LANES:  # whole registers are written; a padding of a register or more may be left alone
        np.testing.assert_array_equal(out, added)
    np.testing.assert_array_equal(out[:, :width], added[:, :width])
    for r in range(rows):
        alone = np.zeros((1, padded), np.float32)
        accumulate_from(alone, 0, width, begin[r : r + 1], v[r : r + 1], 0, depth, pack(w), 0, 1)
        np.testing.assert_array_equal(alone[0, :width], out[r, :width])


@settings(deadline=None, max_examples=60)
@given(
    network=WIRINGS,
    solver=SOLVERS,
    rows=st.integers(2, 19),
    cut=st.integers(1, 18),
    tolerance=st.sampled_from([0.0, 1e-5, 1e-3, 3e-2]),
    every=st.integers(1, 5),
    nudged=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_same_bits_in_any_batch_and_stopping_only_stops(network, solver, rows, cut, tolerance, every, nudged, seed):
    machine = IdealMachine(network, solver=solver)
    x, y = _batch(rows, seed)
    stop, cut = Stop(40, tolerance, every), min(cut, rows - 1)

    def relax(part: slice, stop: Stop):
        drive = machine.drive(x[part])
        if not nudged:
            return machine.relax(drive, stop)
        free = machine.relax(drive, Stop(7))
        return machine.relax(drive, stop, nudge=Nudge(0.4, y[part]), start=free)

    whole = relax(slice(None), stop)
    for part in (slice(0, cut), slice(cut, rows)):
        _same(whole, relax(part, stop), part)
    # a sample that stopped after k steps is what k steps make of it, and its residual is the one measured there
    for r in range(min(rows, 6)):
        fixed = relax(slice(r, r + 1), Stop(int(whole.steps[r])))
        for a, b in zip((*whole.membranes, *whole.activities), (*fixed.membranes, *fixed.activities)):
            assert torch.equal(a[r], b[0])
        assert float(whole.residual[r]) == float(fixed.residual[0])
    # the residual, part of which is known to be zero without a product, against F(u) - u in float64
    double = network.double()
    with torch.no_grad():
        v = double.activate(tuple(u.double() for u in whole.membranes))
        forces = list(double.recurrent_currents(v))
        currents = double.input_currents(x.double())
        if nudged:
            forces[-1] = forces[-1] + 0.4 * double.cost.gradient(v[-1], y)
        gaps = [(f + i - u.double()).abs().amax(1) for f, i, u in zip(forces, currents, whole.membranes)]
    exact = torch.stack(gaps).amax(0)
    assert (exact - whole.residual.double()).abs().max() < 1e-5


@pytest.mark.parametrize("solver", [DiscreteMap(), AlternatingBlocks()], ids=["map", "blocks"])
@pytest.mark.parametrize(
    ("classes", "readout"), [(2, True), (LANES, True), (LANES + 1, True), (2 * PANEL + 3, True), (7, False)]
)
def test_a_following_nudge_is_that_of_the_equations_in_float64(classes, readout, solver):
    """The read-out both ways, for any number of classes; the witness is torch in double precision."""
    sizes = [9, 33, 21] if readout else [9, 33, classes]
    network = layered(sizes, seed=classes, **({"classes": classes} if readout else {"readout": False}))
    with torch.no_grad():
        for parameter in network.cost.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    inputs, _ = _batch(13, 5)
    target = torch.arange(13) % classes
    found = []
    for dtype in (torch.float32, torch.float64):
        machine = IdealMachine(network.to(dtype), solver=solver)
        assert machine.capabilities.batch_exact == (dtype == torch.float32), "the first is compiled, the second is not"
        drive = machine.drive(inputs.to(dtype))
        free = machine.relax(drive, Stop(12))
        nudged = machine.relax(drive, Stop(9), nudge=Nudge(0.4, target), start=free)
        found.append([v.double() for v in nudged.activities])
        assert max(float((a - b).abs().max()) for a, b in zip(nudged.activities, free.activities)) > 1e-2
    for ours, exact in zip(*found):
        torch.testing.assert_close(ours, exact, rtol=0, atol=2e-5)


@settings(deadline=None, max_examples=20)
@given(every=st.integers(1, 4), solver=SOLVERS, rail=st.sampled_from([0.0, 0.6]), seed=st.integers(0, 100))
def test_checks_that_find_nothing_change_nothing(every, solver, rail, seed):
    network = layered([9, 40, 17, 3], seed=seed)
    x, _ = _batch(11, seed)
    chip = AnalogMachine(network, ChipParameters(gain_mismatch=0.05, rail=rail), seed=1, solver=solver)
    unchecked, checked = (chip.relax(chip.drive(x), s) for s in (Stop(20), Stop(20, 1e-30, every)))
    moving = unchecked.residual > 1e-30
    for a, b in zip((*unchecked.membranes, *unchecked.activities), (*checked.membranes, *checked.activities)):
        assert torch.equal(a[moving], b[moving])


def test_going_on_is_not_starting_again():
    machine = IdealMachine(layered([9, 40, 17, 3], seed=3), solver=AlternatingBlocks())
    drive = machine.drive(_batch(5, 0)[0])
    half = machine.relax(drive, Stop(6))
    _same(machine.relax(drive, Stop(12)), _shifted(machine.relax(drive, Stop(6), start=half), 6))


def _shifted(found, steps):
    from dataclasses import replace

    return replace(found, steps=found.steps + steps)


def test_not_a_number_is_an_infinite_residual():
    machine = IdealMachine(layered([9, 40, 17, 3]), solver=DiscreteMap())
    x, _ = _batch(4, 0)
    x[2, 1] = float("nan")
    found = machine.relax(machine.drive(x), Stop(30, 1e-3, 1))
    assert found.residual[2] == float("inf")
    assert not found.converged[2]
    assert found.steps[2] == 30
    assert found.converged[[0, 1, 3]].all()
    assert torch.isnan(found.activities[0][2]).any()


@pytest.mark.parametrize("squared", [False, True])
def test_packs_see_every_change(squared):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((40, 33), dtype=np.float32), rng.standard_normal((5, 40), dtype=np.float32)
    packs = Packs(squared=squared)

    def check() -> None:
        packs.update([a, b.T])
        for m, start in zip((a, b.T), packs.starts):
            expected = pack(m * m if squared else m)
            np.testing.assert_array_equal(packs.flat[start : start + expected.size], expected)

    check()
    flat = packs.flat
    a[39, 32] = np.nextafter(a[39, 32], np.float32(9))
    check()
    b[4, 0] = np.nan
    check()
    assert packs.flat is flat
    a = a[:30]
    check()


def test_weights_changed_behind_the_optimizer_are_used():
    network = layered([9, 40, 17, 3], seed=4)
    machine = IdealMachine(network)
    x, _ = _batch(6, 1)
    machine.relax(machine.drive(x), Stop(9))
    for c in network.couplings:
        c.weight.data.numpy()[0, 0] += 0.25
    found = machine.relax(machine.drive(x), Stop(9))
    fresh = IdealMachine(network)
    _same(found, fresh.relax(fresh.drive(x), Stop(9)))


@settings(deadline=None, max_examples=40)
@given(
    network=WIRINGS,
    solver=SOLVERS,
    betas=st.lists(st.sampled_from([0.5, -0.5, 0.1, 1.0]), min_size=1, max_size=4),
    tolerance=st.sampled_from([0.0, 1e-3, 3e-2]),
    corrected=st.booleans(),
    held=st.booleans(),
    rows=st.integers(1, 12),
    seed=st.integers(0, 1000),
)
def test_nudges_side_by_side_are_the_nudges_one_by_one(network, solver, betas, tolerance, corrected, held, rows, seed):
    machine = IdealMachine(network, solver=solver)
    x, y = _batch(rows, seed)
    drive = machine.drive(x)
    free = machine.relax(drive, Stop(7))
    force = torch.sin(torch.arange(1.0, 1 + free.activities[-1].numel())).reshape(free.activities[-1].shape)
    nudges = [Nudge(b, y, free.activities if corrected else None, force if held else None) for b in betas]
    stop = Stop(9, tolerance, 2)
    together = machine.relax_each(drive, stop, nudges, free)
    assert len(together) == len(nudges)
    for nudge, found in zip(nudges, together):
        alone = machine.relax(drive, stop, nudge=nudge, start=free)
        _same(alone, found)
        assert dict(alone.ledger) == dict(found.ledger)


def test_nudges_that_cannot_share_a_run_are_done_in_turn():
    network = layered([9, 12, 3], seed=2)
    machine, (x, y) = IdealMachine(network), _batch(4, 3)
    drive = machine.drive(x)
    free = machine.relax(drive, Stop(7))
    mixed = [Nudge(0.3, y), Nudge(0.3j, y), Nudge(0.0, y), Nudge(0.3, (y + 1) % 3)]
    for nudge, found in zip(mixed, machine.relax_each(drive, Stop(5), mixed, free)):
        _same(machine.relax(drive, Stop(5), nudge=nudge, start=free), found)
    assert machine.relax_each(drive, Stop(5), [], free) == []


def test_weights_that_are_no_numbers_are_packed_as_such() -> None:
    packs = Packs()
    packs.update([np.full((3, 5), np.nan, np.float32)])
    used = np.zeros((3, 5), np.float32)
    packs.update([used])
    assert np.count_nonzero(np.isnan(packs.flat)) == 0
    packs = Packs()
    packs.update([np.full((3, 5), np.nan, np.float32)])
    assert np.count_nonzero(np.isnan(packs.flat)) == 15


@pytest.mark.parametrize("beta", [float("nan"), float("inf")])
def test_a_nudge_that_is_no_number_is_refused(beta) -> None:
    machine = IdealMachine(layered([9, 40, 17, 3], seed=4))
    x, y = _batch(3, 1)
    drive = machine.drive(x)
    with pytest.raises(InputError, match="finite"):
        machine.relax(drive, Stop(3), nudge=Nudge(beta, y))
    with pytest.raises(InputError, match="finite"):
        machine.relax_each(drive, Stop(3), [Nudge(0.5, y), Nudge(beta, y)], machine.relax(drive, Stop(3)))
