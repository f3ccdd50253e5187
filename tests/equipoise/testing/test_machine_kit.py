"""The kit for machines passes what we ship in every configuration, and refuses mutants by the promise they break."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from equipoise.testing.substrates import check_faults, check_relaxation_substrate
from hw_profiles.ledger import Event, Ledger
from substrates.analog import AnalogMachine, ChipParameters, IdealMachine
from substrates.analog.solvers import AlternatingBlocks, Anderson, Damped, DiscreteMap
from substrates.base import Capabilities, Equilibrium
from substrates.loihi2.relaxation import Loihi2Machine
from substrates.network import Network, layered

SIZES = [12, 9, 7, 4]


def network_of(activation: str, double: bool = False) -> Network:
    net = layered(SIZES, seed=3, angle=30.0, activation=activation)
    return net.double() if double else net


@pytest.mark.parametrize("solver", [Damped(), DiscreteMap(), AlternatingBlocks(), Anderson()], ids=lambda s: s.name)
@pytest.mark.parametrize(
    ("activation", "double"),
    [("logistic", False), ("logistic", True), ("tanh", False), ("dsilu", True), ("hard-sigmoid", False)],
)
def test_the_ideal_machine_conforms(solver: Any, activation: str, double: bool) -> None:
    check_relaxation_substrate(lambda n: IdealMachine(n, solver=solver), network=network_of(activation, double))


@pytest.mark.parametrize(
    "chip",
    [
        ChipParameters(),
        ChipParameters(gain_mismatch=0.05, offset_mismatch=0.02, levels=32, time_constant_mismatch=0.1, rail=3.0),
        ChipParameters(state_noise=0.01, read_noise=0.01, read_noise_proportional=0.01),
        ChipParameters(adc_bits=8, dac_bits=6, nudge_bits=8, transposed_reads=False),
    ],
    ids=["perfect", "mismatch", "noise", "converters"],
)
@pytest.mark.parametrize("activation", ["logistic", "tanh"])
def test_the_analog_machine_conforms(chip: ChipParameters, activation: str) -> None:
    check_relaxation_substrate(lambda n: AnalogMachine(n, chip, seed=2), network=network_of(activation))


@pytest.mark.parametrize(
    "settings", [{}, {"threads": 2}, {"threshold": 0.0}, {"fraction_bits": 18, "damping_shift": 2}], ids=str
)
@pytest.mark.parametrize("activation", ["logistic", "relu", "hard-sigmoid"])
def test_the_chip_conforms(settings: dict[str, Any], activation: str) -> None:
    # the chip's residual ends at its message threshold, and a weight's exponent moves by whole powers of two
    net = network_of(activation)
    check_relaxation_substrate(lambda n: Loihi2Machine(n, **settings), network=net, tolerance=2e-2)


class Mutant(IdealMachine):
    """An ideal machine in which one thing is broken."""


class Deaf(Mutant):
    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        return super().relax(drive, stop, nudge=None if nudge is None else replace(nudge, beta=0.0), start=start)


class WrongSign(Mutant):
    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        return super().relax(drive, stop, nudge=nudge and replace(nudge, beta=-nudge.beta), start=start)


class Stale(Mutant):
    """Copies the weights once."""

    def __init__(self, network: Network) -> None:
        import copy

        super().__init__(copy.deepcopy(network))
        self.network = network
        self._inner = IdealMachine(copy.deepcopy(network))

    def drive(self, inputs: Any) -> Any:
        return self._inner.drive(inputs)

    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        return self._inner.relax(drive, stop, nudge=nudge, start=start)


class Changing(Mutant):
    """Changes the equilibrium it returns on the way."""

    def change(self, state: Equilibrium) -> Equilibrium:
        raise NotImplementedError

    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        return self.change(super().relax(drive, stop, nudge=nudge, start=start))


class EmptyLedger(Changing):
    def change(self, state: Equilibrium) -> Equilibrium:
        return replace(state, ledger=Ledger())


class HalfTheCounts(Changing):
    def change(self, state: Equilibrium) -> Equilibrium:
        return replace(state, ledger=Ledger({key: count // 2 for key, count in state.ledger.items()}))


class StepsAlone(Changing):
    def change(self, state: Equilibrium) -> Equilibrium:
        kept = {key: count for key, count in state.ledger.items() if key.event is Event.STEPS}
        return replace(state, ledger=Ledger(kept))


class WrongResidual(Changing):
    def change(self, state: Equilibrium) -> Equilibrium:
        return replace(state, residual=state.residual / 2)


class FarTooGoodResidual(Changing):
    """On a machine that claims no equations."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, differentiable=False)

    def change(self, state: Equilibrium) -> Equilibrium:
        return replace(state, residual=torch.zeros_like(state.residual), converged=torch.ones_like(state.converged))


