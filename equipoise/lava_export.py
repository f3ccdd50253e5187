"""From a file to a script in plain Lava: a network of lava-dl, a QUBO, or a network trained by equilibrium propagation.

    export_lava("network.net", "network.py", inputs=spikes)

The script holds everything it needs and runs where lava-nc is installed, without Equipoise; the integers are those of
our engine.
"""

from __future__ import annotations

# Imports inside functions are late: each kind of program loads its own substrate only.
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hw_profiles.errors import InputError
from hw_profiles.output import write_output
from hw_profiles.reading import check_file
from substrates.loihi2.lava.script import lava_script, not_on_chip
from substrates.loihi2.program import Program

__all__ = ["LavaProgram", "export_lava", "lava_program"]

HDF5 = b"\x89HDF\r\n\x1a\n"
ZIP = b"PK\x03\x04"
FIX = "give a network of lava-dl, a QUBO file, or a checkpoint of equipoise train"

_SCORES = {
    "spikes": "np.count_nonzero(messages[OUTPUT], axis=0)",
    "sum": "messages[OUTPUT].sum(axis=0, dtype=np.int64)",
    "last": "messages[OUTPUT][-1]",
    "v": 'states[OUTPUT]["v"]',
}
_CLASS = '''\
def conclude(messages, states):
    """What decides a class, per output neuron, and the class."""
    scores = {scores}
    return {{"scores": scores.tolist(), "class": int(scores.argmax())}}
'''
_COST = '''\
def conclude(messages, states):
    """The best assignment that the neurons kept, with its cost by the problem's own coefficients."""
    x = states["variables"]["best"].astype(bool)
    on = [*LINEAR[x].tolist(), *PAIRS[x[ROWS] & x[COLS]].tolist(), OFFSET]
    kept = {name: int(values[0]) for name, values in states["cost integrator"].items()}
    return {
        "cost": sum(on) if all(isinstance(term, int) for term in on) else math.fsum(on),
        "step": kept["best_step"],
        "cost_on_chip": (kept["least_first"] << 24) + kept["least_last"],
        "x": "".join(str(int(bit)) for bit in x),
    }
'''


@dataclass(frozen=True, eq=False)
class LavaProgram:
    """A program that can be exported.

    Attributes:
        program, steps: what runs, and for how long.
        kind, title: of the script.
        record: outlets that are recorded; all when None.
        read: population -> states that are read at the end.
        conclude, constants: see `lava_script`.
    """

    program: Program
    steps: int
    kind: str
    title: str
    record: tuple[str, ...] | None = None
    read: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conclude: str | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)

    def script(self) -> str:
        """Its source."""
        more = {} if self.conclude is None else {"conclude": self.conclude}
        return lava_script(
            self.program, self.steps, title=self.title, record=self.record, read=self.read,
            constants=self.constants, **more,
        )  # fmt: skip


def export_lava(path: str | Path, out: str | Path, *, force: bool = False, **options: Any) -> dict[str, Any]:
    """Write the script of the program in ``path`` to ``out``; options as for `lava_program`.

    Returns:
        what was written, as plain values.

    Raises:
        InputError: a file or option cannot be used, or ``out`` is taken.
    """
    found = lava_program(path, **options)
    text = found.script().encode()
    write_output(out, text, force=force)
    populations = found.program.populations
    return {
        "out": str(out),
        "kind": found.kind,
        "steps": found.steps,
        "populations": {name: population.n for name, population in populations.items()},
        "bytes": len(text),
        "not_on_chip": list(not_on_chip(found.program)),
    }


def lava_program(
    path: str | Path,
    *,
    inputs: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    steps: int | None = None,
    layers: int | None = None,
    graded_input: bool = False,
    everything: bool = False,
    scheme: str = "two-phase",
    seed: int = 0,
    temperature: tuple[float, float] | None = None,
    label: int | None = None,
) -> LavaProgram:
    """Read ``path``, see what it is, and make its program.

    Args:
        inputs: of a network: integers (steps, shape); of a trained one: its (input size,) values, one half when None.
        bias: of a network whose input neurons take images so.
        steps: time steps of a network, steps of the annealing algorithm; the usual ones when None.
        layers, graded_input: of a network, see `read_netx`.
        everything: record every layer of a network, not only the last.
        scheme, seed, temperature: of an anneal, as `equipoise.solve` takes them; the script does its first read.
        label: of a trained network: run the nudged phases towards this class after the free one.

    Raises:
        InputError: none of the three, or an option that does not fit it.
    """
    path = Path(path)
    check_file(path, "program", FIX)
    with path.open("rb") as file:
        start = file.read(8)
    if start == HDF5:
        return _network(path, inputs, bias, steps, layers, graded_input, everything)
    if start.startswith(ZIP) and path.suffix not in (".npz",):
        return _trained(path, inputs, label)
    return _qubo(path, scheme, steps, seed, temperature)


