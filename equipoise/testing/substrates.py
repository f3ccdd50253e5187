"""Conformance of a relaxing machine: run these checks on your own substrate before you trust a result from it.

    from equipoise.testing.substrates import check_relaxation_substrate
    check_relaxation_substrate(lambda network: MyMachine(network))

Every check raises AssertionError with a sentence that names the promise broken. To add one, write a function of a
`Trial` and list it in ``CHECKS``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.base import Capabilities, Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop
    from substrates.network import Network

    Factory = Callable[[Network], RelaxationSubstrate]

__all__ = ["CHECKS", "Trial", "check_faults", "check_relaxation_substrate"]


@dataclass
class Trial:
    """One machine at rest on a small network, and what the checks ask of it again and again.

    Attributes:
        factory: makes a fresh machine for a network.
        tolerance: residual asked for, and distance allowed between two visits of an equilibrium.
        steps: enough to get there.
        nudge: size of the nudges.
    """

    factory: Factory
    network: Network
    inputs: Tensor
    tolerance: float
    steps: int
    nudge: float

    @cached_property
    def machine(self) -> RelaxationSubstrate:
        return self.factory(self.network)

    @cached_property
    def drive(self) -> Drive:
        return self.machine.drive(self.inputs)

    @cached_property
    def free(self) -> Equilibrium:
        return self.machine.relax(self.drive, self.stop)

    @property
    def stop(self) -> Stop:
        return self.of(self.steps, self.tolerance)

    @property
    def claims(self) -> Capabilities:
        return self.machine.capabilities

    @cached_property
    def labels(self) -> Tensor:
        import torch

        return torch.arange(len(self.inputs)) % self.network.populations[-1].size

    def of(self, steps: int, tolerance: float = 0.0) -> Stop:
        from substrates.base import Stop

        return Stop(steps, tolerance)

    def nudged(self, beta: complex, **more: Any) -> Nudge:
        from substrates.base import Nudge

        return Nudge(beta, self.labels, **more)

    def loss(self, state: Equilibrium) -> Tensor:
        """(batch,) loss of the output."""
        import torch

        with torch.no_grad():
            return self.network.cost.loss(state.activities[-1], self.labels)


def check_relaxation_substrate(
    factory: Factory,
    *,
    network: Network | None = None,
    tolerance: float = 1e-3,
    steps: int = 400,
    nudge: float = 0.5,
) -> None:
    """Check every promise a `RelaxationSubstrate` makes, on a small layered network.

    Shapes; zero steps give the start back; flags and residuals true; the fixed point is one; a zero nudge leaves it;
    a nudge moves the output, uphill in the loss; what is programmed is what runs; nothing leaks from call to call or
    from sample to sample; two fresh machines give the same bits, and so does a split batch where that is claimed;
    steps are counted; capabilities honest; of a held nudge only beta times force counts; bad input refused.

    Args:
        factory: makes a fresh machine for a network.
        network: what to run; a 12-9-7-4 layered one by default. Its parameters are changed and put back.
        tolerance: residual asked for, and distance allowed between two visits of an equilibrium.
        steps: enough to get there.
        nudge: size of the nudges.

    Raises:
        AssertionError: names the promise that is broken.
    """
    import torch

    from substrates.network import layered

    network = layered([12, 9, 7, 4], seed=3, angle=30.0) if network is None else network
    inputs = torch.rand(6, *network.input_shape, generator=torch.Generator().manual_seed(1))
    inputs = inputs.to(next(network.parameters()).dtype)
    trial = Trial(factory, network, inputs, tolerance, steps, nudge)
    for check in CHECKS:
        check(trial)


def check_faults(
    make: Callable[[Network, Any], RelaxationSubstrate], chips: Mapping[str, Any], *, perfect: Any = None
) -> None:
    """Check that no fault of a chip is ignored: each either changes what is read, or is refused by name.

    Args:
        make: (network, chip) -> machine; ``perfect`` is the chip without a fault.
        chips: name of the fault -> a chip with that fault, large enough to be seen.

    Raises:
        AssertionError: names the fault that changes nothing.
    """
    import torch

    from substrates.base import Nudge, Stop
    from substrates.network import layered

    inputs = torch.rand(6, 12, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(6) % 4

    def readings(chip: Any) -> list[Tensor]:
        network = layered([12, 9, 7, 4], seed=3, angle=30.0)
        machine = make(network, chip)
        machine.program()
        if hasattr(machine, "age"):
            machine.age(100.0)
        free = machine.relax(machine.drive(inputs), Stop(60))
        nudged = machine.relax(machine.drive(inputs), Stop(20), nudge=Nudge(0.3, labels), start=free)
        return [*free.activities, *nudged.activities]

    usual = readings(perfect)
    for name, chip in chips.items():
        try:
            found = readings(chip)
        except InputError as error:
            if name not in str(error):
                raise AssertionError(f"the fault {name} is refused, but not by name: {error}") from error
            continue
        same = all(torch.equal(a, b) for a, b in zip(usual, found))
        assert not same, f"the fault {name} is ignored: the machine reads what a perfect chip reads"


def _shapes(trial: Trial) -> None:
    network, got, batch = trial.network, trial.free, len(trial.inputs)
    for name, state in (("activities", got.activities), ("membranes", got.membranes)):
        assert len(state) == len(network.populations), f"{name}: one tensor per population expected"
        for part, population in zip(state, network.populations):
            assert tuple(part.shape) == (batch, *population.shape), f"{name} of {population.name}: {tuple(part.shape)}"
    for name in ("residual", "converged", "steps", "cycling"):
        assert tuple(getattr(got, name).shape) == (batch,), f"{name} must have one entry per sample"


def _zero_steps(trial: Trial) -> None:
    again = trial.machine.relax(trial.drive, trial.of(0), start=trial.free)
    for a, b in zip(again.membranes, trial.free.membranes):
        assert bool((a == b).all()), "zero steps must return the start state"
    assert int(again.steps.sum()) == 0, "zero steps must count zero steps"


def _flags(trial: Trial) -> None:
    machine, drive, free, noisy = trial.machine, trial.drive, trial.free, trial.claims.temporal_noise
    assert bool(free.converged.all()), f"did not converge in {trial.steps} steps: residuals {free.residual.tolist()}"
    if not noisy:
        assert bool((free.residual <= trial.tolerance).all()), "flagged converged with a residual above the tolerance"
    assert not bool((free.cycling & free.converged).any()), "a sample cannot have converged and be cycling"
    early = machine.relax(drive, trial.of(1, trial.tolerance))
    wrong = early.converged & (early.residual > trial.tolerance)
    assert noisy or not bool(wrong.any()), "flagged converged after one step with a residual above the tolerance"
    assert int(early.steps.max()) <= 1, "took more steps than allowed"


def _residual(trial: Trial) -> None:
    """It is |F(v) - u|: recomputed where the machine claims the network's own equations, bounded below elsewhere."""
    import torch

    machine, drive, network = trial.machine, trial.drive, trial.network
    if trial.claims.temporal_noise:
        return
    for steps in (1, 3):
        at = machine.relax(drive, trial.of(steps))
        if trial.claims.differentiable:
            with torch.no_grad():
                forces = network.recurrent_currents(at.activities)
                parts = [(f + c - u).abs().flatten(1).amax(1) for f, c, u in zip(forces, drive.currents, at.membranes)]
            true = torch.stack(parts).amax(0)
            assert torch.allclose(at.residual.to(true), true, rtol=1e-3, atol=1e-5), (
                f"the residual is wrong: reported {at.residual.tolist()}, |F(v) - u| is {true.tolist()}"
            )
            continue
        further = machine.relax(drive, trial.of(steps + 1))
        moved = [(a - b).abs().flatten(1).amax(1) for a, b in zip(further.membranes, at.membranes)]
        least = 0.4 * torch.stack(moved).amax(0).to(at.residual)
        assert bool((at.residual >= least).all()), (
            f"the residual is wrong: reported {at.residual.tolist()}, yet the next step moves by "
            f"{(least / 0.4).tolist()}"
        )


