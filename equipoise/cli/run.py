"""``equipoise run``: a network made with another tool, on Loihi 2."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equipoise.cli._common import claim, console, emit_json, force_option, progress, target_option

if TYPE_CHECKING:
    from equipoise.network_run import NetworkRun
    from substrates.loihi2.formats import ImportedNetwork

__all__ = ["command", "read_array"]

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("network", type=_FILE, metavar="FILE|PATH.py:NAME")
@click.option("--input", "input_", type=_FILE, metavar="FILE.npy", help="(steps, shape) or (samples, steps, shape).")
@click.option("--bias", type=_FILE, metavar="FILE.npy", help="Bias of LIF input neurons, one per sample: images.")
@click.option("--labels", type=_FILE, metavar="FILE.npy", help="The right class of each sample.")
@click.option("--steps", type=int, help="Steps of every sample. [default: those of the input]")
@click.option("--layers", type=int, help="Read the first so many layers of the file only.")
@click.option("--graded-input", is_flag=True, help="The values of the input count; else each is a spike.")
@click.option(
    "--dt", type=float, help="Seconds of a step of a NIR graph: 1e-4 of snnTorch, 1e-3 of Norse, 1 of Sinabs."
)
@click.option("--connections", type=int, help="Of a NIR graph: 1 per link (8-bit weights) or 2 (14). [default: 1]")
@click.option("--stepwise-loops", is_flag=True, help="Of a NIR graph: loops through layers take a step a connection.")
@target_option("program", "loihi2-sim")
@click.option("--system", metavar="NAME", help="To place it on. [default: the smallest Loihi 2 system that holds it]")
@click.option("--profile", metavar="NAME", help="Hardware profile that prices the counts. [default: the target's]")
@click.option("--threads", type=int, default=1, help="For networks with many synaptic events; 0: all. [default: 1]")
@click.option("--out", type=click.Path(path_type=Path), metavar="RECORD.h5", help="Write a record of the run.")
@force_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")
def command(
    network: Path, input_: Path | None, bias: Path | None, labels: Path | None, out: Path | None, force: bool,
    as_json: bool, **settings: Any,
) -> int:  # fmt: skip
    """Run a network: an HDF5 file of lava-dl (export_hdf5) or a NIR graph (its name ends in .nir), both without Lava,
    or what PATH.py calls NAME: a Program, a process of a network of Lava's processes, or a function that makes one.

    Says what every layer sent, which neuron won, how often that was right (for NIR also before rounding), and what the
    run costs on Loihi 2. Axes are Lava's, (width, height, channels); a NIR graph's are its own, (channels, height,
    width).
    """
    from equipoise.network_run import run_network

    given = {"NETWORK": network, "--input": input_, "--bias": bias, "--labels": labels}
    claim({"--out": out}, force=force, inputs=given)
    keys = ("layers", "graded_input", "dt", "connections", "stepwise_loops")
    ready = _read(network, {key: settings.pop(key) for key in keys})
    arrays = {"inputs": read_array(input_), "bias": read_array(bias), "labels": read_array(labels)}
    with progress(enabled=not as_json) as display:
        task = display.add_task("samples", total=None)
        result = run_network(
            ready, **arrays, out=out, force=force, **settings,
            progress=lambda done, total: display.update(task, completed=done, total=total),
        )  # fmt: skip
    if as_json:
        emit_json(result.as_dict())
    else:
        _show(result)
    return 0


def _read(path: Path, options: dict[str, Any]) -> ImportedNetwork:
    """The network in a file, by the ending of its name."""
    from hw_profiles.errors import InputError
    from hw_profiles.registry import is_reference, load_reference
    from substrates.loihi2.formats import from_nir, network_of, read_netx

    given = {key: value for key, value in options.items() if value}
    if is_reference(str(path)):
        if given:
            raise InputError(f"--{min(given).replace('_', '-')} is for files of other tools, not for {path}")
        return network_of(load_reference(str(path)), path.name)
    nir = path.suffix.lower() == ".nir"
    wrong = sorted(set(given) & ({"layers"} if nir else {"dt", "connections", "stepwise_loops"}))
    if wrong:
        names = ", ".join("--" + key.replace("_", "-") for key in wrong)
        raise InputError(f"{names}: for {'lava-dl files' if nir else 'NIR graphs (*.nir)'} only, not for {path.name}")
    return from_nir(path, **given) if nir else read_netx(path, **given)


def read_array(path: Path | None) -> Any:
    """The array of a NumPy file; None for None."""
    if path is None:
        return None
    from hw_profiles.reading import parse_npy, read_bytes

    return parse_npy(read_bytes(path, "array", "write it with numpy.save"), str(path))


def _show(result: NetworkRun) -> None:
    """Tables for people, on standard error as all tables."""
    from rich.table import Table
    from rich.text import Text

    network, place = result.network, result.placement
    layers = Table("layer", "shape", "neuron", "messages", "left registers", title=network.name)
    for layer in network.layers:
        left = "-" if result.overflows is None else f"{result.overflows[layer.name]:,}"
        shape = " x ".join(map(str, layer.shape))
        layers.add_row(layer.name, shape, type(layer.neuron).__name__, f"{result.sent[layer.name]:,}", left)
    where = f"{place.utilisation.cores_used} cores of {place.system.title}" if place else result.misfit or "-"
    rows = [
        ("samples, steps", f"{len(result.classes)} of {result.steps}"),
        ("classes", f"{', '.join(map(str, result.classes[:20]))}{', ...' if len(result.classes) > 20 else ''}"),
        ("decided by", network.readout),
        ("target", f"{result.target.resolved}"),
        ("placed on", where),
        (f"on {result.profile}", f"{result.energy.text('J')}, {result.latency.text('s')}"),
        ("time here", f"{result.work_s:.3g} s"),
    ]
    if result.accuracy is not None:
        rows.insert(2, ("accuracy", f"{100 * result.accuracy:.2f} %"))
    if result.float_accuracy is not None:
        rows.insert(3, ("before rounding", f"{100 * result.float_accuracy:.2f} %"))
    for one in network.fidelity:
        errors = {"weights": one.weights, "threshold": one.threshold or 0.0, "bias": one.bias, "decay": one.decay}
        off = ", ".join(f"{key} {value:.1g}" for key, value in errors.items() if value >= 1e-9)
        rows.append((f"rounding of {one.name}", off or "none"))
    if network.transform is not None and network.layers[0].neuron.name == "lif":
        weight, bias = network.transform
        rows.append(("input", f"the file means {weight} x + {bias} as bias of the input neurons (--bias)"))
    rows += [("note", note) for note in network.notes]
    if result.record is not None:
        rows.append(("record", str(result.record)))
    facts = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, text in rows:
        facts.add_row(Text(name), Text(text))
    screen = console()
    screen.print(layers)
    screen.print(facts)
