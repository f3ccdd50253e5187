"""``equipoise train``: train a network by equilibrium propagation on a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import Field
from pathlib import Path
from typing import Any, get_type_hints

import click
from click.core import ParameterSource

from equipoise.cli._common import TargetOption, claim, console, emit_json, progress
from equipoise.cli._named import NamedOption
from equipoise.training.options import GROUPS, choices_of, flag_of, options_of

__all__ = ["command"]


def _option(group: str, one: Field[Any]) -> Callable[[Any], Any]:
    """A click option for one of a group's: name, type, help, default and choices are the group's own."""
    about, hint = one.metadata, get_type_hints(GROUPS[group])[one.name]
    usual = about["usual"] or ("" if isinstance(one.default, (bool, type(None))) else str(one.default))
    arguments: dict[str, Any] = {
        "help": " ".join(filter(None, (about["text"], usual and f"[default: {usual}]"))),
        "hidden": about.get("hidden", False),
        "metavar": about.get("metavar"),
    }
    words = choices_of(GROUPS[group], one.name)
    if hint is bool:
        flags = flag_of(one.name) + (f"/{flag_of(about['off'])}" if about["off"] else "")
        return click.option(flags, is_flag=True, default=one.default, **arguments)
    if about["kind"]:
        named: dict[str, Any] = {"cls": NamedOption, "kind": about["kind"]}
        if "work" in about:
            named = {"cls": TargetOption, "work": about["work"]}
        del arguments["metavar"]  # that of a name
        return click.option(flag_of(one.name), default=None, **named, **arguments)
    plain = next((kind for kind in (int, float, Path) if hint in (kind, kind | None)), str)
    arguments["type"] = click.Choice(words) if words else str if about.get("metavar") else plain
    return click.option(flag_of(one.name), default=None, **arguments)


def _options(function: Any) -> Any:
    for group in reversed(GROUPS):
        for one in reversed(list(options_of(group))):
            function = _option(group, one)(function)
    return function


class _Grouped(click.Command):
    """A command whose help lists the options by group."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {one.name: one.get_help_record(ctx) for one in self.get_params(ctx) if isinstance(one, click.Option)}
        for group, own in GROUPS.items():
            with formatter.section(f"{(own.__doc__ or '').rstrip('.')} [{group}]"):
                formatter.write_dl([row for one in options_of(group) if (row := records.pop(one.name))])
        with formatter.section("Options"):
            formatter.write_dl([row for row in records.values() if row])


@click.command(
    cls=_Grouped,
    epilog="equipoise train --target analog --homeostasis 1 --save-config run.toml writes a run file; "
    "equipoise train run.toml --seed 7 runs it with another seed.",
)
@click.argument("run_file", required=False, metavar="[RUN.toml]", type=click.Path(path_type=Path))
@_options
@click.option("--save-config", type=click.Path(path_type=Path), help="Write these options as a run file, and end.")
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Show the epochs in TensorBoard.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    run_file: Path | None,
    save_config: Path | None,
    tensorboard: Path | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Train a network by equilibrium propagation.

    Options come from RUN.toml, where one is given, and from the command line, which comes first. Forward and backward
    weights are independent (their angle at the start is --angle); --homeostasis pulls them together. The same seed
    gives the same bits, on any number of threads.
    """
    from equipoise.training.callbacks import TensorBoard
    from equipoise.training.run_file import config_from, read_run_file, run_file_text
    from equipoise.training.team import leads_here
    from equipoise.training.trainer import train
    from hw_profiles.errors import Interrupted
    from hw_profiles.output import write_output

    given = {n: value for n, value in options.items() if ctx.get_parameter_source(n) is not ParameterSource.DEFAULT}
    if given.get("nudge") not in (None, "auto"):
        given["nudge"] = _number(given["nudge"])
    config = config_from({**(read_run_file(run_file) if run_file is not None else {}), **given})
    if save_config is not None:
        write_output(save_config, run_file_text(config).encode(), force=config.force)
        if as_json:
            emit_json({"run_file": save_config})
        else:
            text = f"{save_config}: a run file; equipoise train {save_config} runs it"
            console().print(text, markup=False, highlight=False, soft_wrap=True)
        return 0
    goes_on = ("--out", "--checkpoint") if config.resume else ()
    leads = leads_here(config.processes)
    if leads:
        claim({"--out": config.out, "--checkpoint": config.checkpoint_path}, force=config.force, goes_on=goes_on)
    boards = [] if tensorboard is None or not leads else [TensorBoard(tensorboard)]
    out = console(quiet=not leads)
    with progress(enabled=leads and not as_json) as display:
        task = display.add_task("training")

        def show(news: dict[str, Any]) -> None:
            if news.get("done"):
                out.print(
                    f"epoch {news['epoch']:>3}/{news['epochs']}  loss {news['train_loss']:.4f}  "
                    f"test {100 * news['test_accuracy']:.2f} %  settled {100 * news['converged_fraction']:.1f} %  "
                    f"cosine {' '.join(f'{c:.2f}' for c in news['gradient_cosine'])}  {news['seconds']:.1f} s"
                )
            else:
                total = news["batches"] * news["epochs"]
                done = (news["epoch"] - 1) * news["batches"] + news["batch"]
                display.update(task, description=f"epoch {news['epoch']}", total=total, completed=done)

        try:
            result = train(config, [show, *boards])
        except Interrupted as interrupted:  # the API raises; here what was done is shown, and the exit code says it
            result = interrupted.result
    where = f"{result.target.resolved} ({result.status})"
    out.print(f"test accuracy {100 * result.test_accuracy:.2f} % on {where}", markup=False)
    if result.record is not None:
        out.print(f"record {result.record}", markup=False, highlight=False)
    if as_json and leads:
        emit_json(result.as_dict())
    return 130 if result.status == "interrupted" else 0


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # refused with the other values
