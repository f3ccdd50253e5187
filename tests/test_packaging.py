"""The sdist makes a wheel, the wheel holds everything it needs, and the command line starts fast."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build", reason="the build front end is a development dependency")
    pytest.importorskip("hatchling", reason="the build back end is a development dependency")
    out = tmp_path_factory.mktemp("dist")
    # No isolation: the back end is installed, and a test must not need a network.
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
    )
    return next(out.glob("*.whl"))


def test_wheel_made_from_the_sdist_loads_every_profile_from_elsewhere(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "from hw_profiles.profile import list_profiles, load_profile\n"
        "import hw_profiles\n"
        "names = list_profiles(); [load_profile(n) for n in names]\n"
        "print(hw_profiles.__file__); print(len(names))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    where, count = done.stdout.split()
    assert where.startswith(str(tmp_path / "site"))
    assert int(count) >= 4


def test_wheel_holds_the_five_packages_typed_and_no_tests(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"substrates", "learning_rules", "mappers", "hw_profiles", "equipoise"}
    assert all(f"{package}/py.typed" in names for package in tops)
    assert not [name for name in names if "/test" in name and not name.startswith("equipoise/testing/")]


def test_version_starts_in_under_a_third_of_a_second() -> None:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "equipoise", "--version"], check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.3


@pytest.mark.parametrize("arguments", [["--help"], ["bench", "--help"]])
def test_help_loads_no_heavy_package(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from equipoise.cli.main import run\n"
        f"run({arguments!r})\n"
        "print(sorted({'torch', 'numba', 'brian2', 'lava', 'h5py', 'dimod', 'matplotlib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("[]")
