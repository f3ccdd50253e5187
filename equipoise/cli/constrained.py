"""``equipoise qubo solve`` of a model with constraints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from equipoise.cli._common import emit_json
from equipoise.qubo.constraints import ConstrainedProblem, ConstrainedSolution, solve_constrained
from hw_profiles.errors import InputError

__all__ = ["solve_and_show"]


def solve_and_show(model: ConstrainedProblem, out: Path | None, settings: dict[str, Any], as_json: bool) -> None:
    """Solve and print; a solution that misses a constraint is said to, first of all."""
    if out is not None:
        raise InputError("a record of a model with constraints cannot be written yet; leave --out away, or take --json")
    given = {name: value for name, value in settings.items() if name not in ("overwrite", "force")}
    solution = solve_constrained(model, **given)
    if as_json:
        emit_json(solution.as_dict())
    else:
        _show(solution)


def _show(solution: ConstrainedSolution) -> None:
    from rich.console import Console
    from rich.table import Table

    model, last = solution.problem, solution.last
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    missed = ", ".join(f"{label} by {by:g}" for label, by in list(solution.violations.items())[:5])
    rows = [
        ("problem", f"{model.name}: {model.num_variables} bits, {len(model.constraints)} constraints"),
        (
            "constraints",
            "all hold" if solution.feasible else f"INFEASIBLE, misses {len(solution.violations)}: {missed}",
        ),
        ("objective", f"{solution.objective:g}"),
        ("moves keep", solution.kept),
        ("rounds", f"{len(solution.rounds)}, reads {last.reads} each ({last.scheme})"),
        ("target", f"{last.target.resolved} (asked for {last.target.requested}: {last.target.reason})"),
        (f"last round on {last.profile}", f"{last.energy.text('J')}, {last.latency.text('s')}"),
    ]
    if len(solution.sample) <= 40:
        rows.append(("solution", ", ".join(f"{label} = {value}" for label, value in solution.sample.items())))
    for name, text in rows:
        table.add_row(name, text)
    Console(highlight=False, markup=False).print(table)
