"""The ideal machine: the network's own equations in floating point, without a fault. The target called `ideal`."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger, Phase
from substrates.analog.checks import check_drive, check_nudge, check_start
from substrates.analog.field import Field, arranged, promote
from substrates.analog.kernels import DenseRelaxation
from substrates.analog.solvers import AlternatingBlocks, Damped, Relaxed, Solver, relax_batch, relax_together
from substrates.analog.solvers.driver import then
from substrates.analog.solvers.graphs import Graphs
from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
from substrates.devices import PRECISIONS, multiplying
from substrates.network import Network, State

__all__ = ["IdealMachine", "macs_per_step"]


class IdealMachine(RelaxationSubstrate):
    """Relaxes a network exactly as its equations say, on the device and in the precision of its parameters.

    Args:
        network: kept by reference; its present parameters are used at every call, nothing needs programming.
        solver: how to relax; half-steps of the damped map unless told otherwise.
        precision: of products on a CUDA device: ``float32``, or ``tf32`` (tensor cores, 10-bit mantissas).
        graphs: on a CUDA device, record a phase's kernels once and launch them as one.

    Raises:
        InputError: an unknown precision.
    """

    def __init__(
        self, network: Network, *, solver: Solver | None = None, precision: str = "float32", graphs: bool = True
    ) -> None:
        if precision not in PRECISIONS:
            raise InputError(f"no precision {precision!r}; there are {', '.join(PRECISIONS)}")
        self.network, self.precision = network, precision
        self._graphs = Graphs() if graphs else None
        self.solver = Damped() if solver is None else solver
        self._compiled = DenseRelaxation(network)
        self._macs = macs_per_step(network)

    runs_on_devices = True  #: computes in torch, on the device of its network's parameters

    @property
    def looks_every(self) -> int:
        return self._compiled.looks_every(self.solver)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            name="ideal",
            batch_exact=self._compiled.batch_exact(self.solver),
            complex_states=self.network.holomorphic,
            antisymmetric_correction=True,
            held_force=True,
            oscillation=True,
            differentiable=True,
        )

    def program(self) -> Ledger:
        """Nothing to write: the parameters are read in place."""
        return Ledger()

    def drive(self, inputs: torch.Tensor) -> Drive:
        with torch.no_grad(), multiplying(self.precision, inputs.device):
            return Drive(inputs, self._compiled.currents(inputs))

    @torch.no_grad()
    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        network = self.network
        check_drive(network, drive)
        check_nudge(network, drive, nudge)
        membranes: State = network.rest(drive.batch) if start is None else check_start(network, drive, start)
        phase = Phase.of_nudge(None if nudge is None else nudge.beta)
        if needs_complex(nudge, membranes):
            membranes = promote(membranes)
        field = Field(network, drive.currents, nudge, lambda i, u: network.activations[i].function(u))
        relaxed, activities = self._run(field, membranes, stop, ())
        return self._equilibrium(relaxed, activities, phase, slice(None))

    def _run(self, field: Field, membranes: State, stop: Stop, betas: Sequence[float]) -> tuple[Relaxed, State]:
        """Relax, under each of ``betas`` in place of the field's own where there are some; and the activities."""
        compiled = self._compiled.applies(field, self.solver, membranes)
        if betas and not compiled:
            field, membranes = field.repeated(betas), tuple(torch.cat([u] * len(betas)) for u in membranes)
            betas = ()
        if compiled:
            return self._compiled.run(field, self.solver, membranes, stop, None, None, betas=betas)
        legs = self.solver.legs(stop) if isinstance(self.solver, AlternatingBlocks) else [(self.solver, stop)]
        relaxed: Relaxed | None = None
        for solver, part in legs:
            start = membranes if relaxed is None else relaxed.membranes
            with multiplying(self.precision, membranes[0].device):
                found = self._loop(solver, field, start, part)
            relaxed = found if relaxed is None else then(relaxed, found)
            if bool(relaxed.converged.all()):
                break
        assert relaxed is not None
        return relaxed, field.activate(relaxed.membranes)

    def _loop(self, solver: Solver, field: Field, membranes: State, stop: Stop) -> Relaxed:
        """The solver's loop for the device the state is on."""
        if membranes[0].device.type == "cpu":
            return relax_batch(solver, field, membranes, stop)
        if self._graphs is not None and self._graphs.apply(solver, membranes, stop):
            return self._graphs.run(field, solver, arranged(membranes), stop)
        return relax_together(solver, field, membranes, stop)

    @torch.no_grad()
    def relax_each(self, drive: Drive, stop: Stop, nudges: Sequence[Nudge], start: Equilibrium) -> list[Equilibrium]:
        """All nudges in one compiled run where that applies: fuller tiles and one call, the same bits."""
        network = self.network
        check_drive(network, drive)
        membranes = check_start(network, drive, start)
        field = Field(
            network, drive.currents, nudges[0] if nudges else None, lambda i, u: network.activations[i].function(u)
        )
        compiled = self._compiled.applies(field, self.solver, membranes)
        together = (
            len(nudges) > 1
            and (compiled or membranes[0].device.type != "cpu")
            and all(complex(n.beta).imag == 0 and n.beta != 0 for n in nudges)
            and all(_alike(n, nudges[0]) for n in nudges)
        )
        if not together:
            return super().relax_each(drive, stop, nudges, start)
        for nudge in nudges:
            check_nudge(network, drive, nudge)
        betas = [complex(n.beta).real for n in nudges]
        relaxed, activities = self._run(field, membranes, stop, betas)
        parts = [slice(k * drive.batch, (k + 1) * drive.batch) for k in range(len(nudges))]
        return [self._equilibrium(relaxed, activities, Phase.of_nudge(beta), part) for beta, part in zip(betas, parts)]

    def _equilibrium(self, relaxed: Relaxed, activities: State, phase: Phase, part: slice) -> Equilibrium:
        steps = relaxed.steps[part]
        return Equilibrium(
            activities=tuple(v[part] for v in activities),
            membranes=tuple(u[part] for u in relaxed.membranes),
            residual=relaxed.residual[part],
            converged=relaxed.converged[part],
            steps=steps,
            cycling=relaxed.cycling[part],
            ledger=self._count(int(steps.sum()), relaxed.membranes[0].is_complex(), phase),
        )

    def _count(self, total: int, is_complex: bool, phase: Phase) -> Ledger:
        ledger = Ledger()
        factor = 4 if is_complex else 1
        ledger.add(Event.MACS, total * self._macs * factor, phase=phase)
        ledger.add(Event.STEPS, total, phase=phase)
        return ledger


def _alike(a: Nudge, b: Nudge) -> bool:
    """Whether two nudges differ in beta alone."""
    return a.target is b.target and a.reference is b.reference and a.force is b.force


def needs_complex(nudge: Nudge | None, membranes: State) -> bool:
    """Complex states are needed where the nudge has an imaginary part and the state is still real."""
    return nudge is not None and complex(nudge.beta).imag != 0 and not membranes[0].is_complex()


def macs_per_step(network: Network) -> int:
    """Multiply-accumulates of the recurrent couplings in one step of one sample."""
    return sum(c.macs for c in network.recurrent_couplings())
