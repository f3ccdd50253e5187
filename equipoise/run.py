"""One run, from the choice of a target to a priced record: what solving, training, studies and the demo share.

    run = Run.prepare("auto", "qubo", out="run.h5")           # refuses what can be refused; nothing is written
    machine = run.choice.target.make("qubo", problem, ...)
    with run.recording("qubo", config=..., seeds=...):         # the record is there, whatever happens now
        run.ledger.merge(...)                                  # the work
        return Result(..., **run.finish("complete"))           # counts, times and prices; the record is closed

Ctrl-C and SIGTERM raise `KeyboardInterrupt` inside the block; an error closes the record as ``failed``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equipoise.targets import Target, TargetChoice, Work, choose_target, given
from hw_profiles.grades import Estimate
from hw_profiles.interrupts import held, interruptible
from hw_profiles.later import Later
from hw_profiles.ledger import Ledger
from hw_profiles.notebook import card, inline_svg
from hw_profiles.output import check_outputs

if TYPE_CHECKING:
    from hw_profiles.pricing import Cost
    from hw_profiles.record import Record
    from hw_profiles.schema import ProfileModel
    from substrates.base import RelaxationSubstrate

__all__ = ["Run", "RunResult"]


@dataclass(frozen=True, eq=False, kw_only=True)
class RunResult:
    """What every run gives back.

    Attributes:
        status: ``complete``, ``stopped early`` or ``interrupted``.
        target: asked for, taken, and why.
        profile: name of the hardware profile that prices the counts.
        priced: the counts' price, looked up when it is first asked for.
        wall_s: seconds the whole call took here.
        work_s: seconds of it that were the work itself: annealing, or the epochs.
        ledger: the counts.
        record: where the record is, if one was written.
    """

    status: str
    target: TargetChoice
    profile: str
    priced: Later[Cost] = field(repr=False)
    wall_s: float
    work_s: float
    ledger: Ledger
    record: Path | None

    @property
    def energy(self) -> Estimate:
        """J on the machine, with range and grade, or what had no price."""
        return self.priced.value.energy

    @property
    def latency(self) -> Estimate:
        """Seconds on the machine, likewise."""
        return self.priced.value.latency

    def _about(self) -> list[tuple[str, object]]:
        """What a kind of run adds to its card in a notebook."""
        return []

    def plot(self) -> Any:
        """A matplotlib figure of the result; None where there is nothing to draw."""
        return None

    def _repr_html_(self) -> str:
        """For notebooks: the result, what it cost, a picture."""
        rows = [*self._about(), ("target", self.target.resolved), ("status", self.status), ("profile", self.profile)]
        rows += [("energy", self.energy.text("J")), ("time on the machine", self.latency.text("s"))]
        figure = self.plot()
        return card(type(self).__name__, rows, "" if figure is None else inline_svg(figure))

    def run_dict(self) -> dict[str, Any]:
        """These fields as the command line prints them."""
        return {
            "status": self.status,
            "target": self.target.as_dict(),
            "profile": self.profile,
            "energy_j": self.energy.as_dict(),
            "latency_s": self.latency.as_dict(),
            "wall_s": self.wall_s,
            "work_s": self.work_s,
            "record": None if self.record is None else str(self.record),
        }


@dataclass
class Run:
    """One run in progress; make one with `Run.prepare`.

    Attributes:
        choice: the target.
        profile: the prices of its counts; ``asked_profile`` finds them again, a name or a file.
        out: where the record goes, if anywhere.
        force: what is there may be replaced.
        ledger: everything counted so far.
        record: open inside `recording`.
        work_s: seconds of work so far.
    """

    choice: TargetChoice
    profile: ProfileModel
    asked_profile: str
    out: Path | None = None
    force: bool = False
    ledger: Ledger = field(default_factory=Ledger)
    record: Record | None = None
    work_s: float = 0.0
    _began: float = field(default_factory=time.perf_counter)

    @classmethod
    def prepare(
        cls,
        target: str | Target,
        work: Work,
        *,
        profile: str | None = None,
        out: str | Path | None = None,
        also: Mapping[str, Path | None] | None = None,
        force: bool = False,
        goes_on: tuple[str, ...] = (),
        machine: RelaxationSubstrate | None = None,
    ) -> Run:
        """Choose the target, load the prices and make sure of the outputs.

        Args:
            target: see `choose_target`.
            work: what it is for.
            profile: hardware profile; the target's own when None or empty.
            out: record to write.
            also: further outputs, by what they are called.
            force: outputs that are there may be replaced.
            goes_on: outputs that may be there because the run goes on with them.
            machine: one that was built by hand, instead of the target's.

        Raises:
            InputError: something cannot be used.
        """
        from hw_profiles.profile import load_profile  # late: pydantic takes a tenth of a second

        if machine is None:
            choice = choose_target(target, work)
        else:
            choice = TargetChoice(str(target), given(machine.capabilities.name), "the machine was given")
        profile = str(profile or choice.target.profile)
        prices = load_profile(profile)
        check_outputs({"out": out, **(also or {})}, force=force, goes_on=goes_on)
        return cls(choice, prices, profile, None if out is None else Path(out), force)

    @contextmanager
    def recording(
        self,
        kind: str,
        *,
        config: Mapping[str, Any],
        seeds: Mapping[str, int],
        inputs: Mapping[str, Any] | None = None,
        name: str = "",
        goes_on: Callable[[Record], bool] | None = None,
    ) -> Iterator[Record | None]:
        """Keep a record while the block runs, and close it with what became of the run; see `Record.create`."""
        from hw_profiles.record import Record  # late: h5py takes a tenth of a second

        with interruptible():
            if self.out is None:
                yield None
                return
            settings = {**config, "profile": self.asked_profile}
            try:
                with (
                    held() as starting,  # an interrupt finds either no record or one that it closes
                    Record.create(
                        self.out, kind=kind, config=settings, seeds=seeds, target=self.choice.as_dict(), inputs=inputs,
                        overwrite=self.force, run=name, goes_on=goes_on,
                    ) as self.record,
                ):  # fmt: skip
                    starting.release()
                    yield self.record
            except KeyboardInterrupt:
                if self.record is not None:  # it came after the block, before the closing
                    self.record.close("interrupted")
                raise

    @contextmanager
    def working(self) -> Iterator[None]:
        """Count the time of the block as work."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.work_s += time.perf_counter() - began

    def cost(self) -> Cost:
        """The counts so far, priced."""
        return _price(self.ledger, self.profile)

    def finish(self, status: str) -> dict[str, Any]:
        """Write counts and times, close the record, and return the fields of a `RunResult`.

        Prices are looked up when somebody asks, but for a fitted profile, which may refuse the counts.

        Args:
            status: ``complete``, ``stopped early`` (complete, as records have it) or ``interrupted``.

        Raises:
            InputError: the counts are outside the range of a fitted profile's data.
        """
        priced = Later(partial(_price, self.ledger.copy(), self.profile))
        if self.profile.validity:
            _ = priced.value
        wall = time.perf_counter() - self._began
        path = None
        if self.record is not None:
            self.record.set_ledger(self.ledger)
            self.record.result("work_time", self.work_s, "s")
            self.record.result("wall_time", wall, "s")
            self.record.close("complete" if status == "stopped early" else status)
            path = self.record.path
        return {
            "status": status,
            "target": self.choice,
            "profile": self.profile.name,
            "priced": priced,
            "wall_s": wall,
            "work_s": self.work_s,
            "ledger": self.ledger,
            "record": path,
        }


def _price(ledger: Ledger, profile: ProfileModel) -> Cost:
    from hw_profiles.pricing import price  # late: pydantic

    return price(ledger, profile)
