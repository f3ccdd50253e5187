"""``equipoise train``: train a network by equilibrium propagation on a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from equipoise.cli._common import claim, console, emit_json, force_option, progress, target_option
from equipoise.cli._named import NamedOption

__all__ = ["command"]


@click.command()
@click.option("--dataset", cls=NamedOption, kind="data set", default="digits", show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Folder of the data set's files.")
@click.option("--layers", metavar="784-256-256-10", help="Layer sizes, input first. [default: the data set's]")
@click.option("--activation", cls=NamedOption, kind="activation", default="logistic", show_default=True)
@target_option("network", "ideal")
@click.option("--estimator", cls=NamedOption, kind="estimator", default="centered", show_default=True)
@click.option("--points", default=2, show_default=True, help="N of cauchy and oscillation.")
@click.option("--nudge", default="0", metavar="B|auto", help="Nudge |beta|, or auto to adapt. [default: the target's]")
@click.option(
    "--nudge-force",
    type=click.Choice(("following", "held", "normalised")),
    help="Follows the output, is held, or held at one size for all samples (best with noise). [default: the target's]",
)
@click.option("--angle", default=90.0, show_default=True, help="Degrees between forward and backward weights at start.")
@click.option("--feedback-scale", default=1.0, show_default=True, help="Backward over forward weights' size.")
@click.option("--tied", is_flag=True, help="One weight for both directions.")
@click.option("--homeostasis", default=0.0, show_default=True, help="Coefficient of the Jacobian homeostasis.")
@click.option("--homeostasis-end", type=float, help="Coefficient at the end of the run. [default: the same]")
@click.option(
    "--homeostasis-method",
    default="closed-form",
    show_default=True,
    type=click.Choice(("closed-form", "jacobian-vector", "noise-correlation", "weight-decay")),
)
@click.option(
    "--combination",
    default="sum",
    show_default=True,
    type=click.Choice(("sum", "decoupled", "conflict-free")),
    help="Of task and homeostasis; decoupled: outside the optimizer, coefficient 0 to 0.5 (sampled methods 0.1).",
)
@click.option("--correction", default="none", show_default=True, type=click.Choice(("none", "asymep", "dyadic")))
@click.option("--free-steps", default=100, show_default=True, help="Most steps of the free phase.")
@click.option("--nudge-steps", default=40, show_default=True, help="Most steps of each nudged phase.")
@click.option("--tolerance", default=1e-4, show_default=True, help="Residual at which a phase ends; 0 runs all steps.")
@click.option("--unsettled", default="drop", show_default=True, type=click.Choice(("drop", "down-weight", "keep")))
@click.option("--epochs", default=0, help="[default: the data set's]")
@click.option("--batch-size", default=0, help="[default: the data set's]")
@click.option("--optimizer", default="adamw", show_default=True, type=click.Choice(("sgd", "adamw")))
@click.option("--lr", default=0.0, help="Learning rate. [default: the optimizer's]")
@click.option("--weight-decay", default=0.0, show_default=True)
@click.option("--cosine/--constant", default=True, show_default=True, help="Learning rate over the run.")
@click.option("--patience", default=0, show_default=True, help="Stop after so many epochs without gain; 0 never.")
@click.option("--train-samples", type=int, help="Use the first so many.")
@click.option("--test-samples", type=int, help="Use the first so many.")
@click.option("--augment", is_flag=True, help="Flip and shift colour images while training.")
@click.option(
    "--chip",
    metavar="NAME|FILE",
    help="Machine settings: an analog preset (pcm-2019, ...), a .toml or .json file.",
)
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="", metavar="cpu|cuda|auto", help="Where torch computes. [default: cpu]")
@click.option("--precision", default="float32", show_default=True, type=click.Choice(("float32", "tf32")))
@click.option("--profile", default="", help="Hardware profile for energy and latency. [default: the target's]")
@click.option("--out", type=click.Path(path_type=Path), help="Record (HDF5) to write.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Where to keep it. [default: beside the record]")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint, bit for bit.")
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    as_json: bool, layers: str | None, nudge: str, nudge_force: str | None, chip: str | None, **options: Any
) -> int:
    """Train a network by equilibrium propagation.

    Forward and backward weights are independent (their angle at the start is --angle); --homeostasis pulls them
    together. Runs on one thread; the same seed gives the same bits.
    """
    from equipoise.training.config import TrainConfig, parse_layers
    from equipoise.training.trainer import train
    from hw_profiles.errors import Interrupted

    adaptive, size = _nudge(nudge)
    config = TrainConfig(
        layers=parse_layers(layers) if layers else (),
        nudge=size,
        adaptive=adaptive,
        nudge_force=nudge_force or "",
        chip=_chip(chip, options["target"]),
        **options,
    )
    goes_on = ("--out", "--checkpoint") if config.resume else ()
    claim({"--out": config.out, "--checkpoint": config.checkpoint_path}, force=config.force, goes_on=goes_on)
    out = console()
    with progress(enabled=not as_json) as display:
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
            result = train(config, show)
        except Interrupted as interrupted:  # the API raises; here what was done is shown, and the exit code says it
            result = interrupted.result
    where = f"{result.target.resolved} ({result.status})"
    out.print(f"test accuracy {100 * result.test_accuracy:.2f} % on {where}", markup=False)
    if result.record is not None:
        out.print(f"record {result.record}", markup=False, highlight=False)
    if as_json:
        emit_json(result.as_dict())
    return 130 if result.status == "interrupted" else 0


def _nudge(text: str) -> tuple[bool, float]:
    from hw_profiles.errors import InputError

    if text == "auto":
        return True, 0.0
    try:
        return False, float(text)
    except ValueError:
        raise InputError(f"nudge {text!r}; expected a number above zero, or auto") from None


def _chip(chip: str | None, target: str) -> dict[str, Any]:
    """The machine's settings: a preset's or, from a JSON or TOML file, any target's (a table ``parameters`` or all)."""
    if chip is None:
        return {}
    from hw_profiles.errors import InputError
    from hw_profiles.reading.settings import read_json, read_toml
    from hw_profiles.texts import shown
    from substrates.analog import load_preset

    path = Path(chip)
    if path.suffix not in (".json", ".toml"):
        if target != "analog":
            raise InputError(f"--chip {chip}: an analog preset, but the target is {target}; give a .toml or .json file")
        return load_preset(chip).as_dict()
    what, fix = "file of the machine's settings", "see substrates/analog/README.md"
    found = read_json(path, what, fix) if path.suffix == ".json" else read_toml(path, what, fix)[1]
    settings = found.get("parameters", found) if isinstance(found, dict) else found
    if not isinstance(settings, dict):
        raise InputError(f"{chip} is not a {what}: expected settings by name, got {shown(settings)}")
    return settings
