"""What every substrate offers: a few verbs, stated capabilities, and results that say how good they are.

Two kinds of machine: one relaxes a network (`RelaxationSubstrate`), one anneals a problem
(`AnnealingSubstrate`). Settings are frozen dataclasses; evolving state is a separate value, passed in and
returned; the driver (a learning rule, a sampler) owns the loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger

if TYPE_CHECKING:
    from torch import Tensor

    from substrates.network import Network

__all__ = [
    "AnnealResult",
    "AnnealingSubstrate",
    "Capabilities",
    "Drive",
    "Equilibrium",
    "Nudge",
    "RelaxationSubstrate",
    "Stop",
]


@dataclass(frozen=True)
class Capabilities:
    """What a machine can do. A rule that needs more gets an error, never a silent substitute."""

    name: str
    integer: bool = False  #: states are integers of the chip's widths
    complex_states: bool = False  #: complex nudges (holomorphic estimators with more than two points)
    batch_exact: bool = False  #: real states of a sample are the same bits in any batch
    temporal_noise: bool = False  #: two relaxations of the same input may differ
    antisymmetric_correction: bool = False  #: can add (W^T - W)(v - v0) while nudged (AsymEP)
    held_force: bool = False  #: obeys `Nudge.force` (nudges that are held or normalised)
    oscillation: bool = False  #: keeps its state between nudges (phase-free estimators)
    differentiable: bool = False  #: derivatives of the vector field can be had (tangent, adjoint, dyadic)
    reports: Literal["activity", "membrane"] = "activity"  #: what `Equilibrium.activities` are
    nudge_enters: Literal["activity", "membrane"] = "activity"  #: the nudge current is beta dL/dv or beta dL/du
    max_neurons: int | None = None
    max_synapses: int | None = None

    def require(self, **needed: bool) -> None:
        """Raise unless every named capability is there.

        Raises:
            InputError: names the machine and all that is missing.
        """
        missing = [name.replace("_", " ") for name, wanted in needed.items() if wanted and not getattr(self, name)]
        if missing:
            raise InputError(
                f"the target {self.name!r} has no {', '.join(missing)}; "
                "choose another estimator or correction, or the target 'ideal'"
            )


@dataclass(frozen=True)
class Stop:
    """When a relaxation ends: at ``max_steps``, or as soon as every sample's residual is below ``tolerance``.

    The residual is the largest |F(v) - u| over the neurons of a sample, in units of the pre-activation.
    ``tolerance=0`` runs all steps. ``check_every`` steps the residual is looked at.
    """

    max_steps: int
    tolerance: float = 0.0
    check_every: int = 10

    def __post_init__(self) -> None:
        if self.max_steps < 0:
            raise InputError(f"the number of relaxation steps cannot be negative, got {self.max_steps}")
        if not self.tolerance >= 0:
            raise InputError(f"the residual tolerance must be zero or more, got {self.tolerance}")
        if self.check_every < 1:
            raise InputError(f"check_every must be at least 1, got {self.check_every}")


@dataclass(frozen=True)
class Nudge:
    """A force beta dL/dv on the output population, added to its input current.

    The sign is plus: a positive ``beta`` pushes the loss up. ``reference`` (the free activities, one tensor per
    population) switches on the antisymmetric correction ``(W^T - W)(v - v0)`` of AsymEP.

    ``force`` (batch, *output shape), real, stands for dL/dv where it is given: beta times it is held through the
    phase, whatever the output does, and the machine computes no cost.
    """

    beta: complex
    target: Tensor
    reference: tuple[Tensor, ...] | None = None
    force: Tensor | None = None

    def check_force(self, shape: tuple[int, ...]) -> None:
        """Raise unless the force, where there is one, is real and of ``shape``: (batch, *output shape).

        Raises:
            InputError: what came and what was expected.
        """
        if self.force is not None and (tuple(self.force.shape) != shape or self.force.is_complex()):
            raise InputError(
                f"the nudge's force has shape {tuple(self.force.shape)} and type {self.force.dtype}; expected real "
                f"numbers of shape {shape}, one per output neuron and sample"
            )


@dataclass(frozen=True)
class Drive:
    """The clamped input's constant current into every population, computed once per batch.

    ``currents[l]`` has shape (batch, *population shape) and includes the biases; ``inputs`` is the raw batch.
    """

    inputs: Tensor
    currents: tuple[Tensor, ...]

    @property
    def batch(self) -> int:
        return int(self.inputs.shape[0])


@dataclass(frozen=True)
class Equilibrium:
    """What relaxing returns, for one batch.

    Attributes:
        activities: v = sigma(u), one tensor (batch, *shape) per population.
        membranes: u, likewise; the state to start the next relaxation from.
        residual: (batch,) largest |F(v) - u| at the last state.
        converged: (batch,) bool; residual below the tolerance (or below ``Stop.tolerance``'s default 1e-3 when 0).
        steps: (batch,) int; steps taken.
        cycling: (batch,) bool; the state repeats with a period above one (a limit cycle).
        ledger: what this relaxation cost, in counts.
        state: the machine's own state (clocks, sent messages, noise position) for resuming.
    """

    activities: tuple[Tensor, ...]
    membranes: tuple[Tensor, ...]
    residual: Tensor
    converged: Tensor
    steps: Tensor
    cycling: Tensor
    ledger: Ledger = field(default_factory=Ledger)
    state: Any = None


class RelaxationSubstrate(ABC):
    """A machine that holds one network and relaxes it."""

    network: Network

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this machine can do."""

    @property
    def looks_every(self) -> int:
        """Steps between two looks at the residual that suit this machine; a `Stop` may ask for others."""
        return Stop.check_every

    @abstractmethod
    def program(self) -> Ledger:
        """Write the network's present parameters into the machine, in its own format; return the writes."""

    @abstractmethod
    def drive(self, inputs: Tensor) -> Drive:
        """Compute the constant currents of a batch ``inputs`` (batch, *input shape)."""

    @abstractmethod
    def relax(
        self, drive: Drive, stop: Stop, *, nudge: Nudge | None = None, start: Equilibrium | None = None
    ) -> Equilibrium:
        """Relax from ``start`` (rest when None) under ``drive`` and ``nudge`` until ``stop``."""

    def relax_each(self, drive: Drive, stop: Stop, nudges: Sequence[Nudge], start: Equilibrium) -> list[Equilibrium]:
        """`relax` under each nudge in turn, all from ``start``; a machine may do them together, to the same bits."""
        return [self.relax(drive, stop, nudge=nudge, start=start) for nudge in nudges]


@dataclass(frozen=True)
class AnnealResult:
    """What annealing returns, one row per read.

    Attributes:
        states: (reads, n) uint8, the best state seen by each read.
        costs: (reads,) cost of that state in the program's own units; int64 where the machine counts in integers.
        steps: (reads,) int64, algorithmic steps done.
        best_steps: (reads,) int64, the step at which the best state was reached.
        improvements: per read, an array (k, 2) of (step, cost), every improvement, the first state among them.
        wall_ns: (reads,) int64, time spent in each read.
        ledger: counts of all reads together.
    """

    states: npt.NDArray[np.uint8]
    costs: npt.NDArray[Any]
    steps: npt.NDArray[np.int64]
    best_steps: npt.NDArray[np.int64]
    improvements: tuple[npt.NDArray[Any], ...]
    wall_ns: npt.NDArray[np.int64]
    ledger: Ledger = field(default_factory=Ledger)


#: what a machine takes as its temperatures over steps
Schedule = TypeVar("Schedule", contravariant=True)


class AnnealingSubstrate(ABC, Generic[Schedule]):
    """A machine that holds one problem and anneals it.

    Attributes:
        n: number of variables.
    """

    n: int

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this machine can do."""

    @abstractmethod
    def temperature_range(self) -> tuple[float, float]:
        """(high, low) for this problem: where most variables still move, and where hardly one does."""

    @abstractmethod
    def anneal(
        self,
        schedule: Schedule,
        seeds: Sequence[int] | npt.NDArray[np.uint64],
        *,
        steps: int | None = None,
        target_cost: Any = None,
        timeout_s: float | None = None,
        threads: int = 1,
        should_stop: Callable[[], bool] | None = None,
    ) -> AnnealResult:
        """Anneal once per seed along ``schedule``, each read until the first of its limits.

        A read depends on problem, settings, schedule and its own seed alone: not on the other reads, on ``threads``,
        or on what was annealed before.

        Args:
            schedule: of this machine's kind.
            seeds: one read each.
            steps: algorithmic steps; None for the schedule's own length.
            target_cost: end as soon as the cost is this or lower, in the result's units.
            timeout_s: seconds of each read.
            threads: reads at the same time.
            should_stop: asked now and then; True ends every read, keeping what it has.

        Raises:
            InputError: no limit at all, or a negative one.
        """
