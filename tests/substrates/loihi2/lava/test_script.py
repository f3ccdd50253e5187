"""Exported scripts run with nothing of ours to be found, and give the engine's integers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from numba import njit

from equipoise.conformance.models import MODELS
from equipoise.conformance.network_cases import NetworkCase
from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.kernel_source import kernel_source
from substrates.loihi2.lava.plan import public_variables
from substrates.loihi2.lava.script import lava_script, not_on_chip
from substrates.loihi2.neurons import LIF, Sigma
from substrates.loihi2.neurons.registry import NEURONS
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense, Direct

#: runs every script it is given in a process where our packages, and what else is named, cannot be imported
ALONE = """
import runpy, sys

blocked, scripts = sys.argv[1].split(","), sys.argv[2:]

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not there", name=name)

sys.meta_path.insert(0, Missing())
for script in scripts:
    sys.argv = [script, "--out", script[:-3] + ".npz"]
    runpy.run_path(script, run_name="__main__")
    found = [name for name in sys.modules if name.partition(".")[0] in blocked]
    assert not found, found
"""
OURS = ("equipoise", "substrates", "mappers", "hw_profiles", "learning_rules")


def run_alone(scripts: list[Path], without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """What every script printed; its arrays stand beside it."""
    command = [sys.executable, "-I", "-c", ALONE, ",".join((*OURS, *without)), *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd=scripts[0].parent)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(program: Program, steps: int, kept: Any) -> None:
    """All messages of every step, and all states at the end."""
    engine = Engine(program)
    ours = engine.run(steps, [Probe(outlet) for outlet in program.outlets if outlet not in program.sources]).probes
    for outlet in program.outlets:
        if outlet not in program.sources:
            np.testing.assert_array_equal(kept[f"messages/{outlet}"], ours[outlet, "messages"], outlet)
    for name, population in program.populations.items():
        for variable in public_variables(population.neuron):
            np.testing.assert_array_equal(kept[f"states/{name}/{variable}"], engine.state(name)[variable], name)


@pytest.mark.lava
@pytest.mark.parametrize("without", [(), ("numba",)])
def test_networks_of_every_model_run_alone(without: tuple[str, ...], tmp_path: Path) -> None:
    """Every neuron and synapse that conformance knows; without Numba the written-in steps run in NumPy."""
    cases, scripts, covered = [], [], set()
    for name, model in MODELS.items():
        case = model.make(np.random.default_rng(3), 12)
        if not isinstance(case, NetworkCase):
            continue
        everything = {of: population.neuron.variables for of, population in case.program.populations.items()}
        covered |= {population.neuron.name for population in case.program.populations.values()}
        cases.append(case)
        scripts.append(tmp_path / f"{name}.py")
        scripts[-1].write_text(lava_script(case.program, case.steps, title=name, read=everything))
    told = run_alone(scripts, without)
    assert covered >= {"lif", "lif-refractory", "relaxation", "sigma-delta", "delta", "graded-relu"}
    for case, script, said in zip(cases, scripts, told, strict=True):
        assert said["steps"] == case.steps
        check(case.program, case.steps, np.load(script.with_suffix(".npz")))


def test_the_step_of_every_neuron_can_be_written_down() -> None:
    text, names = kernel_source([NEURONS.find(name).kernel for name in NEURONS])
    namespace: dict[str, Any] = {"np": np, "njit": lambda **options: lambda function: function}
    exec(text, namespace)
    assert len(set(names)) == len(names)
    for kind, name in zip((NEURONS.find(name) for name in NEURONS), names, strict=True):
        neuron = kind.example(np.random.default_rng(1), 5)
        if neuron is None:
            continue
        state, mine = neuron.rest(5), neuron.rest(5).values.astype(np.int64)
        current = np.random.default_rng(2).integers(-3000, 3000, len(kind.inputs) * 5)
        for time in (1, 2, 3):
            sent, _ = neuron.step(state, current, time)
            out = np.zeros(len(kind.outputs) * 5, np.int64)
            with np.errstate(over="ignore"):
                namespace[name](
                    mine, current, neuron.bias_values(5).astype(np.int64), out, np.array(neuron.parameters(), np.int64),
                    neuron.table().astype(np.int64), time,
                )  # fmt: skip
            np.testing.assert_array_equal(out.astype(np.int32), sent, kind.name)
            np.testing.assert_array_equal(mine, state.values, kind.name)


SECRET = {"a": 1}


@njit
def uses_a_dictionary(x: int) -> int:
    return x + SECRET["a"]


def test_what_cannot_be_written_down_is_named() -> None:
    with pytest.raises(InputError, match=r"uses_a_dictionary uses SECRET, a dict"):
        kernel_source([uses_a_dictionary])


def looped(delays: int = 0) -> tuple[Program, npt.NDArray[Any]]:
    program, raster = Program(), np.random.default_rng(0).integers(0, 2, (4, 3))
    program.source("in", raster, repeat=True)
    program.population("out", 2, LIF(du=4000, dv=3000, vth=20))
    program.connect("in", "out", Dense([[90, -30, 10], [5, 60, 60]], delays=delays))
    return program, raster


@pytest.mark.lava
def test_events_begin_again_and_silence_follows_as_in_the_program(tmp_path: Path) -> None:
    again, raster = looped()
    once = Program()
    once.source("in", raster)
    once.population("out", 2, LIF(du=4000, dv=3000, vth=20))
    once.connect("in", "out", Dense([[90, -30, 10], [5, 60, 60]]))
    scripts = [tmp_path / "again.py", tmp_path / "once.py"]
    for script, program in zip(scripts, (again, once), strict=True):
        script.write_text(lava_script(program, 13, title="x", read={"out": ("u", "v")}))
    run_alone(scripts)
    for script, program in zip(scripts, (again, once), strict=True):
        check(program, 13, np.load(script.with_suffix(".npz")))
    assert np.load(tmp_path / "again.npz")["messages/out"].sum() > np.load(tmp_path / "once.npz")["messages/out"].sum()


def test_what_keeps_a_program_off_the_chip_is_said() -> None:
    program, _ = looped()
    assert not_on_chip(program) == ()
    program.population("sum", 3, Sigma())
    program.connect("in", "sum", Direct(3), "straight")
    assert not_on_chip(program) == ("'straight' leads into neurons without a synapse",)
    program.population("own", 1, NEURONS.find("relaxation")())
    assert "the neurons 'own' (relaxation)" in not_on_chip(program)[0]
    assert "relaxation" in lava_script(program, 3, title="x").partition("NOT_ON_CHIP")[2][:200]