def _zero_nudge(trial: Trial) -> None:
    if trial.claims.temporal_noise:
        return
    still = trial.machine.relax(trial.drive, trial.of(20), nudge=trial.nudged(0.0), start=trial.free)
    for a, b in zip(still.activities, trial.free.activities):
        moved = float((a - b).abs().max())
        assert moved <= 20 * trial.tolerance, f"a zero nudge moved the equilibrium by {moved}"


def _nudges(trial: Trial) -> None:
    """A positive nudge raises the loss and a negative one lowers it, in the mean over the batch."""
    before = [v.clone() for v in trial.free.activities]
    up, down = (
        trial.machine.relax(trial.drive, trial.of(60), nudge=trial.nudged(beta), start=trial.free)
        for beta in (trial.nudge, -trial.nudge)
    )
    for now, then in zip(trial.free.activities, before):
        assert bool((now == then).all()), "relaxing changed the equilibrium it started from"
    high, low, rest = (float(trial.loss(state).mean()) for state in (up, down, trial.free))
    moved = max(float((a - b).abs().max()) for a, b in zip(up.activities, down.activities))
    assert moved > 0, "deaf to the nudge: opposite nudges end in the same activities"
    assert high > low, f"the nudge has the wrong sign: beta > 0 gives a loss of {high:.4g}, beta < 0 {low:.4g}"
    if not trial.claims.temporal_noise:
        assert low < rest < high, f"nudges must move the loss both ways from {rest:.4g}; got {low:.4g} and {high:.4g}"


