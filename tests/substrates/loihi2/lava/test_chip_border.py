"""Programs on a stand-in for the chip: adapters, their delay, signs, probes, what is refused and what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.conformance import conform
from equipoise.targets import find_target
from hw_profiles.errors import InputError, TargetUnavailableError
from hw_profiles.measured import Measurement, Rail
from hw_profiles.record import Record
from mappers.chip_limits import check_chip
from mappers.placement import DoesNotFitError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.lava.board import run_on_chip
from substrates.loihi2.lava.border import extend_sign
from substrates.loihi2.lava.chip_program import BorderDelay, begin_later, for_chip
from substrates.loihi2.lava.delay import measure_delay
from substrates.loihi2.lava.run import run_program
from substrates.loihi2.lava.watchdog import LavaSession, call
from substrates.loihi2.neurons import LIF, Sigma, SigmaDelta
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense, Direct, Sparse

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "fake_sdk"))
import bad_graphs  # noqa: E402
import fake_sdk  # noqa: E402


class Board:
    """A machine on which SDK, host, board and generation are found."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        ping = folder / "bin" / "ping"
        ping.parent.mkdir()
        ping.write_text("#!/bin/sh\nexit 0\n")
        ping.chmod(0o755)
        monkeypatch.setenv("PATH", str(ping.parent), prepend=":")
        monkeypatch.setenv("NXSDKHOST", "board")
        monkeypatch.setenv("LOIHI_GEN", "N3C1")

    def install(self, **options: Any) -> None:
        """Put the stand-in on the path."""
        self._monkeypatch.syspath_prepend(str(fake_sdk.install(self.folder / "sdk", **options)))


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    return Board(tmp_path, monkeypatch)


def sums() -> Program:
    """Signed values both ways over the border, and neurons that spike by themselves."""
    rng = np.random.default_rng(1)
    program = Program()
    values = rng.integers(-5000, 5000, (6, 3))
    values[:4] = 0  # a head start for the adapters
    program.source("values", values)
    program.population("sum", 2, Sigma())
    program.population("change", 4, SigmaDelta(vth=9, bias=[40, -7, 3, 0], activation="unit"))
    program.population("spiking", 3, LIF(du=200, dv=100, vth=40, bias_mant=300))
    program.connect("values", "sum", Dense(rng.integers(-100, 100, (2, 3)), graded=True))
    program.connect("sum", "change", Sparse(rng.integers(-60, 60, (4, 2)), graded=True, exponent=-5))
    program.connect("spiking", "change", Dense(rng.integers(-60, 60, (4, 3))))
    return program


def agree(program: Program, steps: int, **options: Any) -> Any:
    """The chip's messages and last states are the engine's."""
    theirs = run_program(program, steps, target="loihi2", timeout_s=100, **options)
    engine = Engine(program)
    ours = engine.run(steps, [Probe(name) for name in program.populations]).probes
    for name, population in program.populations.items():
        np.testing.assert_array_equal(theirs.messages[name], ours[name, "messages"], name)
        for variable in population.neuron.variables:
            np.testing.assert_array_equal(theirs.final[name][variable], engine.state(name)[variable], name)
    return theirs


@pytest.mark.parametrize(("into", "out"), [(0, 0), (1, 1), (2, 3)])
class TestDelays:
    pytestmark = pytest.mark.lava

    def test_the_one_neuron_programs_measure_both(self, board: Board, into: int, out: int) -> None:
        board.install(into=into, out=out)
        assert call(measure_delay, timeout_s=60) == BorderDelay(into, out)

    def test_integers_are_the_engines_whatever_the_delay(self, board: Board, into: int, out: int) -> None:
        board.install(into=into, out=out)
        found = agree(sums(), 11)
        assert (found.messages["sum"] < 0).any(), "negative numbers come back"
        assert found.delay == BorderDelay(into, out)


