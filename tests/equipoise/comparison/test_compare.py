"""One workload on every machine: ratios true at their ends, equal quality and time, what is not reached is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equipoise import TrainConfig, compare
from equipoise.cli.main import run
from equipoise.comparison.machines import find_machine
from equipoise.comparison.result import Comparison, Row
from equipoise.qubo.generators import mis
from equipoise.report.comparison_page import write_comparison_page
from hw_profiles.errors import InputError
from hw_profiles.grades import Estimate, Grade


def row(machine: str, value: float, low: float, high: float, reached: bool = True, boundary: str = "silicon") -> Row:
    estimate = Estimate(value, low, high, Grade.MEASURED)
    return Row(machine, machine.upper(), "chip", 1.0, reached, estimate, estimate, boundary, "made up")


def compared(*rows: Row) -> Comparison:
    return Comparison("w", "u", "cost", False, "quality", 1.0, rows[0].machine, rows, {})


def test_the_headline_is_true_at_the_ends_of_the_ranges() -> None:
    sure = compared(row("a", 10, 8, 12), row("b", 1, 0.5, 2))
    assert sure.ratios()[0].energy == (10, 4, 24)
    assert sure.headline().startswith("B needs at least 4 times less energy than A")
    unsure = compared(row("a", 10, 1, 12), row("b", 1, 0.5, 2))
    assert "is not established: the ratio lies between 0.5 and 24" in unsure.headline()
    worse = compared(row("a", 1, 0.5, 2), row("b", 10, 8, 12))
    assert "No machine here needs less energy than A" in worse.headline()
    assert "at least 4 times more" in worse.headline()


def test_what_was_not_reached_is_said_and_compared_with_nothing() -> None:
    found = compared(row("a", 10, 8, 12), row("b", 1, 0.5, 2, reached=False), row("c", 20, 15, 25))
    assert [ratio.machine for ratio in found.ratios()] == ["c"]
    assert any(text.startswith("Not reached by b") for text in found.warnings())
    base = compared(row("a", 10, 8, 12, reached=False), row("b", 1, 0.5, 2))
    assert "A did not reach" in base.headline()
    assert base.ratios() == ()


def test_mixed_boundaries_carry_a_warning() -> None:
    mixed = compared(row("a", 1, 1, 1), row("b", 1, 1, 1, boundary="board"))
    assert any("different boundaries" in text for text in mixed.warnings())
    same = compared(row("a", 1, 1, 1), row("b", 1, 1, 1))
    assert not any("different boundaries" in text for text in same.warnings())


@pytest.fixture(scope="module")
def qubo() -> Comparison:
    return compare(
        mis(60, 0.1, 0).problem, ["cpu", "loihi2", "crossbar", "gpu-h100"], seconds=0.2, reads=3, steps=20_000
    )


def test_a_qubo_at_equal_quality(qubo: Comparison, tmp_path: Path) -> None:
    for found in qubo.rows:
        assert not found.energy.missing, found
        if found.reached:
            assert found.quality <= qubo.level or "reads reached it" in found.note
    assert qubo.row("cpu").reached
    assert qubo.row("loihi2").reached
    # The chip's time is its own: thousands of steps of microseconds, not the seconds the simulation took.
    assert qubo.row("loihi2").how.startswith("modelled")
    assert qubo.row("cpu").how.startswith("measured")
    page = write_comparison_page(qubo, tmp_path / "c.html")
    text = page.read_text()
    assert qubo.headline().split(":")[0].replace("'", "&#39;") in text
    for words in ("measured", "modelled", "assumed", "What was measured, modelled and assumed"):
        assert words in text
    assert "http" not in text.replace("http://www.w3.org", "")
    with pytest.raises(InputError, match="exists"):
        write_comparison_page(qubo, tmp_path / "c.html")


def test_failures_are_paid_for() -> None:
    # A cost nobody reaches: every read is used up, said, and nothing is divided away.
    found = compare(mis(40, 0.1, 0).problem, ["loihi2", "crossbar"], quality=-1e6, seconds=0.1, reads=2, steps=200)
    assert [one.reached for one in found.rows] == [False, False]
    assert "0 of 2 reads reached it" in found.rows[0].note
    assert "did not reach" in found.headline()


def test_a_qubo_at_equal_time() -> None:
    found = compare(mis(60, 0.1, 0).problem, ["cpu", "loihi2"], equal="time", seconds=0.01, reads=2)
    chip = found.row("loihi2")
    assert chip.time.value == pytest.approx(0.01, rel=0.2)
    assert found.row("cpu").time.value == pytest.approx(0.01, rel=0.6)


def test_inference_on_every_machine() -> None:
    config = TrainConfig(dataset="digits", target="ideal", epochs=1)
    found = compare(config, ["cpu", "loihi2", "assumed", "cpu-i7-4710mq"], samples=40)
    assert found.unit == "inference"
    assert found.row("assumed").how.startswith("modelled")
    qualities = {one.machine: one.quality for one in found.rows}
    assert qualities["cpu"] == qualities["cpu-i7-4710mq"]
    assert all(not one.energy.missing for one in found.rows)
    assert "one at a time" in found.row("cpu").note


def test_training_on_two_machines() -> None:
    config = TrainConfig(dataset="digits", target="ideal", epochs=1)
    found = compare(config, ["cpu", "crossbar"], kind="training", quality=0.05)
    assert all(one.reached for one in found.rows)
    assert all(not one.energy.missing for one in found.rows)


@pytest.mark.parametrize(
    ("machines", "more", "words"),
    [
        (["cpu"], {}, "at least two different machines"),
        (["cpu", "cpu"], {}, "at least two different machines"),
        (["cpu", "nobody"], {}, "nobody"),
        (["cpu", "truenorth"], {}, "figures that none of our programs produce"),
        (["cpu", "loihi2"], {"equal": "luck"}, "expected quality or time"),
        (["cpu", "loihi2"], {"seconds": 0}, "seconds must be above 0"),
        (["cpu", "loihi2"], {"kind": "training"}, "a problem is a qubo"),
    ],
)
def test_bad_input(machines: list[str], more: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        compare(mis(10, 0.2, 0).problem, machines, **more)  # type: ignore[arg-type]


def test_a_chip_file_is_a_machine(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        'schema_version = 1\nname = "mine"\ntitle = "Mine"\nextends = "generic"\nnote = "x"\n[device]\nlevels = 9\n'
        "read_voltage = 0.4\n"
    )
    machine = find_machine(str(path))
    assert machine.kind == "analog"
    assert machine.chip["levels"] == 9
    reads = {p.event: p.energy for p in machine.profile.price}["cell_reads"]  # type: ignore[index]
    assert reads is not None
    assert reads.si().value == pytest.approx(0.4**2 * 10e-6 * 10e-9)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from equipoise.qubo.formats import write

    file, page = tmp_path / "p.qubo", tmp_path / "c.html"
    write(mis(30, 0.2, 0).problem, file)
    arguments = ["compare", "qubo", str(file), "--on", "cpu", "--on", "loihi2", "--seconds", "0.1", "--reads", "2"]
    assert run([*arguments, "--json", "--out", str(page)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {one["machine"] for one in told["rows"]} == {"cpu", "loihi2"}
    assert told["headline"]
    assert page.exists()
    assert run([*arguments, "--out", str(page)]) == 2
    assert run([*arguments, "--boundary", "board"]) == 0
    assert run(["compare", "qubo", str(file), "--on", "cpu"]) == 2
