"""``equipoise workload``: uses of relaxing hardware with a known truth, run, scored and priced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import claim, console, emit_json, force_option

__all__ = ["command"]


@click.group()
def command() -> None:
    """Run workloads whose exact answer is known: quality against truth, time and energy, beside classical methods."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def list_(as_json: bool) -> None:
    """List every workload, the machines that run it and its sizes; plug-ins too, broken ones with the reason."""
    from equipoise.workloads.registry import WORKLOADS

    broken = WORKLOADS.broken()
    usable = WORKLOADS.usable()
    rows = [
        {
            "name": name, "title": usable[name].title if name in usable else "", "broken": broken.get(name, ""),
            "unit": usable[name].unit if name in usable else "",
            "machines": list(usable[name].machines()) if name in usable else [],
            "sizes": list(usable[name].sizes) if name in usable else [],
        }
        for name in WORKLOADS
    ]  # fmt: skip
    if as_json:
        emit_json({"workloads": rows})
        return
    for row in rows:
        text = row["broken"] or f"{row['title']}; sizes {', '.join(row['sizes'])}; on {', '.join(row['machines'])}"
        console().print(f"{row['name']}  {text}", markup=False, highlight=False)


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def show(name: str, as_json: bool) -> None:
    """Show one workload: sizes with their arguments, machines, controls."""
    import inspect

    from equipoise.workloads.registry import WORKLOADS
    from equipoise.workloads.sizes import parameters_of

    found = WORKLOADS.find(name)
    known = {
        key: {"type": kind.__name__ if kind in (int, float, str, bool) else "several, with colons",
              "default": None if default is inspect.Parameter.empty else default}
        for key, (kind, default) in parameters_of(found).items()
    }  # fmt: skip
    about = inspect.getdoc(inspect.getmodule(type(found))) or inspect.getdoc(type(found)) or ""
    data = {
        "name": name, "title": found.title, "about": about, "unit": found.unit, "machines": list(found.machines()),
        "refused": dict(found.unsuitable), "sizes": {k: dict(v) for k, v in found.sizes.items()}, "parameters": known,
    }  # fmt: skip
    if as_json:
        emit_json(data)
        return
    lines = [f"{name}: {found.title}", "", about, "", f"machines: {', '.join(found.machines())}"]
    lines += [f"refused: {target}, {why}" for target, why in found.unsuitable.items()]
    lines += [f"size {size}: {_arguments(given) or 'the defaults'}" for size, given in found.sizes.items()]
    lines += ["arguments: " + _arguments({key: value["default"] for key, value in known.items()})]
    console().print("\n".join(lines), markup=False, highlight=False)


def _arguments(given: Any) -> str:
    def text(value: Any) -> str:
        return ":".join(f"{v:g}" for v in value) if isinstance(value, (tuple, list)) else str(value)

    return ", ".join(f"{key}={text(value)}" for key, value in given.items())


@command.command()
@click.argument("name")
@click.option(
    "--target", metavar="NAME|FILE.py:NAME", default="auto", show_default=True, help="One of the workload's machines."
)
@click.option("--size", default="small", show_default=True, help="NAME, key=value, or NAME,key=value,...")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--profile", metavar="NAME", help="Hardware profile that prices the counts. Default: the target's.")
@click.option("--out", type=click.Path(path_type=Path), metavar="RECORD.h5", help="Write a record of the run.")
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def run(
    name: str, target: str, size: str, seed: int, profile: str | None, out: Path | None, force: bool, as_json: bool
) -> None:
    """Run workload NAME on one machine, and score it against the truth beside the classical controls.

    NAME is one of ``equipoise workload list``, or path.py:NAME. The page of a record (``equipoise report``) has its
    picture.
    """
    from equipoise.workloads.running import run_workload

    claim({"--out": out}, force=force)
    result = run_workload(name, target, size=size, seed=seed, profile=profile, out=out, overwrite=force)
    if as_json:
        emit_json(result.as_dict())
    else:
        _show(result)


def _show(result: Any) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    screen = Console(highlight=False)
    screen.print(f"{result.workload}, {_arguments(result.size)}, seed {result.seed}", markup=False)
    screen.print(f"truth: {result.truth}", markup=False)
    own = Table("score", "value", "95 % interval", "target", "met", box=None, padding=(0, 2, 0, 0))
    for name, s in result.machine.scores.items():
        target = "" if s.target is None else f"{'<=' if s.better == 'lower' else '>='} {s.target:.4g}"
        spread = "exact" if s.low == s.high == s.value else f"{s.low:.4g} to {s.high:.4g}"
        met = "" if s.met is None else ("yes" if s.met else "no")
        own.add_row(*(Text(cell) for cell in (name, f"{s.value:.6g}", spread, target, met)))
    screen.print(own)
    scores = result.machine.scores
    head = next(iter(scores.values()))
    shown = [name for name, s in scores.items() if head.of and s.of == head.of] or [next(iter(scores))]
    told = [f"at {scores[name].at:g}" if head.of else name for name in shown]
    table = Table(head.of or "answer", *told, f"energy, {result.unit}", f"time, {result.unit}", box=None,
                  padding=(0, 2, 0, 0))  # fmt: skip
    for answer, one in result.answers.items():
        cells = [f"{one.scores[name].value:.4g}" for name in shown]
        priced = ["", ""] if one.role == "truth" else [_priced(one.energy, "J"), _priced(one.latency, "s")]
        table.add_row(*(Text(cell) for cell in (f"{answer} ({one.role})", *cells, *priced)))
    screen.print(table)
    if result.record is not None:
        screen.print(f"record {result.record}", markup=False)


def _priced(estimate: Any, unit: str) -> str:
    return "no price" if estimate.value is None else estimate.text(unit)
