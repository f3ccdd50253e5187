"""The core works without what learns: a process in which torch and scikit-learn cannot be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[1]
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "sklearn", "torchvision"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
"""
COMMAND = WITHOUT + "from equipoise.__main__ import main\nmain()\n"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, cwd=folder)


def test_what_the_core_needs_is_what_it_names() -> None:
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert not [line for line in needs["dependencies"] if line.startswith(("torch", "scikit-learn"))]
    assert any(line.startswith("torch") for line in needs["optional-dependencies"]["train"])


def test_solving_pricing_reporting_and_programs(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import numpy as np\nfrom substrates.loihi2.neurons import LIF\nfrom substrates.loihi2.program import Program\n"
        "from substrates.loihi2.synapses import Dense\n\ndef made():\n    p = Program()\n"
        "    p.source('in', np.eye(4, dtype=int))\n    p.population('out', 3, LIF(vth=2))\n"
        "    p.connect('in', 'out', Dense(np.full((3, 4), 60)))\n    return p\n"
    )
    for words in (
        "qubo generate mis --nodes 40 --density 0.1 --out q.npz",
        "qubo solve q.npz --steps 200 --out r.h5",
        "qubo solve q.npz --target analog --steps 200",
        "qubo solve q.npz --scheme eviction --steps 200",
        "price r.h5 --profile loihi1",
        "report r.h5 --out p.html",
        "records show r.h5",
        "run net.py:made --steps 10",
        "watch r.h5 --json",
        "targets",
        "profiles list",
        "extensions",
    ):
        done = run(tmp_path, *words.split())
        assert done.returncode == 0, (words, done.stderr[-600:])


@pytest.mark.parametrize("words", ["train --dataset digits", "demo --out d"])
def test_what_learns_names_the_extra(words: str, tmp_path: Path) -> None:
    done = run(tmp_path, *words.split())
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].endswith("pip install 'equipoise[train]'")
    assert "Traceback" not in done.stderr


def test_python_names_it_too(tmp_path: Path) -> None:
    script = WITHOUT + (
        "import json, equipoise\n"
        "print(json.dumps(float(equipoise.solve({('a', 'a'): -1, ('a', 'b'): 2}, steps=50).best_cost)))\n"
        "try:\n    equipoise.train\nexcept ModuleNotFoundError as error:\n    print(json.dumps(str(error)))\n"
    )
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    cost, said = map(json.loads, done.stdout.splitlines())
    assert cost == -1
    assert said == ("equipoise.train: this needs PyTorch, which is not installed: pip install 'equipoise[train]'")
