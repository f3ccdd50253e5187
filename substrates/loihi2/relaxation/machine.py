"""``Loihi2Machine``: a network relaxing on the bit-accurate chip, behind the interface every machine has."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Component, Event, Ledger, Phase
from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.loihi2.engine.counts import count
from substrates.loihi2.program import Placement, Program
from substrates.loihi2.relaxation.chip_network import ChipNetwork
from substrates.loihi2.relaxation.kernel import relax_samples
from substrates.loihi2.relaxation.layout import Int32, Int64, States, Tally, activities_of, blank_tally
from substrates.loihi2.relaxation.pattern import INPUTS, pattern_program, stored_sparse
from substrates.loihi2.relaxation.settings import Loihi2Settings
from substrates.loihi2.widths import STATE_MAX

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = ["ChipDrive", "ChipState", "Loihi2Machine"]

#: a residual below this counts as converged when the caller gave no tolerance (substrates.base.Equilibrium)
CONVERGED = 1e-3
#: a share of neurons without response above this is worth a warning
MOSTLY_SILENT = 0.95


@dataclass(frozen=True)
class ChipDrive(Drive):
    """A batch's input as the chip gets it: one graded message per non-zero input value."""

    charge: Int32 = None  # type: ignore[assignment]  #: (batch, neurons) what the messages add to the currents
    messages: Int64 = None  # type: ignore[assignment]  #: (input size,) of all samples
    clipped: int = 0


@dataclass(frozen=True)
class ChipState:
    """Where a relaxation ended: exact, to go on from.

    A nudge is beta times dL/dv, injected once when its phase begins. The chip has no exponential: the host computes
    these few numbers from an output activity it reads, and they stay fixed during the phase, which leaves the response
    at beta -> 0 as it is and lets the network fall silent. That activity is the last un-nudged one; where nudge
    follows nudge without end (lock-in), the mean of the last two phases stands for it. Going on under the same beta
    is the same phase.
    """

    states: States
    free: Int64  #: (batch, output size) output activity of the last un-nudged state
    nudged: tuple[Int64, ...] = ()  #: output activities after the nudged phases since, at most the last two
    beta: float = 0.0  #: the nudge of the present phase
    reference: Int64 | None = None  #: the output activity that nudge took its force from

    def force_at(self, beta: float) -> Int64:
        """The output activity at which a nudge ``beta`` that begins (or goes on) here takes its force."""
        if self.reference is not None and beta == self.beta:
            return self.reference
        return (self.nudged[0] + self.nudged[1]) >> 1 if len(self.nudged) == 2 else self.free

    def after(self, states: States, output: Int64, beta: float) -> ChipState:
        """The state at the end of a phase under the nudge ``beta``."""
        going_on = self.reference is not None and beta == self.beta
        before = self.nudged[:-1] if going_on else self.nudged
        return ChipState(states, self.free, (*before, output)[-2:], beta, self.force_at(beta))


