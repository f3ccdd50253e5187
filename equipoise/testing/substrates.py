"""Conformance of a relaxing machine: run these checks on your own substrate before you trust a result from it.

from equipoise.testing.substrates import check_relaxation_substrate
check_relaxation_substrate(lambda network: MyMachine(network))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.base import Drive, Equilibrium, RelaxationSubstrate, Stop
    from substrates.network import Network

    Factory = Callable[[Network], RelaxationSubstrate]

__all__ = ["check_relaxation_substrate"]


def check_relaxation_substrate(
    factory: Factory, *, network: Network | None = None, tolerance: float = 1e-3, steps: int = 400
) -> None:
    """Check every promise a `RelaxationSubstrate` makes, on a small layered network.

    Shapes; zero steps give the start back; flags true; the fixed point is one; a zero nudge leaves it; two fresh
    machines give the same bits; a batch split in two gives the same bits; capabilities honest; of a held nudge only
    beta times force counts; bad input refused.

    Args:
        factory: makes a fresh machine for a network.
        network: what to run; a 12-9-7-4 layered one by default.
        tolerance: residual asked for, and distance allowed between two visits of an equilibrium.
        steps: enough to get there.

    Raises:
        AssertionError: names the promise that is broken.
    """
    import torch

    from substrates.base import Stop
    from substrates.network import layered

    network = layered([12, 9, 7, 4], seed=3, angle=30.0) if network is None else network
    inputs = torch.rand(6, *network.input_shape, generator=torch.Generator().manual_seed(1))
    inputs = inputs.to(next(network.parameters()).dtype)
    stop = Stop(steps, tolerance)
    machine = factory(network)
    drive = machine.drive(inputs)
    free = machine.relax(drive, stop)
    _check_shapes(network, free, len(inputs))
    _check_zero_steps(machine, drive, free)
    noisy = machine.capabilities.temporal_noise
    _check_flags(machine, drive, free, tolerance, steps, noisy=noisy)
    if not noisy:
        _check_zero_nudge(machine, drive, free, tolerance)
    _check_same_bits(factory, network, inputs, stop)
    _check_capabilities(machine, drive, free)
    if machine.capabilities.held_force and not noisy:
        _check_held_force(machine, drive, free)
    _check_bad_input(machine, inputs)


def _check_shapes(network: Network, got: Equilibrium, batch: int) -> None:
    for name, state in (("activities", got.activities), ("membranes", got.membranes)):
        assert len(state) == len(network.populations), f"{name}: one tensor per population expected"
        for part, population in zip(state, network.populations):
            assert tuple(part.shape) == (batch, *population.shape), f"{name} of {population.name}: {tuple(part.shape)}"
    for name in ("residual", "converged", "steps", "cycling"):
        assert tuple(getattr(got, name).shape) == (batch,), f"{name} must have one entry per sample"


def _check_zero_steps(machine: RelaxationSubstrate, drive: Drive, free: Equilibrium) -> None:
    from substrates.base import Stop

    again = machine.relax(drive, Stop(0), start=free)
    for a, b in zip(again.membranes, free.membranes):
        assert bool((a == b).all()), "zero steps must return the start state"
    assert int(again.steps.sum()) == 0, "zero steps must count zero steps"


def _check_flags(
    machine: RelaxationSubstrate, drive: Drive, free: Equilibrium, tolerance: float, steps: int, *, noisy: bool
) -> None:
    from substrates.base import Stop

    assert bool(free.converged.all()), f"did not converge in {steps} steps: residuals {free.residual.tolist()}"
    if not noisy:
        assert bool((free.residual <= tolerance).all()), "flagged converged with a residual above the tolerance"
    assert not bool((free.cycling & free.converged).any()), "a sample cannot have converged and be cycling"
    early = machine.relax(drive, Stop(1, tolerance))
    wrong = early.converged & (early.residual > tolerance)
    assert noisy or not bool(wrong.any()), "flagged converged after one step with a residual above the tolerance"
    assert int(early.steps.max()) <= 1, "took more steps than allowed"


def _check_zero_nudge(machine: RelaxationSubstrate, drive: Drive, free: Equilibrium, tolerance: float) -> None:
    import torch

    from substrates.base import Nudge, Stop

    labels = torch.zeros(drive.batch, dtype=torch.int64)
    still = machine.relax(drive, Stop(20), nudge=Nudge(0.0, labels), start=free)
    for a, b in zip(still.activities, free.activities):
        moved = float((a - b).abs().max())
        assert moved <= 20 * tolerance, f"a zero nudge moved the equilibrium by {moved}"


def _check_same_bits(factory: Factory, network: Network, inputs: Tensor, stop: Stop) -> None:
    whole, again, split = factory(network), factory(network), factory(network)
    one, two = whole.relax(whole.drive(inputs), stop), again.relax(again.drive(inputs), stop)
    parts = [split.relax(split.drive(inputs[a:b]), stop) for a, b in ((0, 2), (2, len(inputs)))]
    for i, (a, b) in enumerate(zip(one.activities, two.activities)):
        assert bool((a == b).all()), "two fresh machines must give the same bits"
        joined = [p for part in parts for p in part.activities[i]]
        for x, y in zip(a, joined):
            assert bool((x == y).all()), "a split batch must give the same bits"


def _check_capabilities(machine: RelaxationSubstrate, drive: Drive, free: Equilibrium) -> None:
    import torch

    from substrates.base import Nudge, Stop

    labels = torch.zeros(drive.batch, dtype=torch.int64)
    claims = machine.capabilities
    wanted = (
        ("complex_states", claims.complex_states, Nudge(0.1j, labels)),
        ("antisymmetric_correction", claims.antisymmetric_correction, Nudge(0.1, labels, free.activities)),
        ("held_force", claims.held_force, Nudge(0.1, labels, None, torch.ones_like(free.activities[-1]))),
    )
    for name, claimed, nudge in wanted:
        if claimed:
            machine.relax(drive, Stop(2), nudge=nudge, start=free)
            continue
        try:
            machine.relax(drive, Stop(2), nudge=nudge, start=free)
        except InputError:
            continue
        raise AssertionError(f"{name} is not claimed, so asking for it must raise InputError")


def _check_held_force(machine: RelaxationSubstrate, drive: Drive, free: Equilibrium) -> None:
    import torch

    from substrates.base import Nudge, Stop

    labels, ones = torch.zeros(drive.batch, dtype=torch.int64), torch.ones_like(free.activities[-1])

    def output(beta: float, force: Tensor) -> Tensor:
        nudge = Nudge(beta, labels, None, force)
        return machine.relax(drive, Stop(20), nudge=nudge, start=free).activities[-1]

    up, same, down = output(0.5, ones), output(0.25, 2 * ones), output(0.5, -ones)
    assert bool((up == same).all()), "half the nudge with twice the held force must give the same bits"
    assert bool((up > down).any()), "a held force of the other sign must push the other way"
    assert not bool((up < down).any()), "a held force of the other sign must push the other way"


def _check_bad_input(machine: RelaxationSubstrate, inputs: Tensor) -> None:
    for name, wrong in (("an empty batch", inputs[:0]), ("inputs of another shape", inputs[:, :-1])):
        try:
            machine.drive(wrong)
        except InputError:
            continue
        raise AssertionError(f"{name} must raise InputError")
