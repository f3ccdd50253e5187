"""One run's counts in shares: what one training sample and one inference took and cost.

A training record's ledger keeps the evaluation apart from the training by its phase, ``TEST``; measurements that
belong to neither (diagnostics of a gradient) have the phase ``PROBE``. A share is the sum over its phases divided by
the samples it stands for, so for a machine that adapts its steps to the sample it is a mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hw_profiles.grades import Estimate
from hw_profiles.ledger import Event, Key, Ledger, Phase
from hw_profiles.pricing import price

if TYPE_CHECKING:
    from hw_profiles.schema import ProfileModel

__all__ = ["INFERENCE", "PROBE", "TEST", "TRAINING_SAMPLE", "Share", "in_phase", "shares"]

TEST = Phase.TEST.value
PROBE = Phase.PROBE.value
INFERENCE = "inference"
TRAINING_SAMPLE = "training sample"


@dataclass(frozen=True)
class Share:
    """What one sample took.

    Attributes:
        what: ``inference`` or ``training sample``.
        samples: over how many the mean was taken.
        counts: mean count of every event.
        energy, latency: per sample, on the profile asked for; the range is the prices', not the samples'.
    """

    what: str
    samples: int
    counts: dict[Event, float]
    energy: Estimate
    latency: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Plain Python, for JSON."""
        return {
            "samples": self.samples,
            "counts": {event.value: count for event, count in self.counts.items()},
            "energy_j": self.energy.as_dict(),
            "latency_s": self.latency.as_dict(),
        }


def in_phase(ledger: Ledger, phase: str) -> Ledger:
    """The counts of ``ledger``, all of them in the phase ``phase``."""
    result = Ledger()
    for key, count in ledger.items():
        result.merge(Ledger({Key(key.event, key.component, key.layer, key.core, phase): count}))
    return result


def shares(
    ledger: Ledger, samples: Mapping[str, int], profile: ProfileModel, chips: int | None = None
) -> tuple[Share, ...]:
    """Split a training run's ledger into its shares and price them.

    Args:
        ledger: counts of the run.
        samples: how many samples ``TRAINING_SAMPLE`` and ``INFERENCE`` stand for; one that is 0 or absent is left out.
        profile: of the machine.
        chips: chips powered; None takes as many as the placement needs.
    """
    parts = {TRAINING_SAMPLE: Ledger(), INFERENCE: Ledger()}
    for key, count in ledger.items():
        if key.phase != PROBE:
            parts[INFERENCE if key.phase == TEST else TRAINING_SAMPLE].merge(Ledger({key: count}))
    found = []
    for what, part in parts.items():
        number = samples.get(what, 0)
        if number < 1 or not len(part):
            continue
        cost = price(part, profile, chips)
        counts = {event: count / number for event, count in part.totals().items()}
        found.append(Share(what, number, counts, cost.energy.scaled(1 / number), cost.latency.scaled(1 / number)))
    return tuple(found)
