"""A conformance kit for workloads: what a user may rely on, checked in one call.

    from equipoise.testing import check_workload
    check_workload(MyWorkload(), size="small")

Every check raises AssertionError with a sentence. It does not prove that the truth is true: hold that against an
enumeration of your own.
"""

from __future__ import annotations

import math
from typing import Any

from equipoise.workloads.interface import Score, Workload
from equipoise.workloads.registry import WORKLOADS
from equipoise.workloads.running import run_workload
from equipoise.workloads.sizes import parse_size
from hw_profiles.errors import InputError

__all__ = ["check_workload"]


def check_workload(workload: Workload, target: str = "auto", size: str = "small", *, seed: int = 3) -> None:
    """Run ``workload`` on ``target`` and check its promises.

    Raises:
        AssertionError: says which promise was broken.
    """
    assert WORKLOADS.accept is not None
    WORKLOADS.accept(workload, "the workload")
    _runs(workload, target, size, seed)
    _truth(workload, size, seed)
    _refuses(workload)
    _draws(workload, target, size, seed)


def _runs(workload: Workload, target: str, size: str, seed: int) -> None:
    one, two = (run_workload(workload, target, size=size, seed=seed) for _ in range(2))
    other = run_workload(workload, target, size=size, seed=seed + 1)
    figures = [
        [(r["answer"], r["score"], r["value"], r["low"], r["high"]) for r in found.tables["scores"]]
        for found in (one, two, other)
    ]
    assert repr(figures[0]) == repr(figures[1]), "two runs with one seed gave other scores"
    roles = {answered.role for answered in one.answers.values()}
    assert {"classical", "trivial"} <= roles, f"the controls are {sorted(roles)}; one classical and one trivial are due"
    head, first = next(iter(one.machine.scores.items()))
    assert not math.isnan(first.value), f"the headline, {head}, could not be had"
    for name, answered in one.answers.items():
        assert list(answered.scores) == list(one.machine.scores), f"{name} has other scores than the machine"
        for score, s in answered.scores.items():
            _score(f"{score} of {name}", s)
    assert one.energy.value is not None, f"no energy: no price for {', '.join(one.energy.missing)}"
    assert one.energy.value > 0, "a machine ran and took no energy: its counts are missing"
    assert one.latency.value, "a machine ran and took no time: its counts are missing"
    assert one.units == other.units, "the number of units depends on the seed"


def _score(name: str, s: Score) -> None:
    assert isinstance(s, Score), f"{name} is {s!r}; expected a Score"
    if math.isnan(s.value):
        return
    wrong = (not math.isnan(s.low) and s.low > s.value + 1e-12) or (not math.isnan(s.high) and s.high < s.value - 1e-12)
    assert not wrong, f"{name} is {s.value}, outside its interval {s.low} to {s.high}"


def _truth(workload: Workload, size: str, seed: int) -> None:
    instance = workload.instance(seed, **parse_size(workload, size))
    truth = workload.truth(instance)
    assert truth.how, "the truth does not say how it was found"
    missed = [name for name, s in workload.score(instance, truth, truth.answer).items() if s.met is False]
    assert not missed or not truth.exact, f"the truth itself misses the target of {', '.join(missed)}"


def _refuses(workload: Workload) -> None:
    for wrong in ("no such size", "no_such_argument=1"):
        try:
            parse_size(workload, wrong)
        except InputError:
            continue
        raise AssertionError(f"the size {wrong!r} was taken")
    machines = workload.machines()
    assert machines, "it runs on no machine"
    for name in workload.unsuitable:
        assert name not in machines, f"{name} is unsuitable and among the machines"


def _draws(workload: Workload, target: str, size: str, seed: int) -> None:
    from matplotlib.figure import Figure

    tables = run_workload(workload, target, size=size, seed=seed).tables
    figure = Figure()
    axes: Any = figure.subplots(1, workload.panels)
    words = workload.picture(axes, tables)
    assert isinstance(words, str), f"picture() returned {words!r}; expected words for those who cannot see it"
    assert words, "picture() returned no words for those who cannot see it"
    marks = [artist for one in figure.axes for artist in (*one.lines, *one.collections, *one.images, *one.patches)]
    assert marks, "the picture is empty"