def _programming(trial: Trial) -> None:
    """After `program`, the machine relaxes the network's present parameters; the writes of real weights are counted."""
    import torch

    network = trial.network
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    machine = trial.factory(network)
    machine.program()
    old = machine.relax(machine.drive(trial.inputs), trial.stop)
    try:
        with torch.no_grad():
            generator = torch.Generator().manual_seed(5)
            for parameter in network.parameters():  # unevenly: a common factor may be a symmetry of the machine
                parameter.mul_(0.1 + 0.8 * torch.rand(parameter.shape, generator=generator).to(parameter))
        machine.program()
        new = machine.relax(machine.drive(trial.inputs), trial.stop)
        fresh = trial.factory(network)
        fresh.program()
        wanted = fresh.relax(fresh.drive(trial.inputs), trial.stop)
    finally:
        network.load_state_dict(kept)

    def apart(a: Equilibrium, b: Equilibrium) -> float:
        return sum(float((x - y).abs().mean()) for x, y in zip(a.activities, b.activities))

    off, change = apart(new, wanted), apart(old, wanted)
    assert off < 0.3 * change, (
        f"stale weights: after program() the activities are {off:.3g} from a fresh machine's, {change:.3g} before"
    )


def _no_leaks(trial: Trial) -> None:
    """The same call gives the same answer whatever was relaxed between."""
    import torch

    if trial.claims.temporal_noise:
        return
    machine = trial.factory(trial.network)
    first = machine.relax(machine.drive(trial.inputs), trial.of(15))
    other = machine.drive(1.0 - trial.inputs)
    machine.relax(other, trial.of(15), nudge=trial.nudged(trial.nudge), start=machine.relax(other, trial.of(5)))
    again = machine.relax(machine.drive(trial.inputs), trial.of(15))
    for a, b in zip(first.activities, again.activities):
        assert torch.equal(a, b), "state leaks between calls: the same call gave other activities after another one"


def _same_bits(trial: Trial) -> None:
    import torch

    one, two = (m.relax(m.drive(trial.inputs), trial.stop) for m in (trial.factory(trial.network) for _ in range(2)))
    for a, b in zip(one.activities, two.activities):
        assert torch.equal(a, b), "two fresh machines must give the same bits"


def _batch(trial: Trial) -> None:
    """A sample's result does not depend on the others: to the bit where claimed, else to rounding."""
    import torch

    count = len(trial.inputs)
    whole, split = trial.factory(trial.network), trial.factory(trial.network)
    steps = trial.of(60)
    together = whole.relax(whole.drive(trial.inputs), steps)
    parts = [split.relax(split.drive(trial.inputs[a:b]), steps) for a, b in ((0, 2), (2, count))]
    for i, whole_batch in enumerate(together.activities):
        joined = torch.cat([part.activities[i] for part in parts])
        if trial.claims.batch_exact:
            assert torch.equal(whole_batch, joined), "batch_exact is claimed, yet a split batch gives other bits"
        apart = float((whole_batch - joined).abs().max())
        assert apart < 1e-3, f"samples of one batch influence each other: a split batch is {apart:.3g} away"


