"""Neurons by name; a model from outside runs in the engine and in Lava; broken ones are refused by what they lack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numba import njit

from hw_profiles.errors import InputError
from substrates.loihi2 import neurons
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.neurons import LIF, NEURONS
from substrates.loihi2.neurons.base import OWN_MICROCODE, ChipModel, Neuron
from substrates.loihi2.neurons.registry import step_address
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense

FOLDER = Path(neurons.__file__).parent


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The README's own example, as a file of a stranger."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.S)
    path = tmp_path_factory.mktemp("own") / "leaky_counter.py"
    path.write_text(code)
    return f"{path}:LeakyCounter"


def chain(neuron: Neuron) -> Program:
    rng = np.random.default_rng(0)
    program = Program()
    program.population("spiking", 8, LIF(vth=5, bias_mant=rng.integers(0, 700, 8)))
    program.population("counting", 5, neuron)
    program.connect("spiking", "counting", Dense(rng.integers(-20, 90, (5, 8))))
    return program


def test_every_file_here_is_found_and_no_name_twice() -> None:
    defined = [
        name
        for path in FOLDER.glob("*.py")
        for name in re.findall(r'^    name: ClassVar\[str\] = "(.*)"', path.read_text(), re.M)
    ]
    assert sorted(defined) == sorted(NEURONS)
    assert all(NEURONS[name].name == name for name in NEURONS)
    assert len({step_address(NEURONS[name]) for name in NEURONS}) == len(defined)


def test_a_stranger_file_runs_in_the_engine(counter: str) -> None:
    model: Any = NEURONS.find(counter)
    engine = Engine(chain(model(leak=3, threshold=200)))
    found = engine.run(60, [Probe("spiking"), Probe("counting"), Probe("counting", "v")]).probes
    assert found["counting", "messages"].any()
    weights: Any = engine.program.connections[0].synapses
    v = np.zeros(5, int)
    for t in range(60):
        arrived = weights.weights @ (found["spiking", "messages"][t - 1] != 0) if t else 0
        v = v - (v >> 3) + arrived
        sent = np.where(v >= 200, v, 0)
        v = np.where(v >= 200, 0, v)
        np.testing.assert_array_equal(found["counting", "messages"][t], sent)
        np.testing.assert_array_equal(found["counting", "v"][t], v)


@pytest.mark.lava
def test_a_stranger_file_runs_in_lava(counter: str) -> None:
    from substrates.loihi2.lava.run import run_program

    model: Any = NEURONS.find(counter)
    program = chain(model(leak=3, threshold=200))
    theirs = run_program(program, 20)
    ours = Engine(program).run(20, [Probe("counting")]).probes["counting", "messages"]
    np.testing.assert_array_equal(ours, theirs.messages["counting"])
    assert ours.any()


@njit(cache=True, error_model="numpy")
def _halve(state: Any, a_in: Any, bias: Any, out: Any, parameters: Any, table: Any, time: int) -> int:
    for i in range(a_in.shape[0]):
        out[i] = a_in[i] >> 1
    return 0


@dataclass(frozen=True, eq=False)
class Halver(Neuron):
    """Passes half of its input on."""

    name: ClassVar[str] = "halver"
    variables: ClassVar[tuple[str, ...]] = ()
    graded: ClassVar[bool] = True
    kernel: ClassVar[Any] = staticmethod(_halve)
    chip: ClassVar[ChipModel] = OWN_MICROCODE

    def parameters(self) -> tuple[int, ...]:
        return ()


def test_what_a_model_lacks_is_named_when_it_is_defined() -> None:
    whole: dict[str, Any] = {
        "name": "partial", "variables": (), "graded": True, "kernel": staticmethod(_halve), "chip": OWN_MICROCODE,
    }  # fmt: skip
    for missing in ("variables", "graded", "kernel", "chip"):
        with pytest.raises(InputError, match=f"'partial' .* does not say its {missing}"):
            type("Partial", (Neuron,), {key: value for key, value in whole.items() if key != missing})
    with pytest.raises(InputError, match="needs a compiled kernel"):
        type("Partial", (Neuron,), {**whole, "kernel": staticmethod(lambda *_: 0)})
    with pytest.raises(InputError, match="names without dots"):
        type("Partial", (Neuron,), {**whole, "inputs": ("a.b",)})


def test_a_kernel_of_another_signature_is_refused() -> None:
    @njit
    def wrong(state: Any) -> int:
        return 0

    model = type("Wrong", (Halver,), {"name": "wrong", "kernel": staticmethod(wrong)})
    with pytest.raises(InputError, match="'wrong' cannot be compiled"):
        Engine(chain(model()))


def test_a_class_without_a_name_of_its_own_never_runs_as_another() -> None:
    class Other(LIF):
        pass

    with pytest.raises(InputError, match="no name of its own"):
        Program().population("a", 1, Other())


def test_ports_are_named_in_messages() -> None:
    program = chain(Halver())
    with pytest.raises(InputError, match="'counting' has no port 'rivals' there; it has input"):
        program.connect("spiking", "counting", Dense(np.ones((5, 8), int)), target_port="rivals")
