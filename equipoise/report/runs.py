"""What the page shows of one record: how good it was, what it cost on each profile, and its curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from equipoise.targets import profile_of
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from hw_profiles.measured import timed_ledger
from hw_profiles.per_sample import INFERENCE, TRAINING_SAMPLE, Share, shares
from hw_profiles.pricing import Cost, price
from hw_profiles.profile import load_profile
from hw_profiles.reading import one_worker, reading
from hw_profiles.record import Record
from hw_profiles.registry import is_reference
from hw_profiles.sensitivity import Swing, sensitivity

__all__ = ["Quality", "Run", "load_runs"]


@dataclass(frozen=True)
class Quality:
    """The one number that says how good a run was."""

    name: str
    value: float
    higher_is_better: bool

    @property
    def text(self) -> str:
        return f"{100 * self.value:.2f} %" if "accuracy" in self.name else f"{self.value:.6g}"


@dataclass(frozen=True)
class Run:
    """One record, read and priced.

    Attributes:
        costs: profile name -> cost, for every profile that can price these counts.
        refused: profile name -> why it cannot.
        own: the profile of the machine it ran on (a key of one of the two).
        per_sample: what one training sample and one inference took, on its own profile; empty where the record does
            not say how many samples its counts stand for.
    """

    name: str
    path: Path
    kind: str
    status: str
    created: str
    target: dict[str, Any]
    config: dict[str, Any]
    seeds: dict[str, int]
    provenance: dict[str, Any]
    quality: Quality | None
    results: dict[str, tuple[Any, str]]
    tables: dict[str, list[dict[str, Any]]]
    ledger: Ledger
    costs: dict[str, Cost]
    refused: dict[str, str]
    own: str
    per_sample: tuple[Share, ...]

    @property
    def where(self) -> dict[tuple[str, str], dict[Event, int]]:
        """(phase, layer) -> counts, phases and layers in the order they sort; empty where nothing is told apart."""
        found: dict[tuple[str, str], dict[Event, int]] = {}
        for key, count in self.ledger.items():
            row = found.setdefault((key.phase, key.layer), {})
            row[key.event] = row.get(key.event, 0) + count
        return dict(sorted(found.items())) if len(found) > 1 else {}

    @property
    def task(self) -> str:
        """Runs of the same task may be compared in quality."""
        what = self.config.get("problem") or self.config.get("dataset") or self.kind
        return str(what)

    @property
    def cost(self) -> Cost | None:
        """On its own profile."""
        return self.costs.get(self.own)

    @cached_property
    def machine(self) -> Any:
        """Its own profile; None where it is not here, or prices nothing."""
        return _own(self.own) if self.own in self.costs else None

    @cached_property
    def swings(self) -> tuple[Swing, ...]:
        """Which prices of its own profile make the range of its energy."""
        return () if self.machine is None else sensitivity(self.ledger, self.machine)["energy"]


def load_runs(paths: Sequence[Path], profiles: Sequence[str]) -> list[Run]:
    """Read and price every record of ``paths``.

    Raises:
        InputError: no paths, or one that is not a readable record.
    """
    if not paths:
        raise InputError("a report needs at least one record")
    loaded = [load_profile(name) for name in profiles]
    names = _names([Path(path) for path in paths])
    with one_worker():
        return [_run(Path(path), name, loaded) for path, name in zip(paths, names, strict=True)]


def _names(paths: list[Path]) -> list[str]:
    stems = [path.stem for path in paths]
    return [stem if stems.count(stem) == 1 else f"{path.parent.name}/{stem}" for path, stem in zip(paths, stems)]


def _run(path: Path, name: str, profiles: list[Any]) -> Run:
    record = Record.open(path)
    with reading(path, "record", "is it damaged?"):
        return _priced(record, path, name, profiles)


def _priced(record: Record, path: Path, name: str, profiles: list[Any]) -> Run:
    ledger, config, target = timed_ledger(record), record.config, record.target
    own = str(config.get("profile") or profile_of(str(target.get("resolved"))))
    costs: dict[str, Cost] = {}
    refused: dict[str, str] = {}
    extra = [] if own in {profile.name for profile in profiles} else [_own(own)]
    for profile in [*profiles, *(p for p in extra if p is not None)]:
        try:
            cost = price(ledger, profile)
        except InputError as error:
            refused[profile.name] = str(error)
            continue
        if cost.energy.missing and profile.name != own:
            refused[profile.name] = f"no price for {', '.join(cost.energy.missing)}"
        else:
            costs[profile.name] = cost
    units = record.units
    names = {INFERENCE: "samples.inference", TRAINING_SAMPLE: "samples.training_sample"}
    samples = {what: int(record.results.get(name, 0)) for what, name in names.items()}
    machine = _own(own) if own in costs and any(samples.values()) else None
    # Of the record's own counts: the wall time that `timed_ledger` may add belongs to no sample.
    per_sample = () if machine is None else shares(record.ledger, samples, machine)
    return Run(
        name=name,
        path=path,
        kind=record.kind,
        status=record.status,
        created=record.created,
        target=target,
        config=config,
        seeds=record.seeds,
        provenance=record.provenance,
        quality=_quality(record),
        results={key: (value, units.get(key, "")) for key, value in record.results.items()},
        tables=record.tables,
        ledger=ledger,
        costs=costs,
        refused=refused,
        own=own,
        per_sample=per_sample,
    )


def _own(name: str) -> Any:
    if is_reference(name):  # code of others, named by a file of others: never run
        return None
    try:
        return load_profile(name)
    except InputError:  # a profile file that is not here any more
        return None


def _quality(record: Record) -> Quality | None:
    results = record.results
    if "test_accuracy" in results:
        return Quality("test accuracy", float(results["test_accuracy"]), True)
    epochs = record.tables.get("epochs", [])
    accuracies = [row["test_accuracy"] for row in epochs if row.get("test_accuracy") is not None]
    if accuracies:
        return Quality("test accuracy", float(accuracies[-1]), True)
    if "quality_name" in results:  # a workload's headline
        higher = results.get("quality_better") == "higher"
        return Quality(str(results["quality_name"]), float(results["quality"]), higher)
    if "best_cost" in results:
        return Quality("best cost", float(results["best_cost"]), False)
    return None