class WrongFlag(Changing):
    def change(self, state: Equilibrium) -> Equilibrium:
        return replace(state, converged=torch.ones_like(state.converged))


class Leaky(Mutant):
    """Starts where the last relaxation ended."""

    last: Any = None

    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        before = self.last if start is None and self.last is not None else start
        if before is not None and len(before.membranes[0]) != drive.batch:
            before = start
        found = super().relax(drive, stop, nudge=nudge, start=before)
        if start is not None:
            self.last = found
        return found


class Crosstalk(Changing):
    """Every sample sees a little of the batch's mean."""

    def change(self, state: Equilibrium) -> Equilibrium:
        if len(state.residual) and int(state.steps.max()) > 30:
            mixed = tuple(v + 0.02 * (v.mean(0, keepdim=True) - v) for v in state.activities)
            return replace(state, activities=mixed)
        return state


class BitsOfTheBatch(Mutant):
    """Claims bits that do not depend on the batch, in float64, where a library multiplies."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, batch_exact=True)

    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        found = super().relax(drive, stop, nudge=nudge, start=start)
        return replace(found, activities=tuple(v + 1e-9 * len(v) for v in found.activities))


class Restless(Changing):
    """Random, and does not say so."""

    def change(self, state: Equilibrium) -> Equilibrium:
        if int(state.steps.max()) == 0:
            return state
        return replace(state, activities=tuple(v + 1e-7 * torch.randn_like(v) for v in state.activities))


class Overclaims(Mutant):
    """Says it has complex states; a tanh network of a chip with rails has none."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, complex_states=True)

    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        real = nudge and replace(nudge, beta=complex(nudge.beta).real)
        return super().relax(drive, stop, nudge=real, start=start)


