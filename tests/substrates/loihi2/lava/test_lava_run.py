"""Programs on Lava: both ways of recording agree, parts that are not connected run too, and errors are ours."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hw_profiles.errors import InputError, TargetUnavailableError
from substrates.loihi2.annealing import Linear, Loihi2Annealer, Settings
from substrates.loihi2.annealing.program import digits
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava import loader
from substrates.loihi2.lava.annealer import LavaAnnealer
from substrates.loihi2.lava.run import run_program
from substrates.loihi2.lava.watchdog import LavaSession
from substrates.loihi2.neurons import LIF, Relaxation, SigmaDelta
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Conv, Dense, Sparse
from substrates.loihi2.weights import WeightFormat


def chain() -> Program:
    rng = np.random.default_rng(0)
    program = Program()
    program.source("in", rng.integers(0, 2, (8, 5)))  # shorter than the run: silence afterwards
    program.population("spiking", 6, LIF(du=200, dv=100, vth=50, bias_mant=30), v=[5, 4, 3, 2, 1, 0])
    program.population("coding", 4, SigmaDelta(vth=3, spike_exp=1, state_exp=1))
    program.connect("in", "spiking", Dense(rng.integers(-100, 100, (6, 5))))
    program.connect("spiking", "coding", Sparse(rng.integers(-100, 100, (4, 6)), delays=2))
    program.population("alone", 3, Relaxation(bias=[40_000, -3, 12_345]))
    program.connect("alone", "alone", Dense(rng.integers(-30, 30, (3, 3)), graded=True, exponent=-5))
    return program


@pytest.mark.lava
def test_taps_and_ports_record_the_same_and_agree_with_the_engine() -> None:
    program, steps = chain(), 25
    with LavaSession() as session:
        inside = run_program(program, steps, session=session)
        outside = run_program(program, steps, session=session, recording="ports")
    engine = Engine(program)
    ours = engine.run(steps, [Probe(name) for name in program.populations]).probes
    for name in program.populations:
        np.testing.assert_array_equal(inside.messages[name], outside.messages[name])
        np.testing.assert_array_equal(inside.messages[name], ours[name, "messages"])
        assert inside.messages[name].any()
        for variable, values in inside.final[name].items():
            np.testing.assert_array_equal(values, outside.final[name][variable])
            np.testing.assert_array_equal(values, engine.state(name)[variable])


@pytest.mark.lava
@pytest.mark.parametrize("scheme", ["two-phase", "refractory"])
def test_the_annealer_reads_back_the_same_solution_on_lava(scheme: str) -> None:
    rng = np.random.default_rng(1)
    n = 70
    q = np.triu(rng.random((n, n)) < 0.1, 1) * rng.integers(1, 255, (n, n))
    from scipy.sparse import csr_matrix

    off = csr_matrix(q + q.T)
    problem = (off.indptr, off.indices, off.data, np.full(n, -120))
    settings = Settings(scheme, exponent=0)
    ours = Loihi2Annealer(*problem, settings).anneal(Linear(80, 5, 60), [3])
    theirs = LavaAnnealer(*problem, settings).anneal(Linear(80, 5, 60), [3], timeout_s=60)
    assert ours.costs[0] < 0
    for name in ("states", "costs", "best_steps", "steps"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize(
    ("weights", "exponents"),
    [
        ([1, 255], [0]), ([-3, 0], [0]), ([-254, 254], [0]), ([-3, 7], [-1]), ([-127, 127], [-1]),
        ([256, 3], [0, 7]), ([-300, 7], [-1, 6]), ([2**14, 2**7], [7]), ([2**15 - 1, 1], [0, 7]),
    ],
)  # fmt: skip
def test_digits_add_up_to_the_weights_and_are_what_the_chip_stores(weights: list[int], exponents: list[int]) -> None:
    found = digits(np.array(weights))
    total = sum(WeightFormat().store(mantissas)[0] * 2.0**exponent for mantissas, exponent in found)
    np.testing.assert_array_equal(total, weights)
    assert [exponent for _, exponent in found] == exponents


def test_weights_beyond_the_largest_exponent_are_refused() -> None:
    with pytest.raises(InputError, match="quantise"):
        LavaAnnealer([0, 1, 2, 2], [1, 0], [2**17 + 1, 2**17 + 1], [-1, -1, 0])


@pytest.mark.lava
def test_what_lava_cannot_do_is_said() -> None:
    program = chain()
    with pytest.raises(InputError, match="at least one step"):
        run_program(program, 0)
    with pytest.raises(InputError, match="record by 'ports'"):
        run_program(program, 1, target="loihi2", recording="taps")

    class Other(LIF):
        pass

    with pytest.raises(InputError, match="Other has no name of its own"):
        program.population("other", 2, Other())


@pytest.mark.lava
def test_convolutions_of_wide_images_run() -> None:
    """Lava keeps their geometry in eight bits, which NumPy 2 refuses to add to a side of 128."""
    rng, program = np.random.default_rng(0), Program()
    synapses = Conv(rng.integers(-20, 20, (2, 3, 2, 1)), (140, 4, 1), stride=(2, 1), padding=(1, 0))
    program.source("image", rng.integers(0, 2, (6, 560)))
    program.population("a", synapses.shape[0], LIF(vth=20))
    program.connect("image", "a", synapses)
    ours = Engine(program).run(8, [Probe("a")]).probes["a", "messages"]
    assert ours.any()
    np.testing.assert_array_equal(run_program(program, 8).messages["a"], ours)


def test_a_file_of_ones_own_called_lava_is_named(tmp_path: Path) -> None:
    (tmp_path / "lava.py").write_text("x = 1\n")
    code = "from substrates.loihi2.lava.loader import why_unavailable; print(why_unavailable())"
    path = os.pathsep.join([str(tmp_path), *sys.path])
    told = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    ).stdout
    if sys.version_info[:2] in ((3, 10), (3, 11)):
        assert str(tmp_path / "lava.py") in told
        assert "rename it" in told


def test_the_reason_why_lava_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    class Version(tuple):
        major, minor = 3, 12

    monkeypatch.setattr(sys, "version_info", Version((3, 12, 1, "final", 0)))
    assert "3.12" in loader.why_unavailable()
    monkeypatch.undo()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    if sys.version_info[:2] in ((3, 10), (3, 11)):
        assert "lava-nc is not installed" in loader.why_unavailable()
    monkeypatch.setattr(loader, "why_unavailable", lambda: "no Lava here")
    monkeypatch.delitem(sys.modules, "lava.magma.compiler.var_model", raising=False)
    with pytest.raises(TargetUnavailableError, match="no Lava here"):
        loader.load_lava()


def test_the_patch_of_dataclasses_is_taken_back() -> None:
    original = dataclasses.dataclass
    with loader._hashable_dataclasses():
        if sys.version_info >= (3, 11):
            assert dataclasses.dataclass is not original

        @dataclasses.dataclass
        class Inner:
            x: int = 0

        if sys.version_info >= (3, 11):
            assert hash(Inner(1)) == hash(Inner(1))
    assert dataclasses.dataclass is original
