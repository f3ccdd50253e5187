"""Equilibrium propagation through an annealer: both phases are low states of a binary network (Laydevant et al. 2024).

    E(s) = -sum_i f_i s_i - sum_(i<j) J_ij s_i s_j,     s_i = +-1
    free: the machine's states of E;    nudged: of E with beta y added to the fields of the outputs
    dJ_ij ~ (<s_i s_j>_nudged - <s_i s_j>_free) / beta,     df_i ~ (<s_i>_nudged - <s_i>_free) / beta

Fields are clipped to what the machine takes, so a large nudge nearly clamps the outputs. With averages of
Boltzmann states at
one temperature T this is, at any beta, minus the exact gradient of (F_beta - F_0) / beta, F = -T log sum exp(-E /
T) (finite- temperature contrastive learning, arXiv 2511.22024); as T falls to zero, that of the difference of two
ground-state energies. With the lowest state of a few anneals it is the published rule. Nature Communications 15, 3671.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError

__all__ = ["AnnealedEP"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AnnealedEP:
    """Settings of the rule; nothing evolves inside.

    Args:
        nudge: beta, above zero. It must win against the couplings: 5 with fields clipped to 4, as published.
        clip: largest field the machine takes.
        skip_correct: no nudged phase where the free outputs are the target already.
        average: ``lowest`` takes the state of lowest energy of each phase, ``mean`` averages over all reads.
    """

    nudge: float = 5.0
    clip: float = 4.0
    skip_correct: bool = True
    average: str = "lowest"

    def __post_init__(self) -> None:
        if not (0 < self.nudge < np.inf and 0 < self.clip <= np.inf):
            raise InputError(f"nudge {self.nudge} and clip {self.clip}: expected numbers above zero")
        if self.average not in ("lowest", "mean"):
            raise InputError(f"no average {self.average!r}; there are lowest, mean")

    def fields(self, fields: Floats) -> Floats:
        """What the machine is given."""
        return np.clip(fields, -self.clip, self.clip)

    def nudged(self, fields: Floats, outputs: slice, target: Floats) -> Floats:
        """The fields of the nudged phase; ``target`` in +-1, one per output."""
        pushed = fields.copy()
        pushed[outputs] += self.nudge * target
        return self.fields(pushed)

    def moments(self, states: Floats, energies: Floats) -> tuple[Floats, Floats]:
        """(<s_i>, <s_i s_j>) of one phase from its reads: states (reads, n) in +-1 and their energies."""
        chosen = states[[int(np.argmin(energies))]] if self.average == "lowest" else states
        return chosen.mean(0), chosen.T @ chosen / len(chosen)

    def contrast(self, free: tuple[Floats, Floats], nudged: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
        """(df, dJ): the direction that lowers the loss, from the moments of both phases."""
        return (nudged[0] - free[0]) / self.nudge, (nudged[1] - free[1]) / self.nudge