class Loihi2Machine(RelaxationSubstrate):
    """The network on (a bit-accurate model of) the chip.

    Args:
        network: torch network; its parameters are the host's master copy, written by ``program``.
        settings: number formats; or give its fields as keywords (``threshold=2**-12, damping_shift=1``).

    Raises:
        InputError: an activation or coupling the chip has no model for, or a setting out of range.
    """

    def __init__(self, network: Network, settings: Loihi2Settings | None = None, **fields: Any) -> None:
        self.network = network
        self.settings = replace(settings or Loihi2Settings(), **fields)
        self.chip = ChipNetwork(network, self.settings)
        self.silent_share: tuple[float, ...] = ()  #: see ``_watch_response``
        self.saturations = 0  #: inputs, currents and states clipped to 24 bits since the machine was made
        self._warned = self._warned_clipped = False
        self._accumulator: Int32 | Int64 | None = None
        self._pattern: Program | None = None
        self._sparse = False  #: some of its couplings store only the weights that are not zero
        self.placement: Placement | None = None  #: cores of `pattern`; with one, counts are told apart by core

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(name="loihi2-sim", integer=True, batch_exact=True, held_force=True, oscillation=True)

    def program(self) -> Ledger:
        ledger = Ledger()
        ledger.add(Event.WEIGHT_WRITES, self.chip.write(), component=Component.SYNAPSES, phase=Phase.PROGRAM)
        self.rewired()
        if self.settings.strict and self.chip.clipped:
            raise InputError(
                f"{self.chip.clipped} biases leave the chip's range; scale the network down, or use fewer fraction_bits"
            )
        return ledger

    @property
    def pattern(self) -> Program:
        """What is stored on the chip as a program, without weights: for placing and counting."""
        self._require_program()
        if self._pattern is None:
            self._pattern = pattern_program(self.chip)
            self._sparse = any(stored_sparse(c) for c in self.chip.couplings)
        return self._pattern

    def _count(self, sent: dict[str, Int64], steps: int, phase: Phase, reads: dict[str, int] | None = None) -> Ledger:
        return count(self.pattern, self.placement, sent, steps, reads=reads, phase=phase)

    def _count_phase(self, tally: Tally, phase: Phase) -> Ledger:
        """A phase of all samples; at its end the host reads every activity."""
        offset, populations = self.chip.rules.offset, self.network.populations
        every = tally.sent.sum(axis=0, dtype=np.int64)
        sent = {p.name: every[int(lo) : int(hi)] for p, lo, hi in zip(populations, offset, offset[1:])}
        reads = {p.name: len(tally.steps) * p.size for p in populations}
        return self._count(sent, int(tally.steps.sum()), phase, reads)

    def rewired(self) -> None:
        """Take note that the stored weights changed (``program`` and the local learner do)."""
        self._accumulator = self.chip.accumulator()
        if self._sparse or any(stored_sparse(c) for c in self.chip.couplings):
            self._pattern = None  # which weights are stored may have changed; of dense couplings all are

    def state_dict(self) -> dict[str, int]:
        """What a checkpoint needs beside the network's parameters: how often weights were written, what was clipped."""
        return {"writes": self.chip.writes, "saturations": self.saturations}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Store the network's present parameters as that write did: stochastic rounding draws the same again."""
        if state["writes"]:
            self.chip.writes = state["writes"] - 1
            self.chip.write()
            self.rewired()
        self.saturations = state.get("saturations", 0)

    def drive(self, inputs: Tensor) -> ChipDrive:
        """Turn a batch into input messages.

        Raises:
            InputError: wrong shape, empty, not finite; with ``strict``, an input or a current beyond 24 bits.
        """
        self._require_program()
        shape = self.network.input_shape
        if tuple(inputs.shape[1:]) != shape or inputs.shape[0] == 0:
            raise InputError(f"inputs of shape {tuple(inputs.shape)}; expected (batch, {shape}), batch > 0")
        scaled = np.rint(inputs.detach().cpu().double().flatten(1).numpy() * self.settings.one)
        if not np.isfinite(scaled).all():
            raise InputError("the inputs hold NaN or infinite values")
        clipped = int(np.count_nonzero(np.abs(scaled) > STATE_MAX))
        integers = np.clip(scaled, -STATE_MAX, STATE_MAX).astype(np.int64)
        charge, messages, more = self.chip.input_current(integers)
        self._check_clipped(clipped + more, "input currents")
        currents = self.split((charge + self.chip.bias[None, :]) / self.settings.one)
        return ChipDrive(inputs, currents, charge, messages, clipped + more)

    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        """Relax; a phase ends early, exactly, once a sample is quiescent (no messages, nothing left to move)."""
        equilibrium, _ = self.relax_tallied(drive, stop, nudge=nudge, start=start)
        return equilibrium

    def relax_tallied(
        self,
        drive: Drive,
        stop: Stop,
        *,
        nudge: Nudge | None = None,
        start: Equilibrium | None = None,
        sum_activity: bool = False,
    ) -> tuple[Equilibrium, Tally]:
        """``relax``, with the kernel's own tally; ``sum_activity`` adds up v over the steps (lock-in)."""
        self._require_program()
        if not isinstance(drive, ChipDrive):
            raise InputError("the drive was made by another machine; use this machine's own drive(inputs)")
        ledger = Ledger()
        states, held = self._start(drive, start, ledger)
        bias = np.repeat(self.chip.bias[None, :], drive.batch, axis=0)
        lo = int(self.chip.rules.offset[-2])
        if held is None:
            held = ChipState(states, activities_of(states.u, self.chip.rules)[:, lo:])
        if nudge is not None:
            ledger.add(
                Event.HOST_WRITES,
                self.add_nudge(nudge, bias, held),
                component=Component.HOST,
                layer="out",
                phase=Phase.of_nudge(complex(nudge.beta).real),
            )
        tally = blank_tally(drive.batch, len(self.chip.rules.kind), self.chip.num_neurons, sums=sum_activity)
        self._run(states, bias, stop, tally)
        self._check_clipped(int(tally.saturations.sum()), "states")
        phase = Phase.of_nudge(None if nudge is None else complex(nudge.beta).real)
        ledger.merge(self._count_phase(tally, phase))
        activity = activities_of(states.u, self.chip.rules)
        output = activity[:, lo:].copy()
        state = ChipState(states, output)
        if nudge is not None:
            if start is not None and complex(nudge.beta).real and stop.max_steps > len(self.network.populations):
                self._watch_response(activity, start)
            state = held.after(states, output, complex(nudge.beta).real)
        residual = torch.from_numpy(tally.residual / self.settings.one).float()
        limit = stop.tolerance or CONVERGED
        equilibrium = Equilibrium(
            activities=self.split(activity / self.settings.one),
            membranes=self.split(states.u / self.settings.one),
            residual=residual,
            converged=torch.from_numpy(tally.quiescent) | (residual < limit),
            steps=torch.from_numpy(tally.steps),
            cycling=torch.from_numpy(tally.cycling),
            ledger=ledger,
            state=state,
        )
        return equilibrium, tally

    def _require_program(self) -> None:
        if self._accumulator is None:
            self.program()

    def split(self, values: npt.NDArray[Any]) -> tuple[Tensor, ...]:
        """(batch, neurons) to one float tensor per population; 24-bit integers over a power of two are exact."""
        offset = self.chip.rules.offset
        flat = torch.from_numpy(values.astype(np.float32))
        return tuple(
            flat[:, int(lo) : int(hi)].reshape(-1, *p.shape)
            for p, lo, hi in zip(self.network.populations, offset, offset[1:])
        )

    def _start(self, drive: ChipDrive, start: Equilibrium | None, ledger: Ledger) -> tuple[States, ChipState | None]:
        if start is None:
            states = States.rest(drive.batch, self.chip.num_neurons)
            states.current[:] = drive.charge
            # The host writes the input one step before the first; samples run one after another on a chip.
            ledger.merge(self._count({INPUTS: drive.messages}, drive.batch, Phase.FREE))
            return states, None
        if not isinstance(start.state, ChipState) or start.state.states.u.shape[0] != drive.batch:
            raise InputError("the starting equilibrium is not this machine's, or of another batch size")
        return start.state.states.copy(), start.state

    def add_nudge(self, nudge: Nudge, bias: Int32, held: ChipState) -> int:
        """Add beta dL/dv (or beta times the force given) to the output's part of ``bias`` (batch, neurons).

        Returns:
            How many values the host sends.

        Raises:
            InputError: a complex nudge, or one with an antisymmetric correction.
        """
        beta = complex(nudge.beta)
        if beta.imag:
            raise InputError(f"the chip has no complex states (nudge {nudge.beta}); use the centered estimator")
        if nudge.reference is not None:
            raise InputError("the chip stores no transposed weights: no antisymmetric correction; use correction none")
        lo = int(self.chip.rules.offset[-2])
        shape = self.network.populations[-1].shape
        nudge.check_force((len(bias), *shape))
        if nudge.force is None:
            activity = torch.from_numpy((held.force_at(beta.real) / self.settings.one).astype(np.float32))
            force = self.network.cost.gradient(activity.reshape(-1, *shape), nudge.target).detach().flatten(1)
        else:
            force = nudge.force.detach().flatten(1)
            if not bool(torch.isfinite(force).all()):
                raise InputError(
                    "the nudge's force holds values that are no finite numbers; integers cannot carry them"
                )
        added = np.rint(beta.real * force.double().numpy() * self.settings.one).astype(np.int64)
        bias[:, lo:] = np.clip(bias[:, lo:] + added, -STATE_MAX, STATE_MAX)
        return int(np.count_nonzero(added))

    def _watch_response(self, activity: Int64, start: Equilibrium) -> None:
        """Note per population the share of neurons that a nudge left exactly as they were; warn once if nearly all."""
        rules = self.chip.rules
        same = activity == activities_of(start.state.states.u, rules)
        edges = zip(rules.offset[:-1], rules.offset[1:])
        self.silent_share = tuple(float(np.mean(same[:, int(lo) : int(hi)])) for lo, hi in edges)
        silent = [p.name for p, share in zip(self.network.populations, self.silent_share) if share > MOSTLY_SILENT]
        if silent and not self._warned:
            self._warned = True
            warnings.warn(
                f"the nudge does not reach {', '.join(silent)}: more than {MOSTLY_SILENT:.0%} of the neurons do not "
                f"answer it. The threshold {self.settings.threshold:g} swallows it; lower the threshold, raise the "
                "nudge, or allow more nudged steps",
                stacklevel=4,
            )

    def _run(self, states: States, bias: Int32, stop: Stop, tally: Tally) -> None:
        assert self._accumulator is not None
        tolerance = int(np.ceil(stop.tolerance * self.settings.one))
        batch = bias.shape[0]
        rules, wiring = self.chip.rules, self.chip.wiring

        def chunk(first: int, last: int) -> None:
            total = np.zeros_like(self._accumulator)
            relax_samples(
                (first, last), states, bias, rules, wiring, total, stop.max_steps, tolerance, stop.check_every, tally
            )

        threads = min(self.settings.threads, batch)
        if threads == 1:
            chunk(0, batch)
            return
        edges = [batch * k // threads for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(chunk, edges[:-1], edges[1:]))

    def _check_clipped(self, clipped: int, what: str) -> None:
        """Count values that left their register; a strict machine refuses them, another warns once."""
        if not clipped:
            return
        self.saturations += clipped
        text = f"{clipped} {what} left the 24-bit range of +-{STATE_MAX / self.settings.one:g}"
        if self.settings.strict:
            raise InputError(
                f"{text}; scale weights or inputs down, use fewer fraction_bits, or allow it with strict=False"
            )
        if not self._warned_clipped:
            self._warned_clipped = True
            warnings.warn(
                f"{text} and were clipped there; machine.saturations counts on, strict=True refuses it", stacklevel=4
            )
