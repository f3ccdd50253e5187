"""One binary network on one Ising machine, again and again: couplings rewritten, fields replaced, states read.

    E(s) = -sum_i f_i s_i - sum_(i<j) J_ij s_i s_j

The chip stays the same chip: its mismatch belongs to its cells, and a rewrite touches what changed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from substrates.analog.annealer import Cooling
from substrates.analog.imperfections.parameters import ChipParameters
from substrates.analog.ising import ising_machine
from substrates.random import stream_key

__all__ = ["IsingSampler"]

Floats = npt.NDArray[np.float64]


class IsingSampler:
    """A machine whose spins keep their state: ``p-bits`` or ``memristor-hopfield``, which can start from a given one.

    Args:
        mask: (n, n) bool, symmetric: which pairs are coupled.
        kind: of the machine.
        chip, seed: the chip instance.
        largest: the largest |J_ij| the cells are asked to hold.
    """

    def __init__(
        self,
        mask: npt.NDArray[np.bool_],
        kind: str = "p-bits",
        chip: ChipParameters | None = None,
        seed: int = 0,
        *,
        largest: float = 1.0,
    ) -> None:
        if kind not in ("p-bits", "memristor-hopfield"):
            raise InputError(f"a sampler needs p-bits or memristor-hopfield, whose spins can be set; got {kind!r}")
        n = len(mask)
        self._rows, self._cols = np.nonzero(mask)
        pairs = np.full(len(self._rows), -4.0 * largest)  # the range of the cells
        indptr = np.searchsorted(self._rows, np.arange(n + 1))
        self.machine = ising_machine(kind)(indptr, self._cols, pairs, np.zeros(n), chip, seed=seed)
        self.n, self.seed, self.calls = n, seed, 0
        self.ledger = Ledger()

    def program(self, couplings: Floats) -> None:
        """Write J (n, n), symmetric."""
        machine = self.machine
        machine.pairs = -4.0 * couplings[self._rows, self._cols]
        writes = machine.instance.write(0, machine.pairs)
        self.ledger.add(Event.CELL_WRITES, writes)
        machine._realise()
        self._j = machine.couplings
        self._h = np.bincount(self._rows, machine.cells, self.n) / 4.0
        self._true = couplings

    def sample(
        self, fields: Floats, reads: int, steps: int, high: float, low: float, start: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """(states (reads, n) in +-1, their energies): where ``steps`` steps from temperature ``high`` to ``low`` end.

        ``start``: (n,) in +-1; all down when None. The state is the last one, not the best on the way.
        """
        machine = self.machine
        x_linear = -2.0 * fields - np.bincount(self._rows, machine.pairs, self.n) / 2.0
        machine.linear = machine.bias = x_linear
        schedule = Cooling(high, low, steps)
        temperatures = schedule.temperatures(0, steps)
        states = np.empty((reads, self.n))
        for r in range(reads):
            run = machine._start(stream_key(self.seed, f"sample {self.calls} {r}"), schedule)
            run._h = (x_linear + machine.offset) / 2.0 + self._h
            if start is not None:
                run._s[:] = start
            run.steps(temperatures, np.ones(steps), np.zeros(self.n))
            states[r] = run._s
        self.calls += 1
        self.ledger.merge(machine._count(steps * reads, reads, reads))
        energies = -states @ fields - np.einsum("ri,ij,rj->r", states, self._true, states) / 2.0
        return states, energies
