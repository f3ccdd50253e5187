"""Equilibrium propagation, phase by phase: the batched kernel against Lava on the exported program.

Free, plus, minus, a weight write, free again; and, for relaxation neurons, the whole schedule as one program in which
the neurons keep their response. Networks, inputs, formats and lengths are random.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from equipoise.conformance.case import Case, Outcome, compare
from hw_profiles.errors import InputError
from substrates.base import Nudge, Stop
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.run import LavaTarget, run_program
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.loihi2.relaxation.export import program_of
from substrates.loihi2.relaxation.phase_program import free_force, schedule_program
from substrates.loihi2.relaxation.phases import PhaseSchedule, measure_response
from substrates.network import layered

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.loihi2.program import Program
    from substrates.loihi2.relaxation import Loihi2Machine

__all__ = ["PhaseCase", "relaxation_phases", "sigma_delta_phases"]

Rng = np.random.Generator
#: (name, program, messages (steps, neurons) of our side, its states at the end)
Phase = tuple[str, "Program", Any, dict[str, Any]]


@dataclass
class PhaseCase(Case):
    """A programmed machine, one input, its target, and how many steps each of the four phases has."""

    machine: Loihi2Machine
    inputs: Tensor  #: (1, input size)
    target: Tensor  #: (1,)
    steps: int
    beta: float
    change: tuple[Any, ...]  #: what is added to the network's parameters at the weight write
    _found: list[Phase] = field(default_factory=list)

    def run(self, session: LavaSession, target: LavaTarget, timeout_s: float) -> Outcome:
        outcome = Outcome(0)
        for phase, program, messages, states in self.phases():
            theirs = run_program(program, len(messages), target=target, timeout_s=timeout_s, session=session)
            outcome.steps += len(messages)
            sent = np.concatenate([theirs.messages[name] for name in program.populations], axis=1)
            compare(outcome, f"{phase}: messages", messages, sent)
            for variable, ours in states.items():
                final = np.concatenate([theirs.final[name][variable] for name in program.populations])
                compare(outcome, f"{phase}: {variable} (final)", ours[None], final[None])
        return outcome

    def phases(self) -> list[Phase]:
        """All phases in order, run once.

        Raises:
            InputError: a strict machine's states left 24 bits.
        """
        if not self._found:
            self._found = self._run()
        return self._found

    def _run(self) -> list[Phase]:
        import torch

        machine = self.machine
        found: list[Phase] = []
        drive = machine.drive(self.inputs)
        at = machine.relax(drive, Stop(0))
        plus, minus = Nudge(self.beta, self.target), Nudge(-self.beta, self.target)
        for phase, nudge in (("free", None), ("plus", plus), ("minus", minus), ("free after a write", None)):
            if phase == "free after a write":
                with torch.no_grad():
                    for parameter, change in zip(machine.network.parameters(), self.change):
                        parameter += change
                machine.program()
            force = None if nudge is None else free_force(machine, at, nudge, 0)
            program = program_of(machine.chip, at.state.states, 0, force)
            messages = []
            for _ in range(self.steps):
                at = machine.relax(drive, Stop(1), nudge=nudge, start=at)
                messages.append(at.state.states.pending[0].copy())
            found.append((phase, program, np.array(messages), self._states(at.state.states)))
        if machine.settings.variant == "relaxation":
            found.append(self._whole(drive))
        return found

    def _states(self, states: Any) -> dict[str, Any]:
        if self.machine.settings.variant == "sigma-delta":
            return {"sigma": states.current[0]}
        return {name: getattr(states, name)[0] for name in ("current", "remainder", "u", "sent")}

    def _whole(self, drive: Any) -> Phase:
        """The schedule as one program; its messages are the engine's, its response the kernel's."""
        machine = self.machine
        schedule = PhaseSchedule(self.steps, max(self.steps // 2, 1), self.beta, on_chip=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # coarse thresholds that swallow the nudge are cases too
            response = measure_response(machine, drive, self.target, schedule)
        force = free_force(machine, response.free, Nudge(self.beta, self.target), 0)
        program = schedule_program(machine, machine.relax(drive, Stop(0)), 0, force, schedule)
        run = Engine(program).run(schedule.steps, [Probe(name) for name in program.populations])
        messages = np.concatenate([run.probes[name, "messages"] for name in program.populations], axis=1)
        return "schedule", program, messages, {"response": response.error[0]}


def _case(rng: Rng, steps: int, activation: str, **fields: Any) -> PhaseCase:
    import torch

    sizes = [int(n) for n in rng.integers(2, 10, size=rng.integers(3, 5))]
    network = layered(sizes, activation=activation, seed=int(rng.integers(2**31)), angle=float(rng.integers(0, 91)))
    machine = Loihi2Machine(network, **fields)
    machine.program()
    change = tuple(torch.from_numpy(0.2 * rng.standard_normal(tuple(p.shape))).to(p) for p in network.parameters())
    inputs = torch.from_numpy(rng.random((1, sizes[0]))).float()
    target = torch.tensor([int(rng.integers(sizes[-1]))])
    return PhaseCase(machine, inputs, target, max(steps // 5, 2), float(rng.choice([0.1, 0.5, 1.0])), change)


def relaxation_phases(rng: Rng, steps: int) -> PhaseCase:
    """Relaxation neurons of every activation, damping and message format.

    A ReLU network may grow until its nudge no longer fits a message; such draws, one in a hundred, are left out.
    """
    while True:
        places = int(rng.choice([12, 16]))
        case = _case(
            rng, steps, str(rng.choice(["logistic", "tanh", "hard-sigmoid", "relu"])),
            logistic=str(rng.choice(["table", "pieces"])), damping_shift=int(rng.integers(0, 3)),
            guard_bits=int(rng.integers(0, 5)), fraction_bits=places, message_bits=int(rng.integers(6, places + 1)),
            threshold=2.0 ** -int(rng.integers(6, places + 1)), rounding=str(rng.choice(["nearest", "stochastic"])),
        )  # fmt: skip
        try:
            case.phases()
        except InputError:
            continue
        return case


def sigma_delta_phases(rng: Rng, steps: int) -> PhaseCase:
    """Only Lava's own SigmaDelta and Dense, which have chip models.

    A ReLU network may grow without bound; beyond 24 bits our states saturate, Lava's do not: such
    draws are left out.
    """
    while True:
        case = _case(
            rng, steps, "relu", variant="sigma-delta", damping_shift=0, guard_bits=0, fraction_bits=12,
            message_bits=12, threshold=2.0 ** -int(rng.integers(6, 13)), strict=True,
        )  # fmt: skip
        try:
            case.phases()
        except InputError:
            continue
        return case
