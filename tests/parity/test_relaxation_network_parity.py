"""The batched kernel, the generic engine and Lava on a CPU: the same integers at every step of every phase."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from substrates.base import Nudge, Stop
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.export import program_of
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
