"""What the machine itself says: clocks, energy counters, and Lava's profiler, in one form.

The processor's energy comes from the powercap counters where Linux offers them and we may read them; where it does
not, no energy is made up here: pricing on ``this-machine`` then multiplies the time by an assumed power, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.ledger import Component, Event, Ledger

if TYPE_CHECKING:
    from hw_profiles.record import Record

__all__ = ["Measurement", "Rail", "from_lava", "measure", "timed_ledger"]

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Rail:
    """One supply: the processor package, memory, or a chip's VDD, VDD-M, VDD-IO.

    Dynamic energy may be negative: on short runs it is below the noise of the static power taken off it.
    """

    name: str
    energy_j: float
    static_j: float | None = None

    @property
    def dynamic_j(self) -> float | None:
        """Energy above the static part, where that is known."""
        return None if self.static_j is None else self.energy_j - self.static_j


@dataclass
class Measurement:
    """Clocks and rails of one run.

    Attributes:
        wall_ns, cpu_ns: by the clock on the wall; processor time of this process, all threads.
        rails: energy per supply; empty when no counter could be read.
        method: how the energy was had, in words; kept with the figures.
    """

    wall_ns: int = 0
    cpu_ns: int = 0
    rails: tuple[Rail, ...] = field(default=())
    method: str = ""

    def __add__(self, other: Measurement) -> Measurement:
        """Both, one after the other; rails of one name are added, their static part where both have it."""
        rails = {rail.name: rail for rail in self.rails}
        for rail in other.rails:
            mine = rails.get(rail.name)
            if mine is None:
                rails[rail.name] = rail
                continue
            known = mine.static_j is not None and rail.static_j is not None
            static = (mine.static_j or 0.0) + (rail.static_j or 0.0) if known else None
            rails[rail.name] = Rail(rail.name, mine.energy_j + rail.energy_j, static)
        wall, cpu = self.wall_ns + other.wall_ns, self.cpu_ns + other.cpu_ns
        return Measurement(wall, cpu, tuple(rails.values()), self.method or other.method)

    @property
    def energy_j(self) -> float | None:
        """Sum over the rails, or None when nothing was measured."""
        return sum(rail.energy_j for rail in self.rails) if self.rails else None

    def ledger(self, phase: str = "") -> Ledger:
        """The measurement as counts, for pricing on a processor's profile."""
        ledger = Ledger()
        ledger.add(Event.WALL_NANOSECONDS, self.wall_ns, component=Component.PROCESSOR, phase=phase)
        ledger.add(Event.CPU_NANOSECONDS, self.cpu_ns, component=Component.PROCESSOR, phase=phase)
        for rail in self.rails:
            ledger.add(
                Event.MEASURED_MICROJOULES,
                round(rail.energy_j * 1e6),
                component=Component.RAIL,
                layer=rail.name,
                phase=phase,
            )
        return ledger

    def write(self, record: Record) -> None:
        """Keep every column in ``record``."""
        record.result("measured.wall", self.wall_ns * 1e-9, "s", grade="measured")
        record.result("measured.cpu", self.cpu_ns * 1e-9, "s", grade="measured")
        record.result("measured.method", self.method)
        for rail in self.rails:
            for name, value in (("total", rail.energy_j), ("static", rail.static_j), ("dynamic", rail.dynamic_j)):
                if value is not None:
                    record.result(f"measured.{rail.name}.{name}", value, "J", grade="measured")


@contextmanager
def measure(folder: Path = POWERCAP) -> Iterator[Measurement]:
    """Measure what happens inside the block; the measurement is complete when the block ends."""
    result = Measurement()
    zones = _zones(folder)
    before = {name: _read(path / "energy_uj") for name, path in zones.items()}
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    try:
        yield result
    finally:
        result.wall_ns, result.cpu_ns = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        rails = []
        for name, path in zones.items():
            start, end = before[name], _read(path / "energy_uj")
            if start is None or end is None:
                continue
            if end < start:  # the counter wrapped
                end += _read(path / "max_energy_range_uj") or 0
            if end >= start:
                rails.append(Rail(name, (end - start) * 1e-6))
        result.rails = tuple(rails)
        result.method = (
            "powercap counters of the whole package, other processes included"
            if rails
            else "no readable energy counter on this machine: energy is power times time, with an assumed power"
        )


def _zones(folder: Path) -> dict[str, Path]:
    """Top zones (packages) and their memory zones; a core zone is inside its package and is left out."""
    found: dict[str, Path] = {}
    for path in sorted(folder.glob("intel-rapl:*")) if folder.is_dir() else []:
        try:
            name = (path / "name").read_text().strip()
        except OSError:
            continue
        top = path.name.count(":") == 1
        if (top and name.startswith("package")) or (not top and name == "dram"):
            found[name if name not in found else f"{name}@{path.name}"] = path
    return {name: path for name, path in found.items() if _read(path / "energy_uj") is not None}


def _read(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def from_lava(power: Any, execution_time: Any, steps: int) -> Measurement:
    """The same columns from Lava's profilers on real Loihi 2.

    Args:
        power: ``Loihi2Power`` after a run: ``vdd_power``, ``vddm_power``, ``vddio_power`` and ``static_`` of each, W.
        execution_time: ``Loihi2ExecutionTime`` after a run: ``avg_time_per_step``, us.
        steps: steps of the run.
    """
    seconds = float(execution_time.avg_time_per_step) * 1e-6 * steps
    rails = []
    for name, attribute in (("VDD", "vdd_power"), ("VDD-M", "vddm_power"), ("VDD-IO", "vddio_power")):
        total = _mean(getattr(power, attribute))
        static = _mean(getattr(power, f"static_{attribute}", None))
        if total is not None:
            rails.append(Rail(name, total * seconds, None if static is None else static * seconds))
    return Measurement(round(seconds * 1e9), 0, tuple(rails), "Lava profiler: board power per rail times run time")


def _mean(value: Any) -> float | None:
    if value is None:
        return None
    values = list(value) if hasattr(value, "__len__") else [value]
    return float(sum(values) / len(values)) if values else None


#: targets that are processors themselves: what they ran is a processor's own work
PROCESSORS = ("ideal", "cpu", "this-machine")


def timed_ledger(record: Record) -> Ledger:
    """The counts of a record; where a processor ran its own work, with the wall time beside them to price it by.

    The time of *simulating* a chip is no processor's cost: a processor would run another program. Records of simulated
    chips get no time, and a processor's profile refuses them (`equipoise compare` runs that other program).
    """
    ledger, results = record.ledger, record.results
    own = record.target.get("resolved", PROCESSORS[0]) in PROCESSORS
    if own and not ledger.total(Event.WALL_NANOSECONDS):
        # Written by `measure`, by a run; the rest by runs of versions before 0.2.
        names = ("measured.wall", "work_time", "sampling_time", "wall_time")
        seconds = next((results[name] for name in names if name in results), None)
        if seconds is None:
            seconds = sum(float(row.get("seconds") or 0.0) for row in record.tables.get("epochs", []))
        ledger.add(Event.WALL_NANOSECONDS, round(float(seconds) * 1e9), component=Component.PROCESSOR)
    if not ledger.total(Event.MEASURED_MICROJOULES):
        for name, joules in results.items():
            if name.startswith("measured.") and name.endswith(".total"):
                where: dict[str, Any] = {"component": Component.RAIL, "layer": name.split(".")[1]}
                ledger.add(Event.MEASURED_MICROJOULES, round(float(joules) * 1e6), **where)
    return ledger
