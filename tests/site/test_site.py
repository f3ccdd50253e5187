"""The site: it builds without a warning and without a network, its code runs, its links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import equipoise

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.py"))
STARTS = sorted((DOCS / "start").glob("*.md"))
QUIET = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "NO_MKDOCS_2_WARNING": "1"}


def run(words: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=600, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT), **QUIET, **environment},
    )  # fmt: skip


@pytest.mark.slow
def test_it_builds_offline_without_a_warning_and_every_public_name_has_its_place(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs", reason="the extra docs is not installed")
    # Whoever asks for a proxy that is not there gets an error, which fails the build.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    words = ["-m", "mkdocs", "build", "--strict", "--quiet", "--config-file", str(ROOT / "mkdocs.yml")]
    done = run([*words, "--site-dir", str(tmp_path)], ROOT, EQUIPOISE_EXECUTE_NOTEBOOKS="false", **nowhere)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    pages = {page: page.read_text() for page in tmp_path.rglob("*.html")}
    assert len(pages) > 60
    fetched = r'<(?:script|img|iframe|source)[^>]+src="https?:|<link[^>]+rel="stylesheet"[^>]+href="https?:'
    assert [page for page, text in pages.items() if re.search(fetched, text)] == []
    reference = "".join(text for page, text in pages.items() if page.parent.name == "reference")
    missing = [name for name, home in equipoise._HOME.items() if f'id="{home}.{name}"' not in reference]
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    if path.stem == "bring_network":
        pytest.importorskip("nir", reason="the extra nir is not installed")
    done = run([str(path)], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]


def blocks(path: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", path.read_text(), re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize("path", STARTS, ids=lambda path: path.stem)
def test_a_start_reaches_a_result(path: Path, tmp_path: Path) -> None:
    code = blocks(path)
    assert len(code[0].strip().splitlines()) <= 19
    (tmp_path / "start.py").write_text("\n".join(code))
    done = run(["start.py"], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.strip()
    drawn = re.findall(r'savefig\("(.+?)"', "".join(code))
    assert all((tmp_path / name).stat().st_size > 5000 for name in drawn)


def test_eight_notebooks_and_every_page_are_in_the_navigation() -> None:
    listed = set(re.findall(r": ([\w/]+\.(?:md|py))$", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE)) | {"index.md"}
    there = {path.relative_to(DOCS).as_posix() for path in [*DOCS.glob("*.md"), *STARTS, *NOTEBOOKS]}
    assert len(NOTEBOOKS) == 8
    assert there == listed