class Underclaims(Mutant):
    """Takes a held force and claims none."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, held_force=False)


class NoIntegers(Mutant):
    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, integer=True)


class ForgetsTheStart(Mutant):
    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        return super().relax(drive, stop, nudge=nudge)


class SpoilsTheStart(Mutant):
    def relax(self, drive: Any, stop: Any, *, nudge: Any = None, start: Any = None) -> Equilibrium:
        found = super().relax(drive, stop, nudge=nudge, start=start)
        if start is not None and nudge is not None and complex(nudge.beta).real > 0:
            start.activities[-1].add_(0.01)
        return found


MUTANTS: list[tuple[Callable[[Network], Any], bool, str]] = [
    (Deaf, False, "deaf to the nudge"),
    (WrongSign, False, "wrong sign"),
    (Stale, False, "stale weights"),
    (EmptyLedger, False, "the ledger of a free phase is empty"),
    (HalfTheCounts, False, "counts .* steps; .* were taken"),
    (StepsAlone, False, "counts steps and no work"),
    (WrongResidual, False, "the residual is wrong"),
    (FarTooGoodResidual, False, "the residual is wrong"),
    (WrongFlag, False, "flagged converged"),
    (Leaky, False, "state leaks between calls"),
    (Crosstalk, False, "samples of one batch influence each other|split batch"),
    (BitsOfTheBatch, True, "batch_exact is claimed"),
    (Restless, False, "temporal_noise is not claimed|same bits|other activities"),
    (Overclaims, False, "complex_states is claimed, yet the states are real"),
    (Underclaims, False, "held_force is not claimed"),
    (NoIntegers, False, "integer is claimed"),
    (ForgetsTheStart, False, "zero steps must return the start state"),
    (SpoilsTheStart, False, "changed the equilibrium it started from"),
]


@pytest.mark.parametrize(("mutant", "double", "promise"), MUTANTS, ids=[m[0].__name__ for m in MUTANTS])
def test_a_mutant_is_refused_by_the_promise_it_breaks(mutant: Any, double: bool, promise: str) -> None:
    with pytest.raises(AssertionError, match=promise):
        check_relaxation_substrate(mutant, network=network_of("logistic", double))


#: a value of each fault that no reading can miss
FAULTS: dict[str, Any] = {
    "gain_mismatch": 0.2, "offset_mismatch": 0.2, "time_constant_mismatch": 0.5, "conductance_mismatch": 0.2,
    "programming_error": 0.2, "levels": 3, "on_off_ratio": 1.5, "weight_range": 0.05, "write_asymmetry": 0.9,
    "write_noise": 0.9, "open_loop": True, "drift_exponent": 0.1, "drift_spread": 0.5, "state_noise": 0.1,
    "read_noise": 0.1, "read_noise_proportional": 0.1, "readout_noise": 0.1, "rail": 0.1, "settling_time_s": 3e-7,
    "adc_bits": 2, "dac_bits": 2, "nudge_bits": 2,
}  # fmt: skip
#: what a fault needs to be one: spread of a drift needs a drift, a write step needs open-loop writing
WITH: dict[str, dict[str, Any]] = {
    "drift_spread": {"drift_exponent": 0.1},
    "write_asymmetry": {"open_loop": True},
    "write_noise": {"open_loop": True},
}
NOT_FAULTS = {
    "range_headroom", "drift_time_s", "time_constant_s", "dac_range", "nudge_range", "transposed_reads",
}  # fmt: skip


def test_every_fault_of_a_chip_is_listed() -> None:
    assert {f.name for f in dataclasses.fields(ChipParameters)} == set(FAULTS) | NOT_FAULTS


def test_the_analog_machine_ignores_no_fault() -> None:
    plain = [name for name in FAULTS if name not in WITH and name != "open_loop"]
    chips = {name: ChipParameters(**{name: FAULTS[name]}) for name in plain}
    check_faults(lambda n, chip: AnalogMachine(n, chip, seed=1), chips, perfect=ChipParameters())
    drifting = ChipParameters(drift_exponent=0.1)
    spread = {"drift_spread": replace(drifting, drift_spread=0.5)}
    check_faults(lambda n, chip: AnalogMachine(n, chip, seed=1), spread, perfect=drifting)


class Written(AnalogMachine):
    """Written twice, so that the second is a step from the first."""

    def __init__(self, network: Network, chip: ChipParameters) -> None:
        super().__init__(network, chip, seed=1)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(0.05)


def test_blind_writing_shows_its_faults() -> None:
    blind = ChipParameters(open_loop=True)
    chips = {name: replace(blind, **{name: FAULTS[name]}) for name in ("write_asymmetry", "write_noise")}
    check_faults(Written, chips, perfect=blind)


@pytest.mark.parametrize("name", ["adc_bits", "readout_noise", "rail", "conductance_mismatch"])
def test_a_machine_that_ignores_a_fault_is_refused(name: str) -> None:
    def ignoring(network: Network, chip: ChipParameters) -> AnalogMachine:
        return AnalogMachine(network, replace(chip, **{name: 0}), seed=1)

    with pytest.raises(AssertionError, match=f"the fault {name} is ignored"):
        check_faults(ignoring, {name: ChipParameters(**{name: FAULTS[name]})}, perfect=ChipParameters())