def _ledger(trial: Trial) -> None:
    """Every step of every sample is in the ledger, and the work in them; an input may take a step of its own.

    A machine without steps (a circuit that settles by itself) counts the time it settles for instead.
    """
    nudged = trial.machine.relax(trial.drive, trial.of(7), nudge=trial.nudged(0.1), start=trial.free)
    for state, what, more in ((trial.free, "free", len(trial.inputs)), (nudged, "nudged", 0)):
        assert len(list(state.ledger)) > 0, f"the ledger of a {what} phase is empty"
        counted, taken = state.ledger.total(Event.STEPS), int(state.steps.sum())
        settles = counted == 0 and state.ledger.total(Event.SETTLING_NANOSECONDS) > 0
        assert settles or taken <= counted <= taken + more, (
            f"the ledger of a {what} phase counts {counted} steps; {taken} were taken"
        )
        work = sum(count for key, count in state.ledger.items() if key.event is not Event.STEPS)
        assert work > 0, f"the ledger of a {what} phase counts steps and no work in them"


def _capabilities(trial: Trial) -> None:
    import torch

    claims, machine, drive, free = trial.claims, trial.machine, trial.drive, trial.free
    held = trial.nudged(0.1, force=torch.ones_like(free.activities[-1]))
    wanted = (
        ("complex_states", claims.complex_states, trial.nudged(0.1j)),
        ("antisymmetric_correction", claims.antisymmetric_correction, trial.nudged(0.1, reference=free.activities)),
        ("held_force", claims.held_force, held),
    )
    for name, claimed, nudge in wanted:
        try:
            state = machine.relax(drive, trial.of(2), nudge=nudge, start=free)
        except InputError as error:
            if claimed:
                raise AssertionError(f"{name} is claimed, yet asking for it is refused: {error}") from error
            continue
        assert claimed, f"{name} is not claimed, so asking for it must raise InputError"
        if name == "complex_states":
            assert state.activities[-1].is_complex(), "complex_states is claimed, yet the states are real"
    if not claims.temporal_noise:
        once, twice = (machine.relax(drive, trial.of(8)).activities for _ in range(2))
        same = all(torch.equal(a, b) for a, b in zip(once, twice))
        assert same, "temporal_noise is not claimed, yet two relaxations of one input differ"
    if claims.integer:
        scaled = [u.double() * 2.0**24 for u in free.membranes]
        assert all(bool((u == u.round()).all()) for u in scaled), "integer is claimed, yet membranes are no integers"


def _held_force(trial: Trial) -> None:
    import torch

    if not trial.claims.held_force or trial.claims.temporal_noise:
        return
    ones = torch.ones_like(trial.free.activities[-1])

    def output(beta: float, force: Tensor) -> Tensor:
        nudge = trial.nudged(beta, force=force)
        return trial.machine.relax(trial.drive, trial.of(20), nudge=nudge, start=trial.free).activities[-1]

    up, same, down = output(0.5, ones), output(0.25, 2 * ones), output(0.5, -ones)
    assert bool((up == same).all()), "half the nudge with twice the held force must give the same bits"
    assert bool((up > down).any()), "a held force of the other sign must push the other way"
    assert not bool((up < down).any()), "a held force of the other sign must push the other way"


def _bad_input(trial: Trial) -> None:
    for name, wrong in (("an empty batch", trial.inputs[:0]), ("inputs of another shape", trial.inputs[:, :-1])):
        try:
            trial.machine.drive(wrong)
        except InputError:
            continue
        raise AssertionError(f"{name} must raise InputError")


CHECKS: tuple[Callable[[Trial], None], ...] = (
    _shapes,
    _zero_steps,
    _flags,
    _residual,
    _zero_nudge,
    _nudges,
    _programming,
    _no_leaks,
    _same_bits,
    _batch,
    _ledger,
    _capabilities,
    _held_force,
    _bad_input,
)