@pytest.mark.usefixtures("board")
class TestBoard:
    pytestmark = pytest.mark.lava

    def test_every_model_with_neurocores_agrees(self, board: Board) -> None:
        board.install(into=2, out=1)
        models = ["lif", "sigma", "delta", "sigma-delta", "graded-relu", "graded-vector", "dense", "sparse", "conv",
                  "delays", "graded-messages", "mixed-network", "sigma-delta-phases"]  # fmt: skip
        report = conform("loihi2", cases=len(models), seed=4, max_steps=24, models=models)
        assert report.failures == []
        assert report.compared > 1000

    def test_a_direct_source_becomes_synapses_and_a_start(self, board: Board) -> None:
        board.install(into=1, out=2)
        program = Program()
        program.population("a", 3, SigmaDelta(bias=[5, -2, 100]))
        program.source("under way", [[7, -300, 20]])
        program.source("nudge", [[0, 0, 0]] * 4 + [[50, 60, -7]] + [[0, 0, 0], [0, -9, 0]])
        for name in ("under way", "nudge"):
            program.connect(name, "a", Direct(3))
        program.connect("a", "a", Dense([[0, 20, 4], [-8, 0, 2], [2, 6, 0]], exponent=-6, graded=True))
        ready = for_chip(program, 12, BorderDelay(1, 2))
        assert ready.wait == 0
        assert list(ready.program.sources) == ["nudge"]
        assert not any(isinstance(c.synapses, Direct) for c in ready.program.connections)
        agree(program, 12)

    def test_probes_are_in_the_run(self, board: Board) -> None:
        board.install(into=0, out=0)
        program = Program()
        program.population("a", 1, LIF(bias_mant=100))
        measured = run_program(program, 10, target="loihi2").measured
        assert measured is not None
        assert measured.wall_ns == 1_000_000  # 10 steps of 100 us
        assert measured.energy_j == pytest.approx(1.75e-3)
        assert measured.rails[0] == Rail("VDD", pytest.approx(1e-3), pytest.approx(0.75e-3))

    def test_without_probes_it_runs_and_says_so(self, board: Board) -> None:
        board.install(without=("probes",))
        found = agree(sums(), 5, delay=BorderDelay(1, 1))
        assert found.measured is None
        assert "no probes" in found.notes[0]

    def test_the_command_writes_what_the_board_measured(self, board: Board, tmp_path: Path) -> None:
        board.install(into=1, out=1)
        file, out = tmp_path / "n.net", tmp_path / "run.h5"
        with h5py.File(file, "w") as target:
            layer = target.create_group("layer/0")
            layer["type"], layer["shape"], layer["inFeatures"], layer["outFeatures"] = b"dense", [2], 3, 2
            layer["weight"] = np.array([[60, 0, 30], [0, 60, 30]], np.float32)
            for key, value in {"type": b"CUBA", "iDecay": 4096, "vDecay": 4096, "vThMant": 50}.items():
                layer[f"neuron/{key}"] = value
        np.save(tmp_path / "x.npy", np.array([[[1, 0, 0], [0, 1, 1], [0, 0, 0]]] * 2))
        arguments = ["run", str(file), "--input", str(tmp_path / "x.npy"), "--target", "loihi2", "--out", str(out)]
        assert run(arguments) == 0
        record = Record.open(out)
        assert record.results["outputs"].tolist() == [[[0, 0], [1, 0], [0, 1]]] * 2
        assert record.results["measured.VDD.total"] > 0
        assert record.results["measured.wall"] > 0

    @pytest.mark.parametrize(
        ("missing", "said"),
        [("adapters", "embedded_io"), ("Dense", "no model for the chip.*Dense, would run as PyDense")],
    )
    def test_what_is_missing_is_named(self, board: Board, missing: str, said: str) -> None:
        board.install(without=(missing,))
        with pytest.raises(InputError, match=said):
            run_program(sums(), 4, target="loihi2")

    def test_an_early_event_is_refused_where_neurons_do_not_wait(self, board: Board) -> None:
        board.install(into=3, out=0)
        program = Program()
        program.source("in", [[1, 1]])
        program.population("a", 2, LIF(vth=30, bias_mant=700))
        program.connect("in", "a", Dense([[90, 0], [0, 90]]))
        with pytest.raises(InputError, match=r"'in' sends in step 1 and 'a' does not wait.*3 silent steps"):
            run_program(program, 8, target="loihi2")
        agree(begin_later(program, 8, 3), 11)

    def test_the_stand_in_refuses_what_boards_refuse(self, board: Board) -> None:
        """Without these checks the tests above would prove nothing."""
        board.install(room=8)
        for kind, said in (("python", "cannot be connected"), ("bits", "24 message bits"), ("conv", "PyToN3Conv")):
            with pytest.raises(TargetUnavailableError, match=said):
                call(bad_graphs.badly_connected, kind, timeout_s=60)
        program = Program()
        program.population("many", 9, LIF())
        with pytest.raises(TargetUnavailableError, match="room for 8"):
            run_program(program, 2, target="loihi2", delay=BorderDelay())
        with LavaSession() as session, pytest.raises(TargetUnavailableError, match="a spike is 0 or 1"):
            run_program(bad_graphs.graded_as_spikes(), 6, target="loihi2", delay=BorderDelay(), session=session)


