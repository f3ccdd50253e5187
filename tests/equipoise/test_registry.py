"""Registries: what comes from outside is found, checked, and harms nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise import registry as registries
from equipoise.cli.main import run
from equipoise.registry import Entry, Registry, lazy, load_reference, registry
from hw_profiles.errors import InputError
from hw_profiles.registry import _all_entry_points, _entry_points


def whole(thing: object, what: str) -> int:
    if not isinstance(thing, int):
        raise InputError(f"{what} is {thing!r}; expected a whole number")
    return thing


@pytest.fixture
def numbers() -> Registry[int]:
    return Registry("number", "equipoise.test_numbers", (Entry("one", lambda: 1, "the first"),), whole)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two distributions as pip leaves them: one with a good and a wrong number, one that cannot be imported."""
    good = "two = good_numbers:TWO\nword = good_numbers:WORD\none = good_numbers:TWO"
    for name, source, points in (
        ("good_numbers", "TWO = 2\nWORD = 'two'\n", good),
        ("broken_numbers", "raise RuntimeError('half built')\n", "three = broken_numbers:THREE"),
    ):
        (tmp_path / f"{name}.py").write_text(source)
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[equipoise.test_numbers]\n{points}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    _entry_points.cache_clear()
    _all_entry_points.cache_clear()
    yield
    _entry_points.cache_clear()
    _all_entry_points.cache_clear()
    sys.modules.pop("good_numbers", None)


def test_entry_points_are_listed_without_import_and_a_broken_one_harms_no_other(
    numbers: Registry[int], installed: None
) -> None:
    assert list(numbers) == ["one", "three", "two", "word"]
    assert "broken_numbers" not in sys.modules
    assert "good_numbers" not in sys.modules
    assert numbers.texts()["three"] == "from broken_numbers"
    assert numbers["two"] == 2
    assert numbers["one"] == 1, "a taken name keeps its first owner"
    with pytest.raises(
        InputError, match=r"'three' of the package broken_numbers .* cannot be loaded: RuntimeError: half"
    ):
        numbers.find("three")
    with pytest.raises(InputError, match="expected a whole number"):
        numbers.find("word")
    assert set(numbers.broken()) == {"three", "word"}


def test_a_name_that_is_not_there_is_answered_with_the_nearest(numbers: Registry[int]) -> None:
    numbers.add("seven", 7)
    with pytest.raises(
        InputError, match=r"no number 'sevn'; did you mean 'seven'\? There are one, seven, or give path"
    ):
        numbers.check("sevn")
    with pytest.raises(InputError, match="there already"):
        numbers.add("one", 2)
    with pytest.raises(InputError, match="expected a whole number"):
        numbers.add("half", 0.5)  # type: ignore[arg-type]
    numbers.remove("seven")
    assert "seven" not in numbers


def test_a_file_and_a_name(numbers: Registry[int], tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\n\n@dataclass\nclass Point:\n    x: int = 3\n\nNINE = Point().x ** 2\n"
    )
    assert numbers.find(f"{file}:NINE") == 9
    assert load_reference(f"{file}:Point") is load_reference(f"{file}:Point"), "a file is imported once"
    with pytest.raises(InputError, match=r"mine.py has no 'NIN'; did you mean 'NINE'\?"):
        numbers.find(f"{file}:NIN")
    with pytest.raises(InputError, match=r"mine.py:Point is <class .*expected a whole number"):
        numbers.check(f"{file}:Point")
    with pytest.raises(InputError, match=r"no file .*other\.py"):
        numbers.find(f"{tmp_path / 'other.py'}:NINE")
    file.write_text("NINE = 1 +\n")
    with pytest.raises(InputError, match=r"mine.py cannot be loaded: SyntaxError"):
        numbers.find(f"{file}:NINE")
    with pytest.raises(InputError, match="no_such_module cannot be loaded: ModuleNotFoundError"):
        numbers.find("no_such_module:THING")


def test_own_entries_are_imported_when_they_are_used() -> None:
    table: Registry[object] = Registry("thing", "equipoise.test_things", (lazy("gone", "no_such_module_of_ours:X"),))
    table.check("gone")
    with pytest.raises(ModuleNotFoundError):
        table.find("gone")


@pytest.mark.parametrize("kind", registries.KINDS)
def test_every_registry_of_the_package_loads_all_it_names(kind: str) -> None:
    table = registry(kind)
    assert len(table) > 0
    for name, text in table.texts().items():
        assert text, f"the {kind} {name!r} has no line of help"
        assert table.find(name) is not None


def test_names_are_had_without_the_heavy_libraries() -> None:
    program = (
        "import sys\nfrom equipoise.registry import KINDS, registry\n"
        "for kind in set(KINDS) - {'neuron'}: registry(kind).choices()\n"  # found by importing them
        "heavy = {'torch', 'numba', 'scipy', 'matplotlib', 'brian2', 'lava', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_unknown_kind_is_an_input_error() -> None:
    with pytest.raises(InputError, match="did you mean 'estimator'"):
        registry("estimators")


def test_the_command_lists_a_broken_plug_in_beside_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    info = tmp_path / "half-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: half\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[equipoise.rules]\nhalf = half_a_package:RULE\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    for cached in (_entry_points, _all_entry_points):
        cached.cache_clear()
    assert run(["extensions", "estimator", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["extensions"]}
    assert "ModuleNotFoundError" in rows["half"]["broken"]
    assert (rows["half"]["origin"], rows["centered"]["origin"], rows["centered"]["broken"]) == ("half", "equipoise", "")
    assert run(["train", "--estimator", "half", "--epochs", "1"]) == 2
    assert "half_a_package" in capsys.readouterr().err
    for cached in (_entry_points, _all_entry_points):
        cached.cache_clear()
