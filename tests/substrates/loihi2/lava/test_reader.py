"""Networks of Lava's processes, read as programs: their integers are those of Lava's own runtime."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw_profiles.errors import InputError
from substrates.loihi2.engine import Engine, Probe
from substrates.loihi2.formats import from_lava
from substrates.loihi2.lava.loader import lava_module, load_lava
from substrates.loihi2.lava.reader import program_of
from substrates.loihi2.lava.watchdog import LavaSession

pytestmark = pytest.mark.lava
HERE = Path(__file__).parent / "networks"
NAMES = ("transposed", "concatenated", "halves", "nested", "in_time", "reset", "learning", "rewarded")


@pytest.fixture(scope="module")
def networks() -> Iterator[Any]:
    sys.path.insert(0, str(HERE))
    import made_in_lava  # type: ignore[import-not-found]

    yield made_in_lava
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def session() -> Iterator[LavaSession]:
    with LavaSession() as one:
        yield one


@pytest.mark.parametrize("name", NAMES)
def test_read_networks_have_the_integers_of_lavas_runtime(name: str, networks: Any, session: LavaSession) -> None:
    theirs = session.call(networks.run, name, timeout_s=120)
    assert np.count_nonzero(theirs) > 5, "a network that says nothing shows nothing"
    read = program_of(networks.NETWORKS[name]())
    run = Engine(read.program).run(networks.STEPS, [Probe("last")])
    np.testing.assert_array_equal(run.probes["last", "messages"], theirs)


def test_a_learning_process_keeps_its_name_so_that_its_weights_can_be_watched(networks: Any) -> None:
    program = from_lava(networks.learning()).program()
    run = Engine(program).run(networks.STEPS, [Probe("plastic", "weights", every=networks.STEPS)])
    assert run.probes["plastic", "weights"].shape == (1, 4, 5)


def test_what_has_no_counterpart_is_named_all_at_once(networks: Any) -> None:
    load_lava()
    process = lava_module("lava.proc.lif.process")
    dense = lava_module("lava.proc.dense.process").Dense
    one, other = process.LIFRefractory(shape=(2,)), process.LIF(shape=(2,))
    injector = lava_module("lava.proc.io.injector").Injector(shape=(2,))
    synapses = dense(weights=np.eye(2))
    injector.out_port.connect(one.a_in)
    one.s_out.connect(synapses.s_in)
    synapses.a_out.connect(other.a_in)
    with pytest.raises(InputError, match=r"Injector.*LIFRefractory.*there are .*Dense"):
        program_of(other)


def test_what_only_looks_is_left_out_and_said(networks: Any) -> None:
    end = networks.halves()
    monitor = lava_module("lava.proc.monitor.process").Monitor()
    monitor.probe(end.v, networks.STEPS)
    read = program_of(end)
    assert read.notes == ("1 processes that only record were left out; probe the engine instead",)
    assert read.shapes["last"] == (7,)
    assert Engine(read.program).run(5, [Probe("last", "v")]).probes["last", "v"].shape == (5, 7)


def _lif(**given: Any) -> Any:
    return lava_module("lava.proc.lif.process").LIF(shape=(2,), **given)


def _wired(weights: Any, **given: Any) -> Any:
    source = lava_module("lava.proc.io.source").RingBuffer(data=np.ones((2, 3), int))
    synapses, end = lava_module("lava.proc.dense.process").Dense(weights=weights, **given), _lif(vth=3)
    source.s_out.connect(synapses.s_in)
    synapses.a_out.connect(end.a_in)
    return end


def test_values_that_the_chip_cannot_hold_are_refused(networks: Any) -> None:
    load_lava()
    with pytest.raises(InputError, match="weights that are no integers"):
        program_of(_wired(np.full((2, 2), 0.3)))
    with pytest.raises(InputError, match=r"vth is 0\.4"):
        program_of(_lif(vth=0.4))
    one, other = _lif(vth=3), _lif(vth=3)
    one.s_out.connect(other.a_in)
    with pytest.raises(InputError, match="without synapses"):
        program_of(one)


def test_sums_that_lava_rounds_together_are_refused(networks: Any) -> None:
    load_lava()
    sources = [lava_module("lava.proc.io.source").RingBuffer(data=np.ones((2, 3), int)) for _ in range(2)]
    for given, word in (({}, "one spike"), ({"num_message_bits": 8, "weight_exp": -2}, "negative weight exponent")):
        synapses, end = lava_module("lava.proc.dense.process").Dense(weights=np.eye(2), **given), _lif(vth=3)
        for source in sources:
            source.s_out.connect(synapses.s_in)
        synapses.a_out.connect(end.a_in)
        with pytest.raises(InputError, match=word):
            program_of(end)
        sources = [lava_module("lava.proc.io.source").RingBuffer(data=np.ones((2, 3), int)) for _ in range(2)]


@pytest.mark.parametrize("reference", ["made_in_lava.py:transposed", "programs.py:built", "programs.py:ready"])
def test_the_command_runs_what_a_file_makes(reference: str, tmp_path: Path) -> None:
    (tmp_path / "programs.py").write_text(
        "import numpy as np\n"
        "from substrates.loihi2.neurons import LIF\n"
        "from substrates.loihi2.program import Program\n"
        "from substrates.loihi2.synapses import Dense\n\n"
        "def built():\n"
        "    made = Program()\n"
        "    made.source('in', np.eye(4, dtype=int))\n"
        "    made.population('out', 3, LIF(vth=2))\n"
        "    made.connect('in', 'out', Dense(np.full((3, 4), 60)))\n"
        "    return made\n\n"
        "ready = built()\n"
    )
    folder = HERE if reference.startswith("made") else tmp_path
    command = [sys.executable, "-m", "equipoise", "run", str(folder / reference), "--steps", "20", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr[-1500:]
    said = json.loads(done.stdout)
    assert said["layers"][-1]["messages"] > 0
    assert said["counts"]["synaptic_operations"] > 0


def test_a_file_that_makes_something_else_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("thing = 3\n")
    command = [sys.executable, "-m", "equipoise", "run", str(tmp_path / "wrong.py:thing"), "--steps", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "expected a Program, a Lava process" in done.stderr
    assert "Traceback" not in done.stderr
