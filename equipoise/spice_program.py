"""From a file that describes a network to its SPICE netlist, and ngspice's operating point beside ours."""

from __future__ import annotations

# Imports inside functions are late: torch takes a second.
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hw_profiles.errors import InputError
from hw_profiles.output import write_output
from hw_profiles.reading import reading

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["export_spice", "read_checkpoint"]

_KEYS = {
    "kind", "layers", "seed", "instance", "gains", "input_gain", "saturation_a", "unit_s", "activation", "chip",
    "angle", "title",
}  # fmt: skip


@dataclass(frozen=True)
class _Built:
    kind: str
    layers: tuple[int, ...]
    machine: Any
    title: str


def export_spice(
    program: Path, out: Path, *, form: str = "behavioural", values: str = "", transient: bool = False,
    execute: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Write the netlist of ``program`` to ``out``; returns what was written and, with ``execute``, how ngspice agrees.

    Raises:
        InputError: a file that describes no network, inputs of another number.
        TargetUnavailableError: ``execute`` without ngspice.
    """
    import torch

    from substrates.analog.spice import operating_points

    built = _from_toml(program) if program.suffix == ".toml" else _from_checkpoint(program)
    x = torch.from_numpy(_inputs(values, built.layers[0]))[None]
    machine = built.machine
    if built.kind == "resistive":
        from substrates.analog.spice import machine_netlist

        volts = machine.voltages(x)[0]
        text = machine_netlist(machine, volts, title=built.title, transient=transient)
        circuit = machine.in_siemens()
        names = [circuit.node_name(n) for n in range(int(circuit.starts[-1]))]
        ours = circuit.solve(volts[None]).voltages[0] if execute else None
    else:
        text, names, ours = _relaxation(machine, x, form, built.title, execute)
    report: dict[str, Any] = {
        "kind": built.kind,
        "layers": "-".join(map(str, built.layers)),
        "out": str(out),
        "elements": sum(line[:1].isalpha() for line in text.splitlines()),
    }
    if execute:
        assert ours is not None
        found = operating_points(text, names)[0]
        report |= {
            "largest_difference": float(np.abs(found - ours).max()),
            "voltages": dict(zip(names, found.tolist())),
        }  # fmt: skip
    write_output(out, text.encode())
    return report


def _relaxation(machine: Any, x: Any, form: str, title: str, execute: bool) -> tuple[str, list[str], Any]:
    import torch

    from substrates.analog.realised import realised
    from substrates.analog.spice.relaxation import node_names, relaxation_netlist
    from substrates.base import Stop

    x = x.to(next(machine.network.parameters()).dtype).reshape(1, *machine.network.input_shape)
    drive = machine.drive(x)
    text = relaxation_netlist(machine, drive.inputs.flatten().double().numpy(), form=form, title=title)
    names = [f"v_{n}" for part in node_names(realised(machine)) for n in part]
    if not execute:
        return text, names, None
    found = machine.relax(drive, Stop(20_000, 1e-9))
    return text, names, torch.cat([v.flatten() for v in found.activities]).double().numpy()


def _inputs(values: str, size: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if not values:
        return np.full(size, 0.5)
    try:
        x = np.array([float(part) for part in values.split(",")])
    except ValueError:
        raise InputError(f"input {values!r}: expected numbers joined by commas") from None
    if x.shape != (size,) or not np.isfinite(x).all():
        raise InputError(f"{len(x)} input values; the network has {size} inputs, all finite")
    return x


def _from_toml(path: Path) -> _Built:
    from substrates.analog import AnalogMachine, ChipParameters
    from substrates.analog.resistive import ResistiveMachine, resistive_network
    from substrates.network import layered

    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a TOML file: {error}") from None
    unknown = sorted(set(data) - _KEYS)
    kind, layers = data.get("kind"), data.get("layers")
    if unknown or kind not in ("resistive", "relaxation"):
        raise InputError(
            f'{path}: kind {kind!r}, unknown keys {unknown}; expected kind = "resistive" or "relaxation" and keys '
            f"among {', '.join(sorted(_KEYS))}"
        )
    if not isinstance(layers, list) or not all(isinstance(n, int) for n in layers) or len(layers) < 2:
        raise InputError(f"{path}: layers {layers!r}; expected a list of sizes, input first")
    try:
        chip = ChipParameters.from_dict(dict(data.get("chip", {})), "[chip]")
        seed, instance = int(data.get("seed", 0)), int(data.get("instance", 0))
        title = str(data.get("title", f"{kind} network {'-'.join(map(str, layers))}"))
        if kind == "resistive":
            network = resistive_network(
                layers,
                gains=None if "gains" not in data else [(float(a), float(c)) for a, c in data["gains"]],
                input_gain=float(data.get("input_gain", 1.0)),
                seed=seed,
            ).double()
            machine: Any = ResistiveMachine(
                network, chip, instance, saturation_a=float(data.get("saturation_a", 0.0)),
                unit_s=float(data.get("unit_s", 1e-4)),
            )  # fmt: skip
        else:
            relaxing = layered(
                layers, activation=str(data.get("activation", "logistic")), angle=float(data.get("angle", 0.0)),
                readout=False, seed=seed,
            )  # fmt: skip
            machine = AnalogMachine(relaxing.double(), chip, instance)
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: {error}; see equipoise export spice --help") from None
    return _Built(kind, tuple(layers), machine, title)


def read_checkpoint(path: Path) -> tuple[Any, Any, Any]:
    """(configuration, network, state of the machine) of a checkpoint of ``equipoise train``."""
    from equipoise.training.build import make_network
    from equipoise.training.checkpoint import YOUNGER, read_state
    from equipoise.training.config import TrainConfig

    fix = "give a checkpoint of equipoise train, or a .toml file"
    state = read_state(path, fix)
    with reading(path, "checkpoint", fix):
        identity = {**YOUNGER, **state["identity"]}
        known = {k: v for k, v in identity.items() if k in TrainConfig.__dataclass_fields__}
        known["layers"], known["conv"], known["target"] = tuple(known["layers"]), tuple(known["conv"]), identity["on"]
        if known["conv"]:
            raise InputError(f"{path} is of a convolutional network; only dense ones are read here")
        config = TrainConfig(**known)
        network = make_network(config)
        network.load_state_dict(state["network"])
    return config, network, state.get("machine")


def _from_checkpoint(path: Path) -> _Built:
    from equipoise.training.checkpoint import restore_machine
    from equipoise.training.machines import make_machine

    config, network, kept = read_checkpoint(path)
    if config.target not in ("ideal", "analog"):
        raise InputError(f"{path} was trained on {config.target}; only ideal and analog have a netlist")
    machine = make_machine(config.target, network, config.chip, config.seed)
    restore_machine(machine, kept)
    return _Built("relaxation", config.layers, machine, f"network of {path.name}")
