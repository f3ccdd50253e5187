"""Lava's own tests under our loader: does the patch for Python 3.11 change anything?

    git clone --branch v0.10.0 https://github.com/lava-nc/lava
    python bench/lava_own_tests.py lava/tests                          # all of them
    python bench/lava_own_tests.py lava/tests --select lava/proc       # those of the processes

Runs every test file in a process of its own (a hung one is ended after ``--timeout`` seconds and counted), prints the
tests that fail with the last line of what was raised, and ends with 1 if there are any. Files that Git LFS keeps
elsewhere are often missing from a copy of the repository: the tests that read them are told apart.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

#: how a file looks whose content Git LFS keeps elsewhere
POINTER = b"version https://git-lfs"


INSIDE = """
import sys, warnings
warnings.simplefilter("ignore")
from substrates.loihi2.lava.loader import load_lava
load_lava()
import pytest
raise SystemExit(pytest.main(sys.argv[1:]))
"""


def main() -> int:
    """Run them and say which fail."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tests", type=Path, help="the folder tests of a copy of lava-nc 0.10.0")
    parser.add_argument("--select", default="lava", help="folder or file below it")
    parser.add_argument("--timeout", type=float, default=300.0, help="seconds for one file")
    given = parser.parse_args()
    top = given.tests.resolve()
    chosen = top / given.select
    files = [chosen] if chosen.is_file() else sorted(chosen.rglob("test_*.py"))
    if not files:
        parser.error(f"no test files below {chosen}")
    counts: Counter[str] = Counter()
    for path in files:
        outcome = one_file(top, path, given.timeout)
        counts.update({name: outcome[name] for name in ("passed", "failed", "skipped")})
        for test, last in outcome["failures"].items():
            missing = needs_a_missing_file(top, last)
            counts["missing files"] += missing
            print(f"{test}: {last}{' (a file that Git LFS keeps elsewhere)' if missing else ''}", flush=True)
    print(json.dumps({"files": len(files), **counts}))
    return 1 if counts["failed"] else 0


def one_file(top: Path, path: Path, timeout_s: float) -> dict[str, Any]:
    """Run one file; counts, and what was raised by every failure."""
    name = str(path.relative_to(top))
    folders = os.pathsep.join([str(Path(__file__).resolve().parents[1]), str(top.parent)])
    where = {**os.environ, "MPLBACKEND": "Agg", "PYTHONPATH": folders}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        arguments = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore", "-c", os.devnull,
                     "--rootdir", str(top), f"--junitxml={report}", str(path)]  # fmt: skip
        command = [sys.executable, "-c", INSIDE, *arguments]
        try:
            done = subprocess.run(
                command, cwd=top.parent, env=where, capture_output=True, text=True, timeout=timeout_s, check=False
            )
        except subprocess.TimeoutExpired:
            return {"passed": 0, "failed": 1, "skipped": 0, "failures": {name: f"hung for {timeout_s:.0f} s"}}
        if not report.is_file():
            last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no test ran"]
            return {"passed": 0, "failed": 1, "skipped": 0, "failures": {name: last[0]}}
        return read_report(report, name)


def read_report(report: Path, name: str) -> dict[str, Any]:
    """Counts and failures out of pytest's report."""
    found: dict[str, Any] = {"passed": 0, "failed": 0, "skipped": 0, "failures": {}}
    for case in ElementTree.parse(report).iter("testcase"):
        raised = [child for child in case if child.tag in ("failure", "error")]
        if raised:
            found["failed"] += 1
            text = raised[0].get("message") or (raised[0].text or "").strip()
            found["failures"][f"{name}::{case.get('name')}"] = " ".join(text.split())[:200]
        else:
            found["skipped" if case.find("skipped") is not None else "passed"] += 1
    return found


def needs_a_missing_file(top: Path, text: str) -> bool:
    """Whether a failure's text is what reading a pointer of Git LFS gives, and there are such."""
    pointers = any(
        path.stat().st_size < 200 and path.read_bytes().startswith(POINTER)
        for pattern in ("*.npy", "*.npz", "*.bin")
        for path in top.rglob(pattern)
    )
    return pointers and ("pickled" in text or "git-lfs" in text or "UnpicklingError" in text)


if __name__ == "__main__":
    sys.exit(main())
