"""Published figures beside ours: the shipped files are sound, the arithmetic is right, bad files are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw_profiles.citations import references
from hw_profiles.errors import InputError
from hw_profiles.validation.checking import compare_all, compare_run, summarise
from hw_profiles.validation.publication import list_publications, load_publication

GOOD = """
schema_version = 1
title = "A board"
source = "a meter"
read = "own"

[[run]]
name = "waiting"
machine = "Loihi 2"
profile = "loihi2"
boundary = "board"
role = "checks"
chips = 1
counts = { waiting_nanoseconds = 1000000000 }
figure = [{ quantity = "power", value = 2.0, unit = "W" }, { quantity = "energy", value = 500, unit = "mJ", per = 2 }]
"""


def test_enough_is_published_and_nothing_is_dropped() -> None:
    rows = compare_all()
    summary = summarise(rows)
    assert summary.checks >= 60
    assert summary.machines >= 12
    assert not [row for row in rows if row.ours.missing], "every shipped figure can be computed"
    assert any(not row.inside for row in rows if row.role == "checks"), "misses stay in the table"
    assert summary.coverage > 0.75, "a change of the model or of a price lost figures that it held"
    assert summary.median_width <= 6


@pytest.mark.parametrize("path", list_publications(), ids=lambda path: path.stem)
def test_every_shipped_file_cites_a_source_we_have(path: Path) -> None:
    publication = load_publication(path)
    assert publication.cite in references()
    assert publication.read != "own"


def test_no_run_both_sets_and_checks() -> None:
    roles: dict[tuple[str, str, str, float], set[str]] = {}
    for row in compare_all():
        roles.setdefault((row.machine, row.run, row.quantity, row.published), set()).add(row.role)
    assert all(len(some) == 1 for some in roles.values())


def test_the_documentation_holds_the_numbers_of_today() -> None:
    from equipoise.report.validation_page import headline

    text = (Path(__file__).resolve().parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    for sentence in headline(summarise(compare_all())):
        assert sentence in text, "make it again: equipoise validate --out docs/validation.md --force"


def test_the_arithmetic_of_a_comparison(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD)
    power, energy = compare_all(files=[path])
    assert power.ours.value == pytest.approx(1.78)  # the board's static power
    assert power.published == 2.0
    assert power.factor == pytest.approx(1.78 / 2)
    assert power.inside
    assert energy.published == pytest.approx(0.5)
    assert energy.ours.value == pytest.approx(1.78 / 2)
    assert energy.ours.low == pytest.approx(1.19 / 2)
    assert not energy.inside
    summary = summarise([power, energy])
    assert (summary.inside, summary.checks, summary.coverage) == (1, 2, 0.5)


def test_assumed_counts_widen_the_range(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    amount = '{ value = 1000000000, low = 500000000, high = 2000000000, note = "a guess" }'
    path.write_text(GOOD.replace("waiting_nanoseconds = 1000000000", f"waiting_nanoseconds = {amount}"))
    _, energy = compare_all(files=[path])
    assert energy.ours.low == pytest.approx(1.19 / 4)
    assert energy.ours.high == pytest.approx(2.67)


def test_placed_counts_bind_the_heaviest_core(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    text = GOOD.replace("counts = { waiting_nanoseconds = 1000000000 }",
                        "cores = 4\nheaviest_core = { neuron_updates_inactive = 700 }\n"
                        "counts = { neuron_updates_inactive = 1000 }")  # fmt: skip
    path.write_text(
        text.replace('quantity = "power", value = 2.0, unit = "W"', 'quantity = "time", value = 1, unit = "s"')
    )
    time = compare_run(load_publication(path), load_publication(path).run[0])[0]
    assert time.ours.value == pytest.approx(700 * 49.8e-9)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('boundary = "board"', "", "run 'waiting'.boundary: Field required"),
        ("counts = { waiting_nanoseconds = 1000000000 }", "", "its workload cannot be counted"),
        ("waiting_nanoseconds", "waiting_seconds", "no event waiting_seconds"),
        ('role = "checks"', 'role = "sets"', "says what in sets"),
        ('role = "checks"', 'role = "sets"\nsets = ["price of gold"]', "sets 'price of gold', which loihi2 has not"),
        ('unit = "W"', 'unit = "J"', "power in 'J': expected a unit of power"),
        ('quantity = "power"', 'quantity = "beauty"', "unknown quantity 'beauty'"),
        ("counts = {", 'recipe = { name = "soup" }\ncounts = {', "counts or a recipe, not both"),
        ('read = "own"', 'read = "dreamt"', "read"),
        ("schema_version = 1", "schema_version = = 1", "not a TOML file"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = tmp_path / "own.toml"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        compare_all(files=[path])


def test_one_run_in_two_roles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    run = GOOD[GOOD.index("[[run]]") :]
    twin = run.replace('"waiting"', '"again"').replace(
        'role = "checks"', 'role = "sets"\nsets = ["static_power board"]'
    )
    path.write_text(GOOD + twin)
    with pytest.raises(InputError, match="both sets and checks"):
        load_publication(path)


def test_an_unknown_recipe_is_shown_as_what_cannot_be_counted(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(GOOD.replace("counts = { waiting_nanoseconds = 1000000000 }", 'recipe = { name = "soup" }'))
    row = compare_all(files=[path])[0]
    assert "no recipe 'soup'" in row.ours.missing[0]
    assert not row.inside