def _network(
    path: Path, inputs: Any, bias: Any, steps: int | None, layers: int | None, graded: bool, everything: bool
) -> LavaProgram:
    from substrates.loihi2.formats import read_netx

    network = read_netx(path, layers=layers, graded_input=graded)
    if bias is not None:
        network = network.with_bias(bias)
    if inputs is not None:
        steps = len(network.check_inputs(inputs)) if steps is None else steps
    if steps is None:
        raise InputError("without input the number of steps must be given (--steps)")
    last = network.output.name
    return LavaProgram(
        network.program(inputs),
        steps,
        "network",
        f"Network {network.name}",
        None if everything else (last,),
        {last: ("v",)} if network.readout == "v" else {},
        _CLASS.format(scores=_SCORES[network.readout]),
        {"OUTPUT": last},
    )


def _qubo(
    path: Path, scheme: str, steps: int | None, seed: int, temperature: tuple[float, float] | None
) -> LavaProgram:
    from equipoise.qubo import formats
    from equipoise.qubo.machines import Loihi2
    from equipoise.qubo.solving import default_steps, read_seeds

    problem = formats.read(path)
    machine = Loihi2(problem, scheme)
    count = default_steps(problem.num_variables, "lava-sim") if steps is None else steps
    if count < 0:
        raise InputError(f"the number of steps must be zero or more, got {count}")
    schedule = machine.schedule(*machine.temperatures(temperature), count)
    program, hardware_steps = machine.program(schedule, read_seeds(seed, 1)[0], count)
    coefficients = {
        "LINEAR": problem.linear, "ROWS": problem.rows, "COLS": problem.cols, "PAIRS": problem.pairs,
        "OFFSET": problem.offset,
    }  # fmt: skip
    return LavaProgram(
        program,
        hardware_steps,
        "qubo",
        f"QUBO {problem.name}, {count} steps of the {scheme} annealer",
        (),
        {"variables": ("best", "history", "u"), "cost integrator": ("least_first", "least_last", "best_step")},
        "import math\n\n\n" + _COST,
        coefficients,
    )


def _trained(path: Path, inputs: Any, label: int | None) -> LavaProgram:
    import torch

    from equipoise.spice_program import read_checkpoint
    from equipoise.training.checkpoint import restore_machine
    from equipoise.training.machines import make_machine
    from substrates.base import Nudge, Stop
    from substrates.loihi2.relaxation import Loihi2Machine
    from substrates.loihi2.relaxation.export import program_of
    from substrates.loihi2.relaxation.phase_program import free_force, schedule_program
    from substrates.loihi2.relaxation.phases import PhaseSchedule

    config, network, kept = read_checkpoint(path)
    machine = make_machine(config.target, network, config.chip, config.seed)
    if not isinstance(machine, Loihi2Machine):
        raise InputError(f"{path} was trained on {config.target}; only networks of loihi2-sim run on Loihi 2")
    restore_machine(machine, kept)
    machine.program()
    size = int(np.prod(network.input_shape))
    values = np.full(size, 0.5) if inputs is None else np.asarray(inputs, np.float64).reshape(-1)
    if values.shape != (size,) or not np.isfinite(values).all():
        raise InputError(f"{values.size} input values; the network has {size} inputs, all finite")
    drive = machine.drive(torch.from_numpy(values).float().reshape(1, *network.input_shape))
    start = machine.relax(drive, Stop(0))
    output = network.populations[-1]
    states = ("sigma", "act") if machine.settings.variant == "sigma-delta" else ("u",)
    if label is None:
        program, steps, what = program_of(machine.chip, start.state.states, 0), config.free_steps, "free phase"
    else:
        if not 0 <= label < output.size:
            raise InputError(f"the label must be 0 to {output.size - 1}, got {label}")
        schedule = PhaseSchedule(config.free_steps, config.nudge_steps, config.nudge, on_chip=True)
        free = machine.relax(drive, Stop(schedule.free_steps))
        force = free_force(machine, free, Nudge(schedule.beta, torch.tensor([label])), 0)
        program, steps = schedule_program(machine, start, 0, force, schedule), schedule.steps
        what = f"free, plus and minus phase towards class {label}"
        states = (*states, "response") if machine.settings.variant != "sigma-delta" else states
    names = [population.name for population in network.populations]
    decides = "act" if "act" in states else "u"
    return LavaProgram(
        program,
        steps,
        "phases",
        f"Network of {path.name}, {what}",
        read=dict.fromkeys(names, states),
        conclude=_CLASS.format(scores=f"states[OUTPUT][{decides!r}]"),
        constants={"OUTPUT": names[-1]},
    )
