"""Profile files: those that ship are sound and cited; a bad one is refused with everything wrong at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hw_profiles.citations import cite, references
from hw_profiles.errors import InputError
from hw_profiles.grades import Grade, weakest
from hw_profiles.profile import check_profile, list_profiles, load_profile

ROOT = Path(__file__).resolve().parents[2]

BAD = """
schema_version = 1
name = "mine"
title = "Mine"
kind = "digital-neuromorphic"
description = "four things wrong, and more"
static_within = "nothing"

[[price]]
event = "synaptic_operations"
component = "synapse"
energy = { value = -2, low = 0, high = 3, unit = "pJ", grade = "assumed", note = "x" }
time = { value = 1, low = 2, high = 3, unit = "pJ", grade = "assumed", note = "x" }

[[price]]
event = "neuron_updates_active"
component = "neuron"

[[price]]
event = "sparkles"
component = "neuron"
energy = { value = 1, low = 1, high = 1, unit = "furlong", grade = "measured", cite = ["nobody"] }
time_within = "nothing"
"""


@pytest.mark.parametrize("name", list_profiles())
def test_every_citation_resolves(name: str) -> None:
    known = references()
    profile = load_profile(name)
    for place, figure in profile.figures():
        for key in figure.cite:
            assert key in known, f"{name}: {place} cites {key}"
            assert len(cite(key)) > 20
    for rule in profile.validity:
        assert set(rule.cite) <= known.keys()


def test_the_bibliography_of_the_docs_is_the_one_used() -> None:
    used = (ROOT / "hw_profiles" / "references.bib").read_text(encoding="utf-8")
    assert (ROOT / "docs" / "references.bib").read_text(encoding="utf-8") == used
    lines = [line for line in used.splitlines() if line.strip()]
    assert len(references()) == len(lines)


def test_all_profiles_of_the_documentation_are_there() -> None:
    expected = {"loihi1", "loihi1-fitted", "loihi2", "hala-point", "truenorth", "spinnaker1", "spinnaker2"}
    expected |= {
        "brainscales2",
        "hermes-pcm",
        "crossbar",
        "digital-45nm",
        "cpu",
        "this-machine",
        "gpu-a100",
        "gpu-h100",
    }
    expected |= {"speck", "xylo", "akida", "odin", "reckon", "neurram", "mcu-stm32l4r5", "fpga-bifurcation"}
    assert expected <= set(list_profiles())
    assert load_profile("gpu").name == "gpu-a100"


def test_a_bad_profile_is_refused_with_everything_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(BAD)
    problems = "\n".join(check_profile(path))
    assert "price[synaptic_operations].energy.value: must not be negative" in problems
    assert "price[synaptic_operations].time: wrong unit 'pJ' (energy)" in problems
    assert "price[neuron_updates_active].energy: missing price" in problems
    assert "price[neuron_updates_active].time: missing price" in problems
    assert "unknown event 'sparkles'" in problems
    assert "unknown unit 'furlong'" in problems
    assert "the range must hold the value: low 2.0 <= value 1.0" in problems
    for event in ("neuron_updates_inactive", "messages", "steps"):
        assert f"missing price for {event}" in problems
    with pytest.raises(InputError, match="sparkles"):
        load_profile(path)


def test_an_unknown_citation_or_no_source_is_an_error(tmp_path: Path) -> None:
    text = (ROOT / "hw_profiles" / "profiles" / "truenorth.toml").read_text()
    path = tmp_path / "t.toml"
    path.write_text(text.replace('cite = ["merolla2014"]', "cite = []"))
    assert any("needs a citation" in problem for problem in check_profile(path))


def test_a_profile_of_ones_own_is_loaded_by_path(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    text = (ROOT / "hw_profiles" / "profiles" / "truenorth.toml").read_text()
    path.write_text(text.replace('name = "truenorth"', 'name = "own"'))
    assert check_profile(path) == []
    assert load_profile(path).name == "own"
    path.write_text(text.replace('name = "truenorth"', 'name = "changed"'))
    assert load_profile(str(path)).name == "changed"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no profile file"), ("not = = toml", "not a TOML file"), ("", "schema_version")],
)
def test_unusable_files(tmp_path: Path, content: str | None, words: str) -> None:
    path = tmp_path / "p.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=words):
        load_profile(path)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="loihi2"):
        load_profile("loihi7")


def test_weakest_grade() -> None:
    assert weakest([Grade.MEASURED, Grade.INHERITED, Grade.FITTED]) is Grade.INHERITED
    assert weakest([]) is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('boundary = "silicon"\nper_chip', "per_chip", "says no boundary"),
        ('boundary = "silicon"\nper_chip', 'boundary = "chip"\nper_chip', "board"),
        (
            'boundary = "silicon"\nper_chip',
            'boundary = "board"\nper_chip',
            "none at the profile's own boundary, silicon",
        ),
        (
            "[capacity]",
            '[[static_power]]\nboundary = "silicon"\nwithin = "x"\n\n[capacity]',
            "two powers at the boundary",
        ),
        ('title = "IBM TrueNorth"', 'title = "t"\nextends = "nothing"', "extends 'nothing', which is no profile"),
    ],
)
def test_a_power_says_its_boundary(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = (ROOT / "hw_profiles" / "profiles" / "truenorth.toml").read_text()
    assert old in text
    path = tmp_path / "t.toml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        load_profile(path)


def test_an_own_price_replaces_the_inherited_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'schema_version = 2\nname = "mine"\nextends = "truenorth"\ntitle = "Mine"\n[[price]]\n'
        'event = "synaptic_operations"\ncomponent = "chip"\ntime_within = "the tick"\n'
        'energy = { value = 3, low = 2, high = 4, unit = "pJ", grade = "assumed", note = "ours" }\n'
    )
    mine, base = load_profile(path), load_profile("truenorth")
    energies = [p.energy.value for p in mine.price if p.event == "synaptic_operations" and p.energy]
    assert energies == [3]
    assert len(mine.price) == len(base.price)
    assert mine.static_power == base.static_power
