"""Phase-free, online: the nudge goes round a circle, activity and error are read from one running state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from hw_profiles.errors import InputError
from hw_profiles.ledger import Ledger
from learning_rules.cauchy import circle_points
from learning_rules.rule import Estimate, Phases, Rule, State, finite_samples
from substrates.base import Drive, Equilibrium, Nudge, RelaxationSubstrate, Stop

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Oscillation"]


@dataclass(frozen=True)
class Oscillation(Rule):
    """Demodulate the activities at the frequency of the nudge, without ever leaving the machine alone.

        v0 ~ mean_i v_i,      dv/dbeta ~ mean_i v_i / beta_i,      beta_i = |beta| exp(2 pi i i / N)

    where v_i is the state after ``phases.nudged`` steps under beta_i, continued from v_(i-1) without reset. For
    holomorphic functions the mean along the circle is the value at its centre. The start-up transient is averaged
    over unless ``skip`` periods are left out. The error falls as 1/periods to that of the N-point estimate.

    Args:
        nudge: |beta|.
        count: N, nudges per period; 2 is a square wave with real states, more need complex ones.
        periods: periods to average over; 0 takes as many as ``phases.free`` has steps for (at least one).
        skip: periods to run first and not count.

    Source: Laborieux & Zenke, arXiv 2309.02214, section 2 (T1 = 1200 steps in all, T2 = 60 per nudge, N = 4).
    """

    name: ClassVar[str] = "oscillation"
    phase_free: ClassVar[bool] = True
    nudge: float = 0.5
    count: int = 4
    periods: int = 0
    skip: int = 0

    def __post_init__(self) -> None:
        if not (self.nudge > 0 and self.nudge < float("inf")):
            raise InputError(f"the nudge must be a finite number above zero, got {self.nudge}")
        if self.count < 2:
            raise InputError(f"an oscillation needs at least two nudges per period, got {self.count}")
        if self.periods < 0 or self.skip < 0:
            raise InputError(f"periods cannot be negative, got {self.periods} and {self.skip} to skip")

    def with_nudge(self, nudge: float) -> Oscillation:
        """The same rule with another nudge."""
        from dataclasses import replace

        return replace(self, nudge=nudge)

    def needs(self) -> dict[str, bool]:
        return {"oscillation": True, "complex_states": self.count > 2}

    def counted_periods(self, phases: Phases) -> int:
        """Periods that are averaged over."""
        per_period = self.count * max(1, phases.nudged.max_steps)
        return self.periods or max(1, phases.free.max_steps // per_period - self.skip)

    def estimate(
        self, machine: RelaxationSubstrate, drive: Drive, target: Tensor, phases: Phases, free: Equilibrium | None
    ) -> Estimate:
        points = circle_points(self.nudge, self.count, mirror=False)
        # The wave does not wait for anyone: every nudge lasts the same number of steps.
        stop = Stop(phases.nudged.max_steps, 0.0, phases.nudged.check_every)
        ledger, state, relaxations = Ledger(), free, 0
        sums: State | None = None
        waves: State | None = None
        periods = self.counted_periods(phases)
        for period in range(self.skip + periods):
            for point in points:
                beta = point.beta if complex(point.beta).imag != 0 else complex(point.beta).real
                state = machine.relax(drive, stop, nudge=Nudge(beta, target), start=state)
                relaxations += 1
                ledger.merge(state.ledger)
                if period < self.skip:
                    continue
                v = state.activities
                wave = tuple(x * point.coefficient for x in v)
                sums = v if sums is None else tuple(a + b for a, b in zip(sums, v))
                waves = wave if waves is None else tuple(a + b for a, b in zip(waves, wave))
        assert state is not None
        assert sums is not None
        assert waves is not None
        complex_errors = tuple(w / periods for w in waves)
        errors = tuple(e.real.contiguous() for e in complex_errors)
        means = tuple((s / (periods * self.count)).real.contiguous() for s in sums)
        return Estimate(
            errors,
            means,
            state.residual,
            state.converged & finite_samples(errors),
            relaxations,
            _leakage(complex_errors),
            ledger,
        )


def _leakage(errors: State) -> float | None:
    if not errors[0].is_complex():
        return None
    imaginary = sum(float(e.imag.abs().pow(2).sum()) for e in errors)
    real = sum(float(e.real.abs().pow(2).sum()) for e in errors)
    return (imaginary / real) ** 0.5 if real > 0 else None
