"""``solve`` for constrained problems: moves that keep what they can, prices that adapt for the rest.

The work is done in rounds. A price starts where one flip that breaks the constraint cannot pay for itself. After a
round it is doubled where no read kept its constraint, and once any state has met all of them, raised by a quarter where
the best read missed it and lowered by three tenths where all reads kept it: low prices leave the objective visible, and
nobody has to know them beforehand.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from equipoise.qubo.constraints.model import ConstrainedProblem
from equipoise.qubo.constraints.moves import Moves, exact_moves
from equipoise.qubo.constraints.penalties import Penalised, first_prices, penalised
from equipoise.qubo.constraints.solution import ConstrainedSolution, Round
from equipoise.qubo.solving import default_steps, solve
from equipoise.targets import choose_target
from hw_profiles.errors import InputError
from substrates.seeds import derive_seed

__all__ = ["solve_constrained"]

ROUNDS = 8
RAISE, NUDGE, LOWER = 2.0, 1.25, 0.7


def solve_constrained(
    problem: Any,
    target: str = "auto",
    scheme: str = "two-phase",
    *,
    steps: int | None = None,
    timeout: float | None = None,
    reads: int = 1,
    seed: int = 0,
    rounds: int = ROUNDS,
    method: str | None = None,
    **settings: Any,
) -> ConstrainedSolution:
    """Minimise the objective under the constraints.

    Args:
        problem: a `ConstrainedProblem`, or a `dimod.ConstrainedQuadraticModel`.
        steps, timeout: for all rounds together; each round gets an equal share.
        reads: per round.
        rounds: 1 where moves keep every constraint.
        method: on the target ``cpu``: ``auto`` (moves that keep what constraints they can) or a search's name, which
            then sees penalties alone.
        settings: as for `equipoise.qubo.solve`.

    Raises:
        InputError: settings that make no sense; ``target_cost``, which has no meaning while prices change.
    """
    model = ConstrainedProblem.of(problem)
    if settings.get("target_cost") is not None or settings.get("out") is not None:
        raise InputError("constrained problems take no target cost and write no record; solve(model.to_problem()) does")
    if rounds < 1:
        raise InputError(f"the number of rounds must be at least 1, got {rounds}")
    if method is not None:
        target = "cpu" if target == "auto" else target
    choice = choose_target(target, "qubo")
    on_cpu = choice.resolved == "cpu"
    moves = exact_moves(model) if on_cpu and method in (None, "auto") else Moves()
    priced = [k for k in range(len(model.constraints)) if k not in moves.kept]
    if not priced:
        rounds = 1
    prices = first_prices(model)
    if steps is None and timeout is None:
        steps = default_steps(model.num_variables, choice.target) * (1 if on_cpu else rounds)
    search = _Best(model)
    history: list[Round] = []
    last = None
    for number in range(rounds):
        form = penalised(model, prices, moves.kept)
        last = solve(
            form.problem,
            choice.target,
            scheme,
            steps=None if steps is None else max(steps // rounds, 1),
            timeout=None if timeout is None else timeout / rounds,
            reads=reads,
            seed=derive_seed(seed, "round", number) % 2**62 if number else seed,
            options={**(settings.get("options") or {}), **_options(form, moves, on_cpu, method)},
            **{k: v for k, v in settings.items() if k != "options"},
        )
        missed = search.add(form, last.states)
        history.append(
            Round(tuple(float(prices[k]) for k in priced), int((~missed.any(1)).sum()), reads, search.best_feasible)
        )
        prices = _adapted(prices, missed, priced, search.best_feasible is not None)
    assert last is not None
    return search.result(str(moves), tuple(history), last)


def _options(form: Penalised, moves: Moves, on_cpu: bool, method: str | None) -> dict[str, Any]:
    """What the target cpu needs to know: the moves, where there are any."""
    if not on_cpu:
        return {}
    if moves.table is not None and form.problem.num_variables == form.variables:
        return {"moves": moves.table}
    if moves.groups:
        return {"moves": moves.groups}
    return {"method": method or "auto"}


def _adapted(
    prices: list[int | float], missed: npt.NDArray[np.bool_], priced: list[int], met: bool
) -> list[int | float]:
    """Prices for the next round.

    Args:
        missed: (reads, constraints); the first read is the best one.
        met: whether any state so far met every constraint. Before that, prices only rise.
    """
    adapted = list(prices)
    for k in priced:
        factor = 1.0
        if missed[:, k].all():
            factor = RAISE
        elif missed[0, k]:
            factor = NUDGE if met else RAISE
        elif met and not missed[:, k].any():
            factor = LOWER
        price = prices[k] * factor
        adapted[k] = max(round(price), 1) if isinstance(prices[k], int) else price
    return adapted


class _Best:
    """Every state seen, and the best of them: feasible first, then by objective, then by what is missed."""

    def __init__(self, model: ConstrainedProblem) -> None:
        self.model = model
        self.states: list[npt.NDArray[np.uint8]] = []
        self.keys: list[tuple[int | float, int | float]] = []

    def add(self, form: Penalised, states: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Judge the states of a round; returns (reads, constraints) who missed what, the best read first."""
        rows = []
        for state in states:
            own = form.state(state).copy()
            by = np.array([c.violation(own) for c in self.model.constraints], np.int64)
            self.states.append(own)
            self.keys.append((int(by.sum()), self.model.cost(own)))
            rows.append((self.keys[-1], by > 0))
        rows.sort(key=lambda row: row[0])
        return np.array([missed for _, missed in rows]).reshape(len(rows), -1)

    @property
    def best_feasible(self) -> float | None:
        held = [float(cost) for missed, cost in self.keys if missed == 0]
        return min(held) if held else None

    def result(self, kept: str, rounds: tuple[Round, ...], last: Any) -> ConstrainedSolution:
        best = min(range(len(self.keys)), key=self.keys.__getitem__)
        x = self.states[best]
        return ConstrainedSolution(
            problem=self.model,
            x=x,
            objective=self.keys[best][1],
            feasible=self.keys[best][0] == 0,
            violations=self.model.violations(x),
            kept=kept,
            rounds=rounds,
            last=last,
            states=np.stack(self.states),
            objectives=np.array([float(cost) for _, cost in self.keys]),
            feasibles=np.array([missed == 0 for missed, _ in self.keys]),
        )
