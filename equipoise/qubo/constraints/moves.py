"""Which constraints the processor's moves can keep by themselves, so that they need no penalty at all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from equipoise.qubo.constraints.model import ConstrainedProblem
from equipoise.qubo.search.groups import Counted

__all__ = ["Moves", "exact_moves"]


@dataclass(frozen=True, eq=False)
class Moves:
    """What moves keep.

    Attributes:
        table: (N, N) variables of an assignment that all of ``kept`` together make, or None.
        groups: else, groups that share no variable.
        kept: numbers of the constraints that hold at every move.
    """

    table: npt.NDArray[np.int64] | None = None
    groups: tuple[Counted, ...] = ()
    kept: tuple[int, ...] = ()

    def __str__(self) -> str:
        if self.table is not None:
            return f"an assignment of {len(self.table)} to {len(self.table)}"
        return f"{len(self.groups)} groups of fixed count" if self.groups else "no constraint"


def exact_moves(model: ConstrainedProblem) -> Moves:
    """An assignment if the constraints make one of all variables, else the largest groups that do not overlap."""
    counted = {
        number: Counted(tuple(c.variables.tolist()), ones)
        for number, c in enumerate(model.constraints)
        if (ones := c.counts) is not None
    }
    one_hot = {number: group for number, group in counted.items() if group.ones == 1}
    table = _assignment(model.num_variables, one_hot)
    if table is not None:
        return Moves(table=table, kept=tuple(one_hot))
    taken = np.zeros(model.num_variables, bool)
    chosen: dict[int, Counted] = {}
    for number, group in sorted(counted.items(), key=lambda item: (-len(item[1].members), item[0])):
        members = np.array(group.members)
        if not taken[members].any():
            taken[members] = True
            chosen[number] = group
    order = sorted(chosen)
    return Moves(groups=tuple(chosen[k] for k in order), kept=tuple(order))


def _assignment(n: int, groups: dict[int, Counted]) -> npt.NDArray[np.int64] | None:
    """(N, N) table whose rows and columns are just these groups."""
    side = round(n**0.5)
    if side < 2 or side * side != n or len(groups) != 2 * side:
        return None
    if any(len(group.members) != side for group in groups.values()):
        return None
    rows: list[int] = []
    used = np.zeros(n, bool)
    for number, group in groups.items():
        if not used[list(group.members)].any():
            used[list(group.members)] = True
            rows.append(number)
    columns = [number for number in groups if number not in rows]
    if len(rows) != side or len(columns) != side:
        return None
    row_of, column_of = np.full(n, -1), np.full(n, -1)
    for place, (row, column) in enumerate(zip(rows, columns)):
        row_of[list(groups[row].members)] = place
        column_of[list(groups[column].members)] = place
    table = np.full((side, side), -1, np.int64)
    table[row_of, column_of] = np.arange(n)
    whole = (row_of >= 0).all() and (column_of >= 0).all() and (table >= 0).all()
    return table if whole else None