def test_a_network_at_rest_waits_for_its_first_event() -> None:
    program = Program()
    program.source("in", [[1, 0], [1, 1]])
    program.population("a", 2, LIF(du=100, dv=100, vth=30))
    program.connect("in", "a", Dense([[90, 0], [0, 90]]))
    ready = for_chip(program, 9, BorderDelay(2, 1))
    assert (ready.wait, ready.skipped) == (2, 3)
    assert for_chip(program, 9).wait == 0


def test_repeated_events_are_written_out() -> None:
    program = Program()
    program.source("in", [[0], [0], [1]], repeat=True)
    program.population("a", 1, LIF(du=4095, dv=4096, vth=10))
    program.connect("in", "a", Dense([[100]]))
    ready = for_chip(program, 10, BorderDelay(2, 0)).program.sources["in"]
    assert np.flatnonzero(np.diff(ready.starts)).tolist() == [0, 3, 6]  # steps 3, 6, 9, two steps early
    assert not ready.repeat


def test_the_sign_of_24_bits() -> None:
    values = np.array([0, 1, -1, 2**23 - 1, -(2**23), -5000])
    np.testing.assert_array_equal(extend_sign(values & 0xFFFFFF), values)


def test_measurements_add_up() -> None:
    one, two = Measurement(5, 1, (Rail("VDD", 2.0, 1.0),), "m"), Measurement(7, 0, (Rail("VDD", 1.0), Rail("X", 3.0)))
    both = one + two
    assert (both.wall_ns, both.rails, both.method) == (12, (Rail("VDD", 3.0, None), Rail("X", 3.0)), "m")


def test_limits_are_named_with_numbers_before_anything_is_compiled() -> None:
    program = Program()
    program.source("in", [[1]])
    program.population("a", 1, LIF())
    program.connect("in", "a", Dense([[90]], delays=63), "slow")
    with pytest.raises(DoesNotFitError, match=r"'slow' needs 63 steps of delay, there are 62"):
        check_chip(program)
    large = Program()
    large.population("a", 2_000_000, LIF())
    with pytest.raises(DoesNotFitError, match=r"2,000,000 neurons, there are 983,040"):
        find_target("loihi2").make("program", large, 1, system="oheo-gulch")
    small = Program()
    small.population("a", 10, LIF())
    assert check_chip(small).name == "oheo-gulch"


def test_run_on_chip_needs_the_extension() -> None:
    with pytest.raises(TargetUnavailableError):
        run_on_chip(bad_graphs.graded_as_spikes(), 2, BorderDelay())
