"""The batched kernel, the generic engine and Lava on a CPU: the same integers at every step of every phase."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event
from substrates.base import Nudge, Stop
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.export import program_of
from substrates.loihi2.relaxation.phase_program import free_force, schedule_program
from substrates.loihi2.relaxation.phases import PhaseSchedule, measure_response
from substrates.loihi2.synapses import Direct, Sparse
from substrates.network import layered

VARIANTS = {
    "relaxation": {"activation": "logistic", "damping_shift": 1, "guard_bits": 4},
    "relaxation, pieces, undamped": {
        "activation": "logistic", "logistic": "pieces", "damping_shift": 0, "guard_bits": 0, "message_bits": 9
    },
    "sigma-delta": {
        "activation": "relu", "variant": "sigma-delta", "damping_shift": 0, "guard_bits": 0,
        "fraction_bits": 12, "message_bits": 12, "threshold": 2.0**-9,
    },
}  # fmt: skip


def trace(machine, drive, steps, start, nudge):
    """Messages (steps, neurons) and final states of sample 0, one kernel call per step."""
    messages, at = [], start
    for _ in range(steps):
        at = machine.relax(drive, Stop(1), nudge=nudge, start=at)
        messages.append(at.state.states.pending[0].copy())
    return np.array(messages), at


def phases(fields, seed):
    """Yield (program, messages, machine, end) for a free phase, a nudged one, and one after a weight write."""
    fields = dict(fields)
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(2, 9, size=rng.integers(3, 5))]
    network = layered(sizes, activation=fields.pop("activation"), seed=seed)
    machine = Loihi2Machine(network, **fields)
    x = torch.rand(1, sizes[0], generator=torch.Generator().manual_seed(seed))
    drive, y = machine.drive(x), torch.tensor([0])
    rest = machine.relax(drive, Stop(0))
    at, force = rest, None
    for nudge, write in ((None, False), (Nudge(0.5, y), False), (Nudge(-0.5, y), False), (None, True)):
        if write:
            with torch.no_grad():
                for p in network.parameters():
                    p.add_(0.2 * torch.randn(p.shape, generator=torch.Generator().manual_seed(seed + 1)))
            machine.program()
        if nudge is not None:
            bias = np.zeros((1, machine.chip.num_neurons), np.int32)
            machine.add_nudge(nudge, bias, at.state)
            force = bias[0]
        program = program_of(machine.chip, at.state.states, 0, force if nudge is not None else None)
        messages, at = trace(machine, drive, 12, at, nudge)
        yield program, messages, machine, at


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_kernel_equals_the_engine(variant, seed) -> None:
    total = 0
    for program, messages, machine, end in phases(VARIANTS[variant], seed):
        engine = Engine(program)
        names = list(program.populations)
        run = engine.run(len(messages), [Probe(name) for name in names])
        got = np.concatenate([run.probes[name, "messages"] for name in names], axis=1)
        np.testing.assert_array_equal(got, messages)
        first = "sigma" if machine.settings.variant == "sigma-delta" else "current"
        current = np.concatenate([engine.state(name)[first] for name in names])
        np.testing.assert_array_equal(current, end.state.states.current[0])
        total += np.count_nonzero(messages)
    assert total > 20


@pytest.mark.lava
@pytest.mark.parametrize("variant", ["relaxation", "sigma-delta"])
def test_kernel_equals_lava(variant, lava_session) -> None:
    """Through free, plus, minus, and a free phase after a weight write."""
    from substrates.loihi2.lava.run import run_program

    for program, messages, machine, end in phases(VARIANTS[variant], 1):
        run = run_program(program, len(messages), session=lava_session)
        names = list(program.populations)
        np.testing.assert_array_equal(np.concatenate([run.messages[name] for name in names], axis=1), messages)
        first = "sigma" if machine.settings.variant == "sigma-delta" else "current"
        current = np.concatenate([run.final[name][first] for name in names])
        np.testing.assert_array_equal(current, end.state.states.current[0])


@pytest.fixture(scope="module")
def lava_session():
    pytest.importorskip("lava", reason="lava-nc is not installed")
    from substrates.loihi2.lava.watchdog import LavaSession

    with LavaSession() as session:
        yield session


ON_CHIP = {
    "centered": PhaseSchedule(14, 6, on_chip=True),
    "lock-in": PhaseSchedule(14, 4, periods=2, skip=1, on_chip=True),
    "no free phase": PhaseSchedule(0, 5, periods=1, on_chip=True),
}


def on_chip(variant, schedule, seed):
    """A machine, its response to the whole schedule, and the same schedule as one program of sample 1."""
    fields = dict(VARIANTS[variant])
    network = layered([6, 8, 5, 3], activation=fields.pop("activation"), seed=seed)
    machine = Loihi2Machine(network, **fields)
    x = torch.rand(3, 6, generator=torch.Generator().manual_seed(seed))
    y = torch.tensor([0, 1, 2])
    drive = machine.drive(x)
    response = measure_response(machine, drive, y, schedule)
    force = free_force(machine, response.free, Nudge(schedule.beta, y), 1)
    program = schedule_program(machine, machine.relax(drive, Stop(0)), 1, force, schedule)
    return machine, response, program


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ON_CHIP)
def test_the_chip_runs_the_whole_schedule_by_itself(variant, name) -> None:
    """Nudge as graded messages, response kept in the neurons: one program, the same integers as phase by phase."""
    schedule = ON_CHIP[name]
    machine, response, program = on_chip(variant, schedule, 2)
    engine, names = Engine(program, strict=True), list(program.populations)
    run = engine.run(schedule.steps, [Probe(n) for n in names])
    counted = [response.ledger.total(Event.MESSAGES, layer=n) for n in names]
    if machine.settings.variant == "relaxation":
        kept = np.concatenate([engine.state(n)["response"] for n in names])
        np.testing.assert_array_equal(kept, response.error[1])
        assert np.count_nonzero(kept) > 5
    else:  # Lava's neuron keeps nothing: the host reads the activity at the ends of plus and minus
        act = Probe(names[-1], "act")
        seen = Engine(program).run(schedule.steps, [act]).probes[names[-1], "act"]
        if not schedule.periods:
            ends = seen[schedule.free_steps + schedule.nudge_steps - 1] - seen[schedule.steps - 1]
            np.testing.assert_array_equal(ends, response.error[1, -ends.size :])
    # All three samples' messages together: this one's is part of them.
    assert all(0 < np.count_nonzero(run.probes[n, "messages"]) <= c for n, c in zip(names, counted))


@pytest.mark.lava
@pytest.mark.parametrize("variant", ["relaxation", "sigma-delta"])
def test_lava_runs_the_whole_schedule(variant, lava_session) -> None:
    from substrates.loihi2.lava.run import run_program

    schedule = ON_CHIP["centered"]
    machine, response, program = on_chip(variant, schedule, 3)
    names = list(program.populations)
    ours = Engine(program).run(schedule.steps, [Probe(n) for n in names])
    theirs = run_program(program, schedule.steps, session=lava_session)
    for n in names:
        np.testing.assert_array_equal(theirs.messages[n], ours.probes[n, "messages"])
    if machine.settings.variant == "relaxation":
        kept = np.concatenate([theirs.final[n]["response"] for n in names])
        np.testing.assert_array_equal(kept, response.error[1])


@pytest.mark.parametrize("variant", ["relaxation", "sigma-delta"])
def test_mostly_zero_couplings_become_sparse_synapses(variant) -> None:
    """Same integers, other synapses."""
    fields = dict(VARIANTS[variant])
    network = layered([6, 9, 7, 3], activation=fields.pop("activation"), seed=5)
    with torch.no_grad():
        network.couplings[1].weight *= torch.rand(7, 9, generator=torch.Generator().manual_seed(0)) < 0.2
    machine = Loihi2Machine(network, **fields)
    drive = machine.drive(torch.rand(1, 6, generator=torch.Generator().manual_seed(1)))
    rest = machine.relax(drive, Stop(0))
    program = program_of(machine.chip, rest.state.states, 0)
    kinds = [type(c.synapses) for c in program.connections if not isinstance(c.synapses, Direct)]
    assert kinds.count(Sparse) == 1
    messages, _ = trace(machine, drive, 15, rest, None)
    names = list(program.populations)
    run = Engine(program).run(15, [Probe(n) for n in names])
    np.testing.assert_array_equal(np.concatenate([run.probes[n, "messages"] for n in names], axis=1), messages)
    assert np.count_nonzero(messages) > 10


def test_a_schedule_that_needs_the_host_is_no_program() -> None:
    machine, response, _ = on_chip("relaxation", ON_CHIP["centered"], 2)
    force = np.zeros(machine.chip.num_neurons, np.int32)
    with pytest.raises(InputError, match="on_chip"):
        schedule_program(machine, response.free, 0, force, PhaseSchedule(4, 2))
    force[-1] = 2**20
    with pytest.raises(InputError, match="smaller nudge"):
        schedule_program(machine, response.free, 0, force, ON_CHIP["centered"])
