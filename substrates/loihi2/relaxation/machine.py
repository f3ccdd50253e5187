"""``Loihi2Machine``: a network relaxing on the bit-accurate chip, behind the interface every machine has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.loihi2.neurons.relaxation import STATE_MAX
from substrates.loihi2.relaxation.chip_network import ChipNetwork
from substrates.loihi2.relaxation.counting import count_input, count_relaxation
from substrates.loihi2.relaxation.kernel import relax_samples
from substrates.loihi2.relaxation.layout import Int32, Int64, States, Tally, blank_tally
from substrates.loihi2.relaxation.reading import activities_of
from substrates.loihi2.relaxation.settings import Loihi2Settings

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = ["ChipDrive", "ChipState", "Loihi2Machine"]

#: a residual below this counts as converged when the caller gave no tolerance (substrates.base.Equilibrium)
CONVERGED = 1e-3


@dataclass(frozen=True)
class ChipDrive(Drive):
    """A batch's input as the chip gets it: one graded message per non-zero input value."""

    charge: Int32 = None  # type: ignore[assignment]  #: (batch, neurons) what the messages add to the currents
    messages: Int64 = None  # type: ignore[assignment]  #: (batch,)
    clipped: int = 0


@dataclass(frozen=True)
class ChipState:
    """Where a relaxation ended: exact, to go on from.

    ``force`` is dL/dv of the output at the last un-nudged state; a nudge is beta times it, injected once. A chip has
    no exponential: the host computes these few numbers from the output it reads, and they stay fixed while nudged,
    which leaves the response at beta -> 0 as it is and lets the network fall silent.
    """

    states: States
    reference: Int32  #: (batch, output size) output activity the force is computed from
    force: Int64 | None = None


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
        self._accumulator: Int32 | Int64 | None = None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(name="loihi2-sim", integer=True, oscillation=True)

    def program(self) -> Ledger:
        ledger = Ledger()
        ledger.add(Event.WEIGHT_WRITES, self.chip.write(), component="synapses", phase="program")
        self._accumulator = self.chip.accumulator()
        if self.settings.strict and self.chip.clipped:
            raise InputError(f"{self.chip.clipped} biases leave the 24-bit range; scale the network down")
        return ledger

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
        currents = self._split((charge + self.chip.bias[None, :]) / self.settings.one)
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
        force = held.force if held is not None else None
        if nudge is not None:
            force = self._apply_nudge(nudge, bias, states, held, ledger)
        tally = blank_tally(drive.batch, len(self.chip.rules.kind), self.chip.num_neurons if sum_activity else 0)
        self._run(states, bias, stop, tally)
        self._check_clipped(int(tally.saturations.sum()), "states")
        phase = "free" if nudge is None else ("nudge+" if nudge.beta.real >= 0 else "nudge-")
        count_relaxation(ledger, self.chip, tally, phase)
        activity = activities_of(states.u, self.chip.rules)
        lo = self.chip.rules.offset[-2]
        reference = activity[:, lo:].astype(np.int32) if nudge is None or held is None else held.reference
        residual = torch.from_numpy(tally.residual / self.settings.one).float()
        limit = stop.tolerance or CONVERGED
        equilibrium = Equilibrium(
            activities=self._split(activity / self.settings.one),
            membranes=self._split(states.u / self.settings.one),
            residual=residual,
            converged=torch.from_numpy(tally.quiescent) | (residual < limit),
            steps=torch.from_numpy(tally.steps),
            cycling=torch.from_numpy(tally.cycling),
            ledger=ledger,
            state=ChipState(states, reference, force if nudge is not None else None),
        )
        return equilibrium, tally

    def _require_program(self) -> None:
        if self._accumulator is None:
            self.program()

    def _split(self, values: npt.NDArray[Any]) -> tuple[Tensor, ...]:
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
            count_input(ledger, self.chip, drive.messages)
            return states, None
        if not isinstance(start.state, ChipState) or start.state.states.u.shape[0] != drive.batch:
            raise InputError("the starting equilibrium is not this machine's, or of another batch size")
        return start.state.states.copy(), start.state

    def _apply_nudge(self, nudge: Nudge, bias: Int32, states: States, held: ChipState | None, ledger: Ledger) -> Int64:
        """Add beta dL/dv to the output's bias; return dL/dv in integers."""
        if complex(nudge.beta).imag:
            raise InputError(f"the chip has no complex states (nudge {nudge.beta}); use the centered estimator")
        if nudge.reference is not None:
            raise InputError("the chip stores no transposed weights: no antisymmetric correction; use correction none")
        lo = int(self.chip.rules.offset[-2])
        if held is not None and held.force is not None:
            force = held.force
        else:
            # The host reads the output and computes the force.
            output = held.reference if held is not None else activities_of(states.u, self.chip.rules)[:, lo:]
            shape = self.network.populations[-1].shape
            activity = torch.from_numpy((output / self.settings.one).astype(np.float32)).reshape(-1, *shape)
            slope = self.network.cost.gradient(activity, nudge.target).detach().flatten(1).double().numpy()
            force = slope * self.settings.one
            ledger.add(Event.HOST_READS, output.size, component="host", layer="out", phase="nudge")
        beta = complex(nudge.beta).real
        added = np.rint(beta * force).astype(np.int64)
        phase = "nudge+" if beta >= 0 else "nudge-"
        ledger.add(Event.HOST_WRITES, int(np.count_nonzero(added)), component="host", layer="out", phase=phase)
        bias[:, lo:] = np.clip(bias[:, lo:] + added, -STATE_MAX, STATE_MAX)
        return force

    def _run(self, states: States, bias: Int32, stop: Stop, tally: Tally) -> None:
        assert self._accumulator is not None
        tolerance = int(np.ceil(stop.tolerance * self.settings.one))
        batch = bias.shape[0]
        rules, wiring = self.chip.rules, self.chip.wiring

        def chunk(first: int, last: int) -> None:
            total = np.zeros_like(self._accumulator)
            relax_samples(
                first, last, states, bias, rules, wiring, total, stop.max_steps, tolerance, stop.check_every, tally
            )

        threads = min(self.settings.threads, batch)
        if threads == 1:
            chunk(0, batch)
            return
        edges = [batch * k // threads for k in range(threads + 1)]
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(chunk, edges[:-1], edges[1:]))

    def _check_clipped(self, clipped: int, what: str) -> None:
        if clipped and self.settings.strict:
            raise InputError(
                f"{clipped} {what} left the 24-bit range of +-{STATE_MAX / self.settings.one:g}; "
                "scale weights or inputs down, use fewer fraction_bits, or allow it with strict=False"
            )
