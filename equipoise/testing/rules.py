"""A conformance kit for learning rules: `check_rule` runs the acceptance tests that a rule's claims imply.

    from equipoise.testing.rules import check_rule
    check_rule(MyRule(nudge=0.05), estimates="response", order=2)

Raises AssertionError naming the first claim that does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from learning_rules import Phases, Rule
    from substrates.base import Drive, Equilibrium, RelaxationSubstrate
    from substrates.network import Network

__all__ = ["Bench", "check_rule", "make_bench", "relative_error"]


@dataclass(frozen=True)
class Bench:
    """A small network at rest on the ideal machine in float64, and what the exact answers are there.

    Attributes:
        response: (D^-1 - W)^-1 dL/dv, per population.
        adjoint: (D^-1 - W^T)^-1 dL/dv.
    """

    network: Network
    machine: RelaxationSubstrate
    inputs: Tensor
    target: Tensor
    drive: Drive
    free: Equilibrium
    phases: Phases
    response: tuple[Tensor, ...]
    adjoint: tuple[Tensor, ...]


def make_bench(
    sizes: tuple[int, ...] = (9, 12, 8, 4),
    *,
    seed: int = 0,
    batch: int = 3,
    angle: float = 90.0,
    feedback: str = "independent",
    readout: bool = True,
    activation: str = "logistic",
    scale: float = 1.0,
) -> Bench:
    """Build a bench; ``scale`` multiplies all weights (below 1 keeps every shape well inside stability)."""
    import numpy as np
    import torch

    from learning_rules import Adjoint, Phases, Tangent
    from substrates.analog import IdealMachine
    from substrates.base import Stop
    from substrates.network import layered
    from substrates.seeds import stream

    network = layered(sizes, angle=angle, feedback=feedback, readout=readout, activation=activation, seed=seed).double()
    with torch.no_grad():
        for coupling in network.recurrent_couplings():
            for parameter in coupling.parameters():
                parameter.mul_(scale)
    random = stream(seed, "bench")
    inputs = torch.from_numpy(random.random((batch, sizes[0])))
    target = torch.from_numpy(random.integers(0, sizes[-1], batch).astype(np.int64))
    machine = IdealMachine(network)
    phases = Phases(Stop(2000, 1e-13), Stop(2000, 1e-12))
    drive = machine.drive(inputs)
    free = machine.relax(drive, phases.free)
    response = Tangent().estimate(machine, drive, target, phases, free).errors
    adjoint = Adjoint(method="solve").estimate(machine, drive, target, phases, free).errors
    return Bench(network, machine, inputs, target, drive, free, phases, response, adjoint)


def relative_error(found: tuple[Tensor, ...], exact: tuple[Tensor, ...]) -> float:
    """|found - exact| / |exact| over all populations and samples."""
    difference = sum(float(((a - b) ** 2).sum()) for a, b in zip(found, exact))
    size = sum(float((b**2).sum()) for b in exact)
    return float((difference / size) ** 0.5)


def check_rule(
    rule: Rule,
    *,
    estimates: Literal["response", "adjoint"],
    order: int | None = None,
    tolerance: float = 1e-6,
    bench: Bench | None = None,
) -> None:
    """Check what a rule claims.

    Args:
        rule: to check; with ``order`` it must have ``with_nudge``.
        estimates: what it tends to: the response dv/dbeta, or the adjoint (the exact gradient).
        order: the error falls as nudge^order; None for a rule without a finite nudge, which must then be exact.
        tolerance: largest relative error of a rule without a finite nudge.
        bench: where to check; a small random network by default.
    """
    bench = bench or make_bench(scale=0.6)
    exact = bench.response if estimates == "response" else bench.adjoint
    rule.check(bench.machine)
    found = _once(rule, bench)
    _check_form(rule, bench, found)
    _check_repeats(rule, bench, found)
    _check_independence(rule, bench, found)
    _check_honest_needs(rule, bench)
    _check_direction(rule, found, exact, estimates)
    if order is None:
        error = relative_error(found.errors, exact)
        assert error < tolerance, f"{rule.name}: error {error:.2e} against the {estimates}, claimed below {tolerance:g}"
        return
    nudged: Any = rule
    coarse, fine = (relative_error(_once(nudged.with_nudge(b), bench).errors, exact) for b in (0.2, 0.05))
    wanted = 0.5 * 4.0**order
    assert fine < 1e-9 or coarse / fine > wanted, (
        f"{rule.name}: error {coarse:.2e} at nudge 0.2 and {fine:.2e} at 0.05; order {order} means a factor {4**order}"
    )


def _once(rule: Rule, bench: Bench, machine: Any = None) -> Any:
    free = None if rule.phase_free else bench.free
    return rule.estimate(machine or bench.machine, bench.drive, bench.target, bench.phases, free)


def _check_form(rule: Rule, bench: Bench, found: Any) -> None:
    shapes = [tuple(v.shape) for v in bench.free.activities]
    got = [tuple(e.shape) for e in found.errors]
    assert got == shapes, f"{rule.name}: errors are shaped {got}; expected one per population, {shapes}"
    assert not any(e.is_complex() for e in found.errors), f"{rule.name}: errors must be real"
    batch = (len(bench.inputs),)
    for name in ("residual", "converged"):
        assert tuple(getattr(found, name).shape) == batch, f"{rule.name}: {name} must have one entry per sample"
    assert bool(found.converged.all()), f"{rule.name}: everything was given time to converge, and it says it did not"
    assert found.equilibrations >= 1, f"{rule.name}: a rule must count its relaxations"
    assert all(p.grad is None for p in bench.network.parameters()), f"{rule.name}: estimating must not touch .grad"


def _check_repeats(rule: Rule, bench: Bench, found: Any) -> None:
    """The same call, the same bits; and the free equilibrium and the parameters are as they were."""
    import torch

    state = [v.clone() for v in (*bench.free.activities, *bench.free.membranes)]
    weights = [p.detach().clone() for p in bench.network.parameters()]
    again = _once(rule, bench)
    same = all(torch.equal(a, b) for a, b in zip(found.errors, again.errors))
    assert same, f"{rule.name}: the same call gave other numbers"
    kept = all(torch.equal(a, b) for a, b in zip(state, (*bench.free.activities, *bench.free.membranes)))
    assert kept, f"{rule.name}: estimating changed the free equilibrium"
    untouched = all(torch.equal(a, b) for a, b in zip(weights, bench.network.parameters()))
    assert untouched, f"{rule.name}: estimating changed the network's parameters"


def _check_independence(rule: Rule, bench: Bench, found: Any) -> None:
    """A sample's errors follow from its own target, and from no other sample's."""
    import torch

    other = bench.target.clone()
    other[0] = (other[0] + 1) % bench.network.populations[-1].size
    changed = rule.estimate(
        bench.machine, bench.drive, other, bench.phases, None if rule.phase_free else bench.free
    ).errors
    moved = max(float((a[0] - b[0]).abs().max()) for a, b in zip(found.errors, changed))
    assert moved > 1e-6, f"{rule.name}: the target is ignored, another class gave the same errors"
    for a, b in zip(found.errors, changed):
        assert torch.allclose(a[1:], b[1:], rtol=1e-6, atol=1e-9), (
            f"{rule.name}: the target of one sample changed the errors of another"
        )


def _check_honest_needs(rule: Rule, bench: Bench) -> None:
    """With a machine that can do what `needs` names and nothing else, the rule asks for nothing else."""
    needs = rule.needs()
    unknown = sorted(set(needs) - set(vars(bench.machine.capabilities)))
    assert not unknown, f"{rule.name}: needs() names {', '.join(unknown)}, which is no capability"
    _once(rule, bench, _Only(bench.machine, needs))


class _Only:
    """A machine that can do what a rule says it needs, and counts anything else as a broken promise."""

    def __init__(self, machine: RelaxationSubstrate, needs: dict[str, bool]) -> None:
        self._machine, self._needs = machine, needs
        self.network, self.drive, self.program = machine.network, machine.drive, machine.program
        self.capabilities = machine.capabilities

    def _watch(self, nudge: Any) -> None:
        if nudge is None:
            return
        for name, used in (
            ("complex_states", complex(nudge.beta).imag != 0),
            ("antisymmetric_correction", nudge.reference is not None),
            ("held_force", nudge.force is not None),
        ):
            assert not used or self._needs.get(name), f"the rule uses {name}, and its needs() does not say so"

    def relax(self, drive: Drive, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        self._watch(nudge)
        return self._machine.relax(drive, stop, nudge=nudge, start=start)

    def relax_each(self, drive: Drive, stop: Any, nudges: Any, start: Equilibrium) -> list[Equilibrium]:
        for nudge in nudges:
            self._watch(nudge)
        return self._machine.relax_each(drive, stop, nudges, start)


def _check_direction(rule: Rule, found: Any, exact: tuple[Tensor, ...], estimates: str) -> None:
    """Right in sign and size, roughly, before any order of accuracy is asked for."""
    product = sum(float((a * b).sum()) for a, b in zip(found.errors, exact))
    size = sum(float((b**2).sum()) for b in exact)
    assert product > 0, f"{rule.name}: the errors have the wrong sign, against the {estimates}"
    share = product / size
    assert 0.7 < share < 1.4, f"{rule.name}: the errors are {share:.2f} times the {estimates}; expected about 1"
