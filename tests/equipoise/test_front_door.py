"""``import equipoise``: what people come for, loaded when it is used."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import equipoise

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    ".".join(path.parent.relative_to(ROOT).parts): path
    for top in ("hw_profiles", "substrates", "learning_rules", "mappers", "equipoise")
    for path in sorted((ROOT / top).rglob("__init__.py"))
}
HEAVY = ("torch", "numba", "numpy", "brian2", "lava", "h5py", "dimod", "matplotlib", "pydantic", "scipy")


@pytest.mark.parametrize("name", equipoise.__all__)
def test_every_name_that_is_offered_is_there(name: str) -> None:
    assert getattr(equipoise, name) is not None
    assert name in dir(equipoise)


@pytest.mark.parametrize("package", [name for name, path in PACKAGES.items() if "__getattr__" in path.read_text()])
def test_a_package_that_loads_late_has_all_it_offers(package: str) -> None:
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None, f"{package}.{name}"


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, equipoise; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_verbs_work_from_here() -> None:
    entries = {("a", "a"): -1, ("b", "b"): -1, ("a", "b"): 3}
    solution = equipoise.solve(entries, "loihi2-sim", steps=100)
    assert solution.best_cost == -1
    assert solution.target.resolved == "loihi2-sim"
    assert solution.energy.value > 0
    assert str(solution.energy.grade) == solution.energy["grade"]
    assert solution.wall_s >= solution.work_s > 0
    samples = equipoise.anneal(entries, "loihi2-sim", num_steps=100, num_reads=3)
    assert len(samples) == 3
    assert samples.first.energy == -1
    config = equipoise.TrainConfig(layers=(64, 8, 10), epochs=1, train_samples=32, test_samples=10)
    result = equipoise.train(config)
    assert result.target.requested == "ideal"
    assert len(repr(result)) < 120
