"""Conformance with the chip cannot be fooled: an SDK whose models are Python only is refused, by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from equipoise.cli.main import run
from equipoise.conformance import conform
from hw_profiles.errors import InputError, TargetUnavailableError
from substrates.loihi2.lava.run import run_program
from substrates.loihi2.neurons import LIF
from substrates.loihi2.program import Program
from substrates.loihi2.synapses import Dense

pytestmark = pytest.mark.lava

#: what Lava's own modules import from the extension
STUBS = {
    "lava/utils/loihi2_profiler.py": "",
    "lava/magma/core/model/c/model.py": (
        "from lava.magma.core.model.model import AbstractProcessModel\n"
        "class AbstractCProcessModel(AbstractProcessModel):\n    pass\n"
        "class CLoihiProcessModel(AbstractCProcessModel):\n    pass\n"
    ),
    "lava/magma/core/model/nc/model.py": (
        "from lava.magma.core.model.model import AbstractProcessModel\n"
        "class AbstractNcProcessModel(AbstractProcessModel):\n    pass\n"
    ),
    "lava/magma/compiler/subcompilers/nc/ncproc_compiler.py": "",
    "lava/proc/embedded_io/spike.py": "",
}


@pytest.fixture
def fake_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which the probe finds SDK, host, board and generation, and Lava no model for the chip."""
    for name, text in STUBS.items():
        path = tmp_path / "sdk" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    ping = tmp_path / "bin" / "ping"
    ping.parent.mkdir()
    ping.write_text("#!/bin/sh\nexit 0\n")
    ping.chmod(0o755)
    monkeypatch.syspath_prepend(str(tmp_path / "sdk"))
    monkeypatch.setenv("PATH", str(ping.parent), prepend=":")
    monkeypatch.setenv("NXSDKHOST", "board")
    monkeypatch.setenv("LOIHI_GEN", "N3C1")
    return tmp_path / "sdk"


def chain() -> Program:
    program = Program()
    program.population("a", 3, LIF(bias_mant=100))
    program.population("b", 2, LIF())
    program.connect("a", "b", Dense(np.ones((2, 3), int)), "a to b")
    return program


def test_conform_refuses_python_models(fake_chip: Path) -> None:
    with pytest.raises(InputError, match=r"no model for the chip: the neurons .* would run as PyLifModel"):
        conform("loihi2", cases=1, models=["lif"])


def test_the_command_exits_with_2(fake_chip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["conform", "--against", "loihi2", "--cases", "2", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no model for the chip" in shown.err


def test_running_a_program_names_everything_that_is_not_on_the_chip(fake_chip: Path) -> None:
    with pytest.raises(InputError, match=r"the neurons 'a' .*the neurons 'b' .*the synapses 'a to b' \(Dense"):
        run_program(chain(), 3, target="loihi2")


def test_neurocore_models_are_accepted(fake_chip: Path) -> None:
    """With a neurocore model for each process nothing is refused; what the stub cannot do is compile it."""
    models = fake_chip / "lava/proc"
    for name, process in (("lif", "LIF"), ("dense", "Dense")):
        (models / name).mkdir(parents=True)
        (models / name / "ncmodels.py").write_text(
            f"from lava.proc.{name}.process import {process}\n"
            "from lava.magma.core.decorator import implements, requires, tag\n"
            "from lava.magma.core.resources import Loihi2NeuroCore\n"
            "from lava.magma.core.sync.protocols.loihi_protocol import LoihiProtocol\n"
            "from lava.magma.core.model.nc.model import AbstractNcProcessModel\n"
            f"@implements(proc={process}, protocol=LoihiProtocol)\n@requires(Loihi2NeuroCore)\n@tag('fixed_pt')\n"
            f"class Nc{process}Model(AbstractNcProcessModel):\n    def run(self):\n        pass\n"
        )
    with pytest.raises(Exception) as caught:  # noqa: PT011 (a stub's failure is its own)
        run_program(chain(), 3, target="loihi2")
    assert "no model for the chip" not in str(caught.value)


def test_a_whole_extension_is_asked_for(fake_chip: Path) -> None:
    (fake_chip / "lava/magma/core/model/nc/model.py").unlink()
    with pytest.raises(TargetUnavailableError, match=r"lava\.magma\.core\.model\.nc\.model"):
        conform("loihi2", cases=1, models=["lif"])
