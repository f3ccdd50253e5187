"""Names of files that mean something to what prints them: shown as they are, and no work is lost over them."""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.cli.main import run
from hw_profiles.ledger import Event, Ledger
from hw_profiles.record import Record

NAMES = ["[/x]", "[bold]", "$\\frac{", "$a$b$", "_hidden", "a\u202egnp", "[red", "%s {x}"]


def record(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    ledger = Ledger()
    ledger.add(Event.STEPS, 1000, layer="$x[/]")
    ledger.add(Event.SYNAPTIC_OPERATIONS, 1000, core=0)
    with Record.create(
        path, kind="train", config={}, seeds={}, target={"requested": "a", "resolved": "loihi2-sim", "reason": ""}
    ) as made:
        made.append("epochs", {"epoch": 1, "test_accuracy": 0.5})
        made.append("epochs", {"epoch": 2, "test_accuracy": 0.6})
        made.result("test_accuracy", 0.6)
        made.set_ledger(ledger)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_command_takes_any_name(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = record(tmp_path / f"{name}.h5")
    assert run(["records", "ls", str(file)]) == 0
    assert run(["records", "show", str(file)]) == 0
    page = tmp_path / f"{name}.html"
    figures = tmp_path / f"figures {name}"
    assert run(["report", str(file), "--out", str(page), "--figures", str(figures), "--figure-format", "svg"]) == 0
    assert page.is_file()
    assert len(list(figures.iterdir())) >= 3
    problem = tmp_path / f"{name}.qubo"
    assert run(["qubo", "generate", "mis", "--nodes", "6", "--density", "0.5", "--out", str(problem)]) == 0
    assert run(["qubo", "solve", str(problem), "--steps", "10", "--out", str(tmp_path / f"{name}-s.h5")]) == 0
    printed = "".join(capsys.readouterr()).replace("\n", "")
    assert "Traceback" not in printed
    assert "\u202e" not in page.read_text()


@pytest.mark.parametrize("name", ["a[bold]b", "a[red", "$a$b$"])
def test_a_name_is_said_as_it_is(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / f"{name}.toml"
    assert run(["train", "--save-config", str(file)]) == 0
    assert f"{name}.toml" in capsys.readouterr().err


def test_the_name_is_in_the_picture_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "p.html"
    assert run(["report", str(record(tmp_path / "a$b$c.h5")), "--out", str(page)]) == 0
    assert "a$b$c" in page.read_text()
    figure = tmp_path / "f"
    assert run(["report", str(tmp_path / "a$b$c.h5"), "--out", str(tmp_path / "q.html"), "--figures", str(figure)]) == 0


@pytest.mark.parametrize("option", ["--out"])
@pytest.mark.parametrize("name", ["nul\0byte", "n" * 300, "d/" * 3000 + "x"])
@pytest.mark.parametrize(
    "command",
    [
        ["train", "--epochs", "1"],
        ["qubo", "generate", "mis", "--nodes", "6", "--density", "0.5"],
        ["sweep", "mis-105"],
        ["report", "FILE"],
        ["records", "export", "FILE"],
    ],
)
def test_names_no_disk_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, name: str, command: list[str]
) -> None:
    file = record(tmp_path / "r.h5")
    arguments = [str(file) if word == "FILE" else word for word in command]
    assert run([*arguments, option, f"{tmp_path}/{name}"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert len(error) <= 301
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.h5"]


def test_messages_are_one_short_line_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    for word in ("x" * 5000, "a\u202eb\x1b[31mc\nd", "\ud800"):
        assert run(["profiles", "show", word]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert len(error) <= 301
        assert not set("\u202e\x1b\ud800") & set(error)
