"""The machine against a plain transcription of the neuron, against floats, and at its limits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.base import Nudge, Stop
from substrates.loihi2.neurons.relaxation import relaxation_step
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.weights import choose_exponent, quantise
from substrates.network import layered
from substrates.seeds import stream


def batch(size: int, features: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(size, features, generator=torch.Generator().manual_seed(seed))


def plain_relax(machine, charge, bias, steps):
    """One sample, one neuron and one synapse at a time: the specification, nothing else."""
    chip, rules = machine.chip, machine.chip.rules
    n = chip.num_neurons
    state = [(int(charge[i]), 0, 0, 0) for i in range(n)]
    pending = [0] * n
    population = np.repeat(np.arange(len(rules.kind)), np.diff(rules.offset))
    total_messages = 0
    for _ in range(steps):
        a_in = [0] * n
        for c in chip.recurrent_couplings:
            s0, t0 = int(rules.offset[c.source]), int(rules.offset[c.target])
            for i in range(c.mantissas.shape[0]):
                accumulated = sum(int(c.mantissas[i, j]) * pending[s0 + j] for j in range(c.mantissas.shape[1]))
                shift = c.exponent + rules.guard_bits
                a_in[t0 + i] += accumulated << shift if shift > 0 else accumulated >> -shift
        for i in range(n):
            p = population[i]
            state[i], pending[i] = relaxation_step(
                state[i], a_in[i], int(bias[i]), rules.guard_bits, rules.damping, int(rules.kind[p]), rules.table[p],
                int(rules.low[p]), int(rules.width[p]), rules.fraction_bits, int(rules.threshold[p]),
                int(rules.message_shift[p]),
            )  # fmt: skip
        total_messages += sum(m != 0 for m in pending)
    return np.array([(*s, m) for s, m in zip(state, pending)]).T, total_messages


@pytest.mark.parametrize(
    ("activation", "fields"),
    [
        ("logistic", {}),
        ("logistic", {"damping_shift": 0, "guard_bits": 0, "threshold": 2.0**-8}),
        ("logistic", {"logistic": "pieces", "message_bits": 7}),
        ("hard-sigmoid", {"damping_shift": 2, "fraction_bits": 12, "message_bits": 12}),
        ("tanh", {"threshold": 0.0}),
        ("relu", {"variant": "sigma-delta", "damping_shift": 0, "guard_bits": 0, "fraction_bits": 10,
                  "message_bits": 10}),
    ],
)  # fmt: skip
def test_kernel_equals_the_plain_specification_through_phases(activation, fields) -> None:
    network = layered([5, 7, 6, 3], activation=activation, seed=3)
    machine = Loihi2Machine(network, **fields)
    drive = machine.drive(batch(2, 5))
    free = machine.relax(drive, Stop(9))
    for b in range(2):
        states, _ = plain_relax(machine, drive.charge[b], machine.chip.bias, int(free.steps[b]))
        np.testing.assert_array_equal(np.stack([a[b] for a in free.state.states]), states)
    # Step by step equals all at once, through a nudge too.
    y = torch.tensor([0, 2])
    whole = machine.relax(drive, Stop(6), nudge=Nudge(0.5, y), start=free)
    at = free
    for _ in range(6):
        at = machine.relax(drive, Stop(1), nudge=Nudge(0.5, y), start=at)
    for one, other in zip(whole.state.states, at.state.states):
        np.testing.assert_array_equal(one, other)
    assert free.ledger.total(Event.MESSAGES, phase="free") > 0


def test_fine_formats_approach_the_float_fixed_point() -> None:
    network = layered([12, 20, 20, 4], seed=5)
    machine = Loihi2Machine(network, threshold=0.0, fraction_bits=16)
    x = batch(4, 12)
    got = machine.relax(machine.drive(x), Stop(400))
    stored = {(c.source, c.target): c for c in machine.chip.couplings}
    v = tuple(torch.zeros(4, p.size) for p in network.populations)
    with torch.no_grad():
        for coupling in network.couplings:
            c = stored[coupling.source, coupling.target]
            coupling.weight.copy_(torch.from_numpy(c.mantissas * 2.0**c.exponent))
    drive = network.input_currents(x)
    u = network.rest(4)
    for _ in range(400):
        v = network.activate(u)
        u = tuple(0.5 * a + 0.5 * (b + c) for a, b, c in zip(u, network.recurrent_currents(v), drive))
    for a, b in zip(got.activities, network.activate(u)):
        assert (a - b).abs().max() < 3e-4


def test_bits_do_not_depend_on_threads_or_batch_split() -> None:
    network = layered([6, 9, 4], seed=1)
    x, y = batch(7, 6), torch.arange(7) % 4
    results = []
    for threads, splits in ((1, [7]), (3, [7]), (1, [2, 5])):
        machine = Loihi2Machine(network, threads=threads)
        parts, at = [], 0
        for size in splits:
            drive = machine.drive(x[at : at + size])
            free = machine.relax(drive, Stop(40))
            nudged = machine.relax(drive, Stop(9), nudge=Nudge(-0.5, y[at : at + size]), start=free)
            parts.append(np.concatenate(nudged.state.states, axis=1))
            at += size
        results.append(np.concatenate(parts))
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_quiescence_ends_a_phase_and_nothing_changes_afterwards() -> None:
    machine = Loihi2Machine(layered([6, 9, 4], seed=1), threshold=2.0**-8)
    drive = machine.drive(batch(3, 6))
    free = machine.relax(drive, Stop(500))
    assert bool(free.converged.all())
    assert int(free.steps.max()) < 500
    assert float(free.residual.max()) == 0.0
    again = machine.relax(drive, Stop(50), start=free)
    assert int(again.steps.max()) == 1
    assert again.ledger.total(Event.MESSAGES) == 0
    for one, other in zip(free.state.states, again.state.states):
        np.testing.assert_array_equal(one, other)


def test_zero_steps_and_zero_nudge() -> None:
    machine = Loihi2Machine(layered([6, 9, 4], seed=1))
    drive = machine.drive(batch(3, 6))
    none = machine.relax(drive, Stop(0))
    assert all(float(u.abs().max()) == 0 for u in none.membranes)
    free = machine.relax(drive, Stop(300))
    same = machine.relax(drive, Stop(30), nudge=Nudge(0.0, torch.tensor([0, 1, 2])), start=free)
    for a, b in zip(free.activities, same.activities):
        assert torch.equal(a, b)


def test_saturation_is_counted_and_strict_refuses_it() -> None:
    network = layered([3, 4, 2], seed=0)
    with torch.no_grad():
        network.couplings[0].weight.fill_(100.0)
    x = torch.ones(1, 3)
    machine = Loihi2Machine(network)
    with pytest.warns(UserWarning, match="4 input currents left"):
        assert machine.drive(x).clipped == 4
    assert machine.saturations == 4
    with pytest.raises(InputError, match="24-bit"):
        Loihi2Machine(network, strict=True).drive(x)


def test_states_that_grow_without_bound_are_clipped_counted_and_refused() -> None:
    """Two ReLU layers that double each other's activity at every hop."""
    network = layered([1, 1, 1], activation="relu", seed=0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(2.0)
    machine = Loihi2Machine(network)
    with pytest.warns(UserWarning, match="states left the 24-bit range"):
        end = machine.relax(machine.drive(torch.ones(1, 1)), Stop(40))
    assert machine.saturations > 10
    assert float(end.membranes[0].max()) <= 128
    strict = Loihi2Machine(network, strict=True)
    with pytest.raises(InputError, match="states left"):
        strict.relax(strict.drive(torch.ones(1, 1)), Stop(40))


def test_a_limit_cycle_is_seen() -> None:
    """Two neurons that inhibit each other strongly flip for ever without damping, and settle with it."""
    network = layered([1, 2, 2], seed=0)
    with torch.no_grad():
        for c in network.couplings:
            c.weight.zero_()
        network.couplings[0].bias.fill_(4.0)
        network.couplings[1].weight.copy_(-8.0 * torch.eye(2))
        network.couplings[1].bias.fill_(4.0)
        network.couplings[2].weight.copy_(-8.0 * torch.eye(2))
    x = torch.zeros(1, 1)
    machine = Loihi2Machine(network, damping_shift=0)
    out = machine.relax(machine.drive(x), Stop(200))
    assert bool(out.cycling[0])
    assert not bool(out.converged[0])


@pytest.mark.parametrize("bad", [{"threshold": -1.0}, {"weight_bits": 9}, {"variant": "other"}, {"threads": 0}])
def test_settings_out_of_range(bad) -> None:
    with pytest.raises(InputError):
        Loihi2Machine(layered([3, 2]), **bad)


def test_what_the_chip_has_no_model_for() -> None:
    with pytest.raises(InputError, match="dsilu"):
        Loihi2Machine(layered([3, 4, 2], activation="dsilu"))
    with pytest.raises(InputError, match="ReLU"):
        Loihi2Machine(layered([3, 4, 2]), variant="sigma-delta", damping_shift=0, guard_bits=0)
    machine = Loihi2Machine(layered([3, 4, 2]))
    drive = machine.drive(batch(2, 3))
    with pytest.raises(InputError, match="complex"):
        machine.relax(drive, Stop(3), nudge=Nudge(0.5j, torch.tensor([0, 1])))
    with pytest.raises(InputError, match="NaN"):
        machine.drive(torch.full((1, 3), float("nan")))
    with pytest.raises(InputError, match="expected"):
        machine.drive(torch.zeros(1, 4))


def test_weight_writes_count_changes_only() -> None:
    network = layered([3, 4, 2], seed=2)
    machine = Loihi2Machine(network)
    everything = sum(p.numel() for c in network.couplings for p in c.parameters())
    assert machine.program().total(Event.WEIGHT_WRITES) == everything
    assert machine.program().total(Event.WEIGHT_WRITES) == 0
    with torch.no_grad():
        network.couplings[1].bias[0] += 0.25
    assert machine.program().total(Event.WEIGHT_WRITES) == 1


def test_stochastic_rounding_is_unbiased_and_seeded() -> None:
    w = np.full((200, 200), 0.3)
    exponent = choose_exponent(np.array([1.0]))
    a, _ = quantise(w, exponent, generator=stream(1, "r"))
    b, _ = quantise(w, exponent, generator=stream(1, "r"))
    np.testing.assert_array_equal(a, b)
    assert abs(a.mean() * 2.0**exponent - 0.3) < 1e-4
