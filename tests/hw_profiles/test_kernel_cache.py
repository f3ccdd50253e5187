"""Kernels where no cache can be written: they work, and one warning says so."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import hw_profiles

ROOT = Path(hw_profiles.__file__).parent.parent
PACKAGES = ("substrates", "learning_rules", "mappers", "hw_profiles", "equipoise")


def sealed(folder: Path) -> dict[str, str]:
    """The environment of an installation in ``folder`` in which nothing can be written, and of a user without a home.

    A plain file takes the place of every cache folder: that stops whoever runs the tests, root as well.
    """
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir():
            (path / "__pycache__").touch()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "NUMBA_", "HOME"))}
    return {**kept, "PYTHONPATH": str(folder), "HOME": "/dev/null", "OMP_NUM_THREADS": "1"}


def test_a_kernel_of_ours_is_compiled_without_a_cache_and_one_warning_says_so(tmp_path: Path) -> None:
    code = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import substrates.loihi2.widths, mappers, substrates.loihi2.random, mappers.partition_kernels\n"
        "assert substrates.__file__.startswith(__import__('sys').argv[1])\n"
        "print(len([w for w in caught if 'cannot be kept' in str(w.message)]))\n"
        "import sys\n"
        "assert not any(type(f).__name__ == '_WhenNumbaComes' for f in sys.meta_path)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env=sealed(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1\n"


def test_kernels_of_others_are_none_of_our_business(tmp_path: Path) -> None:
    (tmp_path / "sealed").mkdir()
    environment = sealed(tmp_path / "sealed")
    (tmp_path / "others.py").write_text("import numba\n@numba.njit(cache=True)\ndef f(x):\n    return x + 1\n")
    (tmp_path / "__pycache__").touch()
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import hw_profiles, others"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert "cannot cache function" in done.stderr


def test_a_disk_without_room_for_the_cache_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import njit
    from numba.core.caching import FunctionCache

    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hw_profiles.kernel_cache._warned", False)
    monkeypatch.setattr(FunctionCache, "_save_overload", full)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def add(x: int) -> int:
        return x + 1

    add.__module__ = "substrates.made_up"
    kernel = njit(cache=True)(add)
    with pytest.warns(UserWarning, match="cannot be kept"):
        assert kernel(1) == 2
    add.__module__ = "others"
    with pytest.raises(OSError, match="No space left"):
        njit(cache=True)(add)(1)


@pytest.mark.slow
def test_solving_and_training_in_a_read_only_installation_without_a_home(tmp_path: Path) -> None:
    (tmp_path / "sealed").mkdir()
    environment = sealed(tmp_path / "sealed")
    problem = tmp_path / "p.qubo"
    problem.write_text("p qubo 0 3 3 2\n0 0 -2\n1 1 -2\n2 2 -1\n0 1 3\n1 2 3\n")
    for arguments in (
        ["qubo", "solve", str(problem), "--steps", "50", "--json"],
        ["train", "--target", "ideal", "--layers", "64-8-10", "--epochs", "1", "--train-samples", "40",
         "--test-samples", "20", "--free-steps", "5", "--nudge-steps", "5", "--out", str(tmp_path / "t.h5")],
    ):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "equipoise", *arguments],
            env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("cannot be kept") == 1
