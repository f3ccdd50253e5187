"""The top of the command line: unknown commands, errors in one line, exit codes."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import click
import pytest

from equipoise import EquipoiseSampler, solve
from equipoise.cli import main
from substrates.loihi2.annealing import SCHEMES


def test_unknown_command_is_one_line_with_a_guess(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["trian"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "did you mean 'train'" in captured.err


def test_unknown_option_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["--nonsense"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_command_has_help_worth_reading(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert "Usage: equipoise" in text
    assert len(text.splitlines()) > 5


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_command_module_is_importable(name: str) -> None:
    assert importlib.import_module(f"equipoise.cli.{main.COMMANDS[name][0]}").command is not None


@pytest.mark.parametrize("line", [[], ["qubo"], ["qubo", "generate"]])
def test_a_group_alone_shows_its_help_as_it_was_written(line: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(line) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: equipoise")
    assert len(captured.err.splitlines()) > 5


def options(command: click.Command, path: str = "") -> Iterator[tuple[str, click.Parameter]]:
    """(path, option) of a command and of everything below it."""
    yield from ((path, option) for option in command.params)
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from options(below, f"{path} {name}")


def test_every_scheme_of_the_annealer_is_in_the_help_of_the_option() -> None:
    """They are written out there, since help must not wait for the annealer's import."""
    commands = [importlib.import_module(f"equipoise.cli.{module}").command for module, _ in main.COMMANDS.values()]
    found = [getattr(o, "help", "") for c in commands for _, o in options(c) if o.name == "scheme"]
    texts = [*found, EquipoiseSampler.__doc__, EquipoiseSampler.sample.__doc__, solve.__doc__]
    assert len(found) >= 2
    assert [(name, text) for name in SCHEMES for text in texts if not text or name not in text] == []
