"""``report``: neither the page nor a figure replaces what is there, and nothing is half done when one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.cli.main import run
from equipoise.study.spec import study_of
from hw_profiles.record import Record


@pytest.fixture
def record(tmp_path: Path) -> Path:
    with Record.create(tmp_path / "r.h5", kind="train", config={}, seeds={}, target={"resolved": "ideal"}) as made:
        made.append("epochs", {"epoch": 1, "test_accuracy": 0.5})
        made.append("epochs", {"epoch": 2, "test_accuracy": 0.6})
        made.result("test_accuracy", 0.6)
    return tmp_path / "r.h5"


def report(record: Path, *more: str) -> int:
    folder = record.parent
    return run(["report", str(record), "--out", str(folder / "p.html"), "--figures", str(folder / "figures"), *more])


def test_a_figure_that_is_there_is_refused_and_no_page_is_written(
    record: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(record, "--figure-format", "svg") == 0
    drawn = sorted((record.parent / "figures").iterdir())
    assert len(drawn) >= 1
    (record.parent / "p.html").unlink()
    for figure in drawn[1:]:
        figure.unlink()
    drawn[0].write_text("precious")
    capsys.readouterr()
    assert report(record, "--figure-format", "svg") == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert drawn[0].name in error
    assert drawn[0].read_text() == "precious"
    assert list((record.parent / "figures").iterdir()) == drawn[:1]
    assert not (record.parent / "p.html").exists()
    assert report(record, "--figure-format", "svg", "--force") == 0
    assert "<svg" in drawn[0].read_text()
    assert sorted((record.parent / "figures").iterdir()) == drawn


def test_the_record_itself_is_never_the_page(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = record.read_bytes()
    assert run(["report", str(record), "--out", str(record), "--force"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert record.read_bytes() == before


def test_a_studys_file_alone_is_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, record, page = tmp_path / "s.h5", tmp_path / "r.h5", tmp_path / "s.html"
    (tmp_path / "s.toml").write_text(
        'title = "Nets of two sides"\ntask = "workload"\n'
        '[fixed]\nworkload = "membrane"\nupdates = 5\n[grid]\nside = [2, 3]\n'
    )
    assert run(["sweep", str(tmp_path / "s.toml"), "--out", str(study), "--report", str(tmp_path / "swept.html")]) == 0
    assert run(["report", str(study), "--out", str(page)]) == 0
    made = [
        [line for line in path.read_text().splitlines() if "UTC" not in line]
        for path in (page, tmp_path / "swept.html")
    ]
    assert made[0] == made[1]
    assert "<h1>Nets of two sides</h1>" in page.read_text()
    assert run(["workload", "run", "membrane", "--size", "side=2,updates=5", "--out", str(record)]) == 0
    capsys.readouterr()
    assert run(["report", str(study), str(record), "--out", str(tmp_path / "both.html")]) == 2
    assert "a study has a page of its own" in capsys.readouterr().err
    page.write_text("mine")
    assert run(["report", str(study), "--out", str(page)]) == 2
    assert page.read_text() == "mine"
    assert run(["report", str(study), "--out", str(page), "--force"]) == 0
    assert "Nets of two sides" in page.read_text()


def test_a_study_whose_text_is_damaged_still_has_a_page() -> None:
    assert study_of("a", "title = 3\nfinding = 'nothing known'").title == "3"
    assert study_of("a", "finding = 'nothing known'").finding == ""
    assert study_of("a", "]]").title == "a"
