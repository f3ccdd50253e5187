"""Studies that look for good parameters: Optuna proposes, the study's runner runs, everything is kept in its file.

Proposals are made in batches: what is proposed depends on the seed and on results, not on how many workers there are
or when the search was interrupted. To go on, the proposals are made again; runs that are in the file are not repeated.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.study.entry import Entry
from equipoise.study.runner import Progress, run_study
from equipoise.study.space import Search
from equipoise.study.spec import Item, Study, item_of
from equipoise.study.store import StudyData
from hw_profiles.arguments import checked
from hw_profiles.errors import InputError
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile

if TYPE_CHECKING:
    import optuna

__all__ = ["Proposal", "conclude_search", "run_search"]


class Proposal:
    """Parameters that were proposed, and the runs that try them."""

    def __init__(self, parameters: dict[str, Any], items: list[Item]) -> None:
        self.parameters, self.items = parameters, items
        self.values: list[float] | None = None  #: of the objectives, means over the runs; None where one failed

    def fill(self, entries: dict[str, Entry], search: Search, machine: Any) -> None:
        """Take the objectives from the runs."""
        runs = [entries[item.key] for item in self.items]
        if all(run.status == "complete" for run in runs):
            every = [[_value(run, name, machine) for run in runs] for name in search.objectives]
            self.values = [statistics.fmean(values) for values in every]


@checked
def run_search(
    study: Study,
    out: str | Path,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    retries: int = 1,
    progress: Progress | None = None,
    tell: Callable[[str], None] | None = None,
) -> tuple[StudyData, list[Proposal]]:
    """Do the search of ``study``; arguments as of `run_study`. Returns all runs, and the proposals in order.

    Raises:
        InputError: the study has no search, an objective is no result of its task, or as for `run_study`.
        ModuleNotFoundError: Optuna is not installed.
    """
    if study.search is None:
        raise InputError(f"{study.name} has no [search]; run it as a grid (run_study)")
    search, machine = study.search, None
    if search.profile:
        machine = load_profile(search.profile)
    sampler = _optuna(search)
    proposals: list[Proposal] = []
    whole: dict[str, Item] = {}
    total = search.runs * max(1, len(study.grid))
    data = None
    while len(proposals) < search.runs:
        asked = [sampler.ask(_distributions(search)) for _ in range(min(search.batch, search.runs - len(proposals)))]
        fresh = [_proposal(study, trial.params, whole) for trial in asked]
        proposals += fresh

        def told(done: int, _: int, failed: int) -> None:
            if progress is not None:
                progress(done, total, failed)

        data = run_study(
            replace(study, items=tuple(whole.values()), search=None), out, workers=workers, scheduler=scheduler,
            retries=retries, progress=told, tell=tell,
        )  # fmt: skip
        entries = {entry.key: entry for entry in data.entries}
        for trial, proposal in zip(asked, fresh, strict=True):
            proposal.fill(entries, search, machine)
            _answer(sampler, trial, proposal)
    assert data is not None
    return data, proposals


def conclude_search(study: Study, proposals: list[Proposal]) -> list[str]:
    """Sentences: the best proposal, or those that no other beats in every objective."""
    search = study.search
    assert search is not None
    good = [proposal for proposal in proposals if proposal.values is not None]
    failed = len(proposals) - len(good)
    first = f"{len(good)} of {search.runs} proposals tried" + (f", {failed} failed" if failed else "") + "."
    if not good:
        return [first]
    signs = [1 if way == "minimise" else -1 for way in search.objectives.values()]
    front = [p for p in good if not any(_beats(other, p, signs) for other in good)]
    front.sort(key=lambda p: signs[0] * (p.values or [0.0])[0])
    over = f", means over {len(front[0].items)} runs" if len(front[0].items) > 1 else ""
    if len(signs) == 1:
        return [first, f"Best: {_words(front[0], search)}{over}."]
    lead = f"{len(front)} proposals are beaten by no other in every objective{over}:"
    return [first, lead, *(_words(proposal, search) for proposal in front[:12])]


def _words(proposal: Proposal, search: Search) -> str:
    found = " ".join(f"{name}={_short(value)}" for name, value in proposal.parameters.items())
    reached = ", ".join(f"{n} {_short(v)}" for n, v in zip(search.objectives, proposal.values or (), strict=True))
    return f"{found}: {reached}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _beats(one: Proposal, other: Proposal, signs: list[int]) -> bool:
    pairs = [(s * a, s * b) for s, a, b in zip(signs, one.values or (), other.values or (), strict=True)]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


def _proposal(study: Study, parameters: dict[str, Any], whole: dict[str, Item]) -> Proposal:
    """The runs of a proposal; those of an earlier, equal one are its own."""
    items = []
    for more in study.grid or ({},):
        item = item_of(len(whole), study.task, {**study.fixed, **parameters, **more})
        items.append(whole.setdefault(item.key, item))
    return Proposal(parameters, items)


def _value(run: Entry, name: str, machine: Any) -> float:
    if machine is not None and name in ("energy", "latency"):
        estimate = getattr(price(run.ledger, machine), name)
        if estimate.value is None:
            raise InputError(f"{machine.name} has no price for {', '.join(estimate.missing)}; choose another profile")
        return float(estimate.value)
    value = run.value(name)
    if not isinstance(value, (int, float)):
        known = ", ".join(n for n in (*run.results, *run.measured)) or "none"
        raise InputError(f"the task {run.task} gives no number {name!r}; its results are {known}, energy and latency")
    return float(value)


def _optuna(search: Search) -> optuna.Study:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = optuna.samplers
    several = len(search.objectives) > 1
    sampler: Any
    if search.sampler == "random":
        sampler = samplers.RandomSampler(seed=search.seed)
    elif search.sampler == "nsga2":
        sampler = samplers.NSGAIISampler(seed=search.seed, population_size=max(4, search.batch))
    else:
        # proposals of a batch do not know of each other: constant_liar keeps them apart
        sampler = samplers.TPESampler(seed=search.seed, constant_liar=not several)
    ways = {"minimise": optuna.study.StudyDirection.MINIMIZE, "maximise": optuna.study.StudyDirection.MAXIMIZE}
    return optuna.create_study(sampler=sampler, directions=[ways[way] for way in search.objectives.values()])


def _distributions(search: Search) -> dict[str, Any]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for name, given in search.space.items():
        if "choices" in given:
            found[name] = CategoricalDistribution(given["choices"])
            continue
        low, high, log, step = given["low"], given["high"], bool(given.get("log", False)), given.get("step")
        if isinstance(low, int) and isinstance(high, int) and (step is None or isinstance(step, int)):
            found[name] = IntDistribution(low, high, log=log, step=step or 1)
        else:
            found[name] = FloatDistribution(float(low), float(high), log=log, step=step)
    return found


def _answer(sampler: optuna.Study, trial: Any, proposal: Proposal) -> None:
    from optuna.trial import TrialState

    if proposal.values is None:
        sampler.tell(trial, state=TrialState.FAIL)
    else:
        sampler.tell(trial, proposal.values)
