"""``equipoise qubo``: generate, convert and solve QUBO problems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equipoise.cli._common import claim, console, emit_json, force_option, target_option
from equipoise.cli._named import NamedOption
from equipoise.cli.generate import generate
from hw_profiles.errors import InputError

if TYPE_CHECKING:
    from equipoise.qubo.solution import Solution

__all__ = ["command"]


@click.group()
def command() -> None:
    """Generate, convert and solve QUBO problems."""


def _temperature(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, float] | None:
    if value is None:
        return None
    try:
        high, low = (float(part) for part in value.split(","))
    except ValueError:
        raise InputError(f"--temperature {value!r}: expected HIGH,LOW, two numbers such as 4,1") from None
    return high, low


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_", cls=NamedOption, kind="format", also=("auto",), default="auto", help="Of FILE.")
@click.option("--as", "kind", metavar="PROBLEM", help="Asked of a graph: mis, cover, maxcut, colouring, weights.")
@target_option("qubo", "auto")
@click.option(
    "--scheme", default="two-phase", show_default=True,
    help="Of the Loihi 2 annealer: two-phase, refractory, nebm, or eviction (independent sets).",
)  # fmt: skip
@click.option(
    "--method", cls=NamedOption, kind="method", also=("auto",), help="Search on this processor instead (target cpu)."
)
@click.option("--steps", type=int, help="Steps per read. Default: 10^8 over the number of variables, 1000 to 50000.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Seconds of annealing, all reads together.")
@click.option("--target-cost", type=float, metavar="C", help="Stop a read at this cost (minimised) or below.")
@click.option("--reads", type=int, default=1, show_default=True, help="Independent anneals.")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--temperature", callback=_temperature, metavar="HIGH,LOW", help="In units of the cost. Default: from the problem."
)
@click.option("--threads", type=int, default=1, show_default=True, help="Reads annealed at once; same results.")
@click.option("--profile", metavar="NAME", help="Hardware profile that prices the counts. Default: the target's.")
@click.option("--out", type=click.Path(path_type=Path), metavar="RECORD.h5", help="Write a record of the run.")
@click.option("--force", "overwrite", is_flag=True, help="Replace a record that is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def solve(file: Path, format_: str, kind: str | None, as_json: bool, **settings: Any) -> None:
    """Minimise the problem in FILE.

    Formats are recognised from the content; gzip is read as it is. With neither --steps nor --timeout the number of
    steps follows from the problem's size, so that two runs with the same seed give the same result anywhere.
    Ctrl-C ends the annealing and reports what was found.
    """
    from equipoise.qubo.formats import read_model
    from equipoise.qubo.problem import Problem

    out = settings.pop("out")
    claim({"--out": out}, force=settings["overwrite"], inputs={"FILE": file})
    problem = read_model(file, format_, kind)
    if not isinstance(problem, Problem):
        from equipoise.cli.constrained import solve_and_show

        solve_and_show(problem, out, settings, as_json)
        return
    if "asymmetric" in problem.convention:
        click.echo(f"equipoise: note: {file.name} is read as {problem.convention}", err=True)
    solution = _solve_with_progress(problem, out, settings)
    if as_json:
        emit_json(solution.as_dict())
    else:
        _show(solution)
    if solution.status == "interrupted":
        raise KeyboardInterrupt


def _solve_with_progress(problem: Any, out: Path | None, settings: dict[str, Any]) -> Solution:
    """Solve; Ctrl-C asks the annealing to end, a second one ends the program."""
    import signal
    import threading

    from equipoise.qubo.solving import solve as run

    asked = threading.Event()

    def ask(number: int, frame: Any) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, ask) if main else None
    try:
        with _Progress(settings["reads"], settings["timeout"]) as shown:
            return run(
                problem, out=out, progress=shown.read, should_stop=lambda: shown.tick() or asked.is_set(), **settings
            )
    finally:
        if main:
            signal.signal(signal.SIGINT, before)


class _Progress:
    """A bar on a terminal, from the second second on."""

    def __init__(self, reads: int, timeout: float | None) -> None:
        import sys
        import time

        self.reads, self.timeout = reads, timeout
        self.on = sys.stderr.isatty()
        self._clock = time.monotonic
        self._began = self._last = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._done = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *error: Any) -> None:
        if self._bar is not None:
            self._bar.stop()

    def read(self, done: int, best: float | None) -> None:
        self._done = done
        self.tick(f"annealing, best cost {best}")

    def tick(self, text: str | None = None) -> bool:
        """Called often; returns False so that it can stand in an ``or``."""
        now = self._clock()
        if not self.on or now - self._began < 1.5 or (now - self._last < 0.1 and text is None):
            return False
        self._last = now
        if self._bar is None:
            from rich.progress import Progress

            self._bar = Progress(console=console(), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("annealing", total=self.timeout or self.reads)
        done = min(now - self._began, self.timeout) if self.timeout else self._done
        self._bar.update(self._task, completed=done, **({"description": text} if text else {}))
        return False


def _show(solution: Solution) -> None:
    """A small table for people, on standard output."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    problem = solution.problem
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows = [
        ("problem", f"{problem.name}: {problem.num_variables} variables, {problem.num_pairs} pairs"),
        ("read as", problem.convention),
        (
            "best cost",
            f"{solution.best_cost}" + ("" if problem.sense == "minimise" else f" (objective {solution.objective})"),
        ),
        ("reads, steps", f"{solution.reads} of {int(solution.steps.max(initial=0))} ({solution.scheme})"),
        (
            "target",
            f"{solution.target.resolved} (asked for {solution.target.requested}: {solution.target.reason})",
        ),
        ("weights", _quantised(solution.quantisation)),
        ("time here", f"{solution.work_s:.3g} s of annealing, {solution.wall_s:.3g} s in all"),
        (f"on {solution.profile}", f"{solution.energy.text('J')}, {solution.latency.text('s')}"),
    ]
    if solution.target_reached is not None:
        rows.insert(3, ("target cost", "reached" if solution.target_reached else "not reached"))
    if solution.record is not None:
        rows.append(("record", str(solution.record)))
    if problem.num_variables <= 80:
        rows.append(("solution", solution.bits))
    for name, text in rows:
        table.add_row(Text(name), Text(text))
    Console(highlight=False).print(table)


def _quantised(quantisation: dict[str, Any]) -> str:
    if quantisation["exact"]:
        return "exact"
    return f"rounded; the machine's cost is off by at most {quantisation['max_error']:.3g} (costs shown are exact)"


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", "format_", cls=NamedOption, kind="format", also=("auto",), default="auto", help="Of FILE.")
@click.option("--to", cls=NamedOption, kind="format", help="Of OUT. Default: from its suffix.")
@force_option
def convert(file: Path, out: Path, format_: str, to: str | None, force: bool) -> None:
    """Write the problem in FILE as OUT, in another format (.gz compresses)."""
    from equipoise.qubo.formats import read, write

    claim({"OUT": out}, force=force, inputs={"FILE": file})
    problem = read(file, format_)
    write(problem, out, to, overwrite=force)
    click.echo(f"{out}: {problem.num_variables} variables, {problem.num_pairs} pairs", err=True)


command.add_command(generate)
