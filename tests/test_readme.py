"""The Python snippets of the README and of docs/constraints.md run, each in a new process, and print what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
CONSTRAINTS = (ROOT / "docs" / "constraints.md").read_text()
SNIPPETS = re.findall(r"```python\n(.*?)```", README + CONSTRAINTS, re.DOTALL)


def test_there_are_snippets_for_both_halves() -> None:
    assert any("solve(" in snippet for snippet in SNIPPETS)
    assert any("train(" in snippet for snippet in SNIPPETS)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_snippet_runs_and_prints_what_it_says(number: int, tmp_path: Path) -> None:
    code = SNIPPETS[number]
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    promised = re.findall(r"^print\(.*\)  # (.+)$", code, re.MULTILINE)
    assert promised, "a snippet prints something and says what"
    for line in promised:
        assert line in done.stdout, f"{line!r} is not in {done.stdout!r}"


def test_the_two_commands_are_named() -> None:
    assert "make demo" in README
    assert "make test" in README


def test_every_relative_link_leads_somewhere() -> None:
    root = Path(__file__).resolve().parents[1]
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (root / link).exists()] == []
