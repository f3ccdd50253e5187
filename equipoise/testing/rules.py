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
    import torch

    bench = bench or make_bench(scale=0.6)
    exact = bench.response if estimates == "response" else bench.adjoint
    free = None if rule.phase_free else bench.free
    rule.check(bench.machine)

    def errors(of: Rule) -> tuple[Tensor, ...]:
        return of.estimate(bench.machine, bench.drive, bench.target, bench.phases, free).errors

    found = rule.estimate(bench.machine, bench.drive, bench.target, bench.phases, free)
    shapes = [tuple(v.shape) for v in bench.free.activities]
    assert [tuple(e.shape) for e in found.errors] == shapes, f"errors are shaped {[e.shape for e in found.errors]}"
    assert not any(e.is_complex() for e in found.errors), "errors must be real"
    assert found.equilibrations >= 1, "a rule must count its relaxations"
    again = errors(rule)
    assert all(torch.equal(a, b) for a, b in zip(found.errors, again)), "the same call gave other numbers"
    assert all(p.grad is None for p in bench.network.parameters()), "estimating must not touch .grad"
    if order is None:
        error = relative_error(found.errors, exact)
        assert error < tolerance, f"{rule.name}: error {error:.2e} against the {estimates}, claimed below {tolerance:g}"
        return
    nudged: Any = rule
    coarse, fine = (relative_error(errors(nudged.with_nudge(b)), exact) for b in (0.2, 0.05))
    wanted = 0.5 * 4.0**order
    assert fine < 1e-9 or coarse / fine > wanted, (
        f"{rule.name}: error {coarse:.2e} at nudge 0.2 and {fine:.2e} at 0.05; order {order} means a factor {4**order}"
    )
