"""The page: it stands alone, says what was asked and got, and is readable by everyone."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from equipoise.report import write_report
from equipoise.report.formats import number, quantity
from equipoise.report.pareto import hypervolume, pareto_front
from equipoise.study.store import Entry, StudyData
from hw_profiles.errors import InputError
from hw_profiles.ledger import Event, Ledger
from hw_profiles.record import Record


def qubo(path: Path, cost: float, steps: int) -> Path:
    ledger = Ledger()
    ledger.add(Event.STEPS, steps, phase="anneal")
    ledger.add(Event.NEURON_UPDATES_INACTIVE, steps * 50, phase="anneal", core=0)
    ledger.add(Event.SYNAPTIC_OPERATIONS, steps * 9, phase="anneal")
    with Record.create(
        path, kind="qubo", config={"problem": "mis <50>"}, seeds={"seed": 1},
        target={"requested": "auto", "resolved": "loihi2-sim", "reason": "no Loihi 2 host answers"},
    ) as record:  # fmt: skip
        record.result("best_cost", cost)
        record.result("wall_time", 0.5, "s")
        for step in (1, 10, 100):
            record.append("improvements", {"read": 0, "step": step, "cost": cost + 100 / step})
        record.set_ledger(ledger)
    return path


def training(path: Path) -> Path:
    ledger = Ledger()
    ledger.add(Event.ADC_CONVERSIONS, 600, layer="l1", phase="nudge+")
    ledger.add(Event.ADC_CONVERSIONS, 400, layer="l1", phase="test")
    ledger.add(Event.CELL_READS, 10**6, phase="free")
    ledger.add(Event.SETTLING_NANOSECONDS, 10**6, phase="free")
    ledger.add(Event.CELL_WRITES, 10**3)
    with Record.create(
        path, kind="train", config={"dataset": "digits"}, seeds={"run": 1},
        target={"requested": "analog", "resolved": "analog", "reason": "asked for by name"},
    ) as record:  # fmt: skip
        for epoch in (1, 2, 3):
            record.append(
                "epochs",
                {"epoch": epoch, "train_loss": 1 / epoch, "test_accuracy": 0.9 + epoch / 100, "converged_fraction": 1.0,
                 "gradient_cosine": [0.9, 0.8], "symmetry": 0.5},
            )  # fmt: skip
        record.result("test_accuracy", 0.93)
        record.result("samples.training_sample", 300)
        record.result("samples.inference", 100)
        record.set_ledger(ledger)
    return path


class Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag in self.open, f"</{tag}> closes nothing"
        while self.open.pop() != tag:
            pass


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("page")
    records = [qubo(folder / "a.h5", -40, 1000), qubo(folder / "b.h5", -44, 5000), training(folder / "c.h5")]
    out = write_report(records, folder / "p.html", figures=folder / "figures", figure_format="pdf")
    return out.read_text(encoding="utf-8"), folder


def test_no_external_reference(page: tuple[str, Path]) -> None:
    text, _ = page
    reader = Reader()
    reader.feed(text)
    for tag, attributes in reader.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "srcset", "poster", "action", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, name, value)
    assert "http" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "@import" not in text


def test_screen_readers_and_phones(page: tuple[str, Path]) -> None:
    text, _ = page
    reader = Reader()
    reader.feed(text)
    tags = [tag for tag, _ in reader.tags]
    assert ("html", {"lang": "en"}) in reader.tags
    assert any(a.get("name") == "viewport" for t, a in reader.tags if t == "meta")
    assert tags.count("h1") == 1
    assert tags.count("main") == 1
    pictures = [a for t, a in reader.tags if t == "svg"]
    assert len(pictures) >= 10
    assert all(a.get("role") == "img" and a.get("aria-labelledby") for a in pictures)
    titles = re.findall(r"<title id=[^>]*>([^<]*)</title>", text)
    assert len(titles) == len(pictures)
    assert all(len(title) > 10 for title in titles)
    assert all(a.get("scope") in {"col", "row"} for t, a in reader.tags if t == "th")
    ids = [a["id"] for _, a in reader.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def contrast(first: str, second: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_in_both_modes(page: tuple[str, Path]) -> None:
    blocks = re.findall(r":root \{(.*?)\}", page[0], re.DOTALL)
    for block in blocks[:2]:
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for name in ("ink", "muted", "accent", "good", "warn"):
            for ground in ("paper", "card"):
                assert contrast(colours[name], colours[ground]) >= 4.5, (name, ground)
        for index in range(1, 9):
            assert contrast(colours[f"c{index}"], colours["card"]) >= 3.0, index


def test_what_it_says(page: tuple[str, Path]) -> None:
    text, _ = page
    for words in (
        "no Loihi 2 host answers", "93.00 %", "mis &lt;50&gt;", "inherited", "Not counted", "hypervolume",
        "IEEE Micro", "assumed", "Seeds" if False else "seeds", "spread over the 1 used",
    ):  # fmt: skip
        assert words in text, words
    assert "#0102" not in text  # no placeholder colour is left
    assert "#0a10" not in text


def test_boundary_and_what_makes_the_range(page: tuple[str, Path]) -> None:
    text = page[0]
    assert "silicon, steps by barrier" in text
    assert "on a logarithmic scale, by" in text
    assert "A ratio of dynamic energies alone says nothing about machines" in text


def test_counts_and_cost_per_sample_and_by_phase_and_layer(page: tuple[str, Path]) -> None:
    text = re.sub(r"<[^>]+>", " ", page[0])
    words = re.sub(r"\s+", " ", text)
    section = words[
        words.index("Per sample Means over the run") : words.index("The same counts on other machines Circle")
    ]
    assert "c, priced as crossbar. per sample training sample inference energy" in section
    # 600 conversions over 300 training samples, 400 over 100 inferences
    assert "adc conversions 2 4 " in section
    assert "mean over 300 samples 100 samples" in section
    assert section.count("priced as") == 1  # the other records do not say how many samples they stand for
    table = words[words.index("Counts of c by phase and layer Messages") :]
    assert re.search(r"nudge\+ l1 600 ", table)
    assert re.search(r"test l1 400 ", table)


def test_a_file_per_figure(page: tuple[str, Path]) -> None:
    files = {path.name: path.read_bytes() for path in (page[1] / "figures").iterdir()}
    assert {"search.pdf", "test-accuracy.pdf", "components.pdf", "energy-ranges.pdf", "tradeoff-0.pdf"} <= files.keys()
    assert all(content.startswith(b"%PDF") for content in files.values())


def test_bad_input(tmp_path: Path) -> None:
    record = qubo(tmp_path / "a.h5", -1, 10)
    with pytest.raises(InputError, match="at least one record"):
        write_report([], tmp_path / "p.html")
    with pytest.raises(InputError, match="exists already"):
        write_report([record], record)
    with pytest.raises(InputError, match="no profile"):
        write_report([record], tmp_path / "p.html", profiles=["nope"])
    with pytest.raises(InputError, match="figure format"):
        write_report([record], tmp_path / "p.html", figure_format="gif")
    assert not (tmp_path / "p.html").exists()


def test_a_run_that_was_cut_short_still_has_a_page(tmp_path: Path) -> None:
    record = Record.create(tmp_path / "r.h5", kind="train", config={}, seeds={}, target={"resolved": "ideal"})
    record.append("epochs", {"epoch": 1, "train_loss": float("nan"), "test_accuracy": None})
    record.flush()
    text = write_report([tmp_path / "r.h5"], tmp_path / "p.html").read_text()
    assert "running" in text


def test_a_study_has_a_page_of_its_own(tmp_path: Path) -> None:
    from equipoise.report.study_page import write_study_report
    from equipoise.study import load_study
    from equipoise.study.tasks import Outcome

    chip, clock = Ledger(), Ledger()
    chip.add(Event.STEPS, 1000)
    chip.add(Event.NEURON_UPDATES_INACTIVE, 100_000, core=0)
    clock.add(Event.WALL_NANOSECONDS, 10**6)
    where = {"nodes": 100, "density": 0.1, "graph_seed": 0}
    entries = [
        Entry(0, "a", "qubo", {**where, "target": "loihi2-sim"}, "complete"),
        Entry(1, "b", "peer", {**where, "solver": "sa"}, "complete"),
        Entry(2, "c", "peer", {**where, "solver": "tabu"}, "failed", error="ValueError: <no>"),
    ]
    entries[0].fill(Outcome({"best_cost": -4.0}, {}, chip))
    entries[1].fill(Outcome({"best_cost": -5.0}, {"wall_s": 1e-3}, clock))
    out = write_study_report(load_study("mis-105"), StudyData("mis-105", "", {}, entries), tmp_path / "s.html")
    text = out.read_text()
    Reader().feed(text)
    assert "lies within this range" in text
    assert "ValueError: &lt;no&gt;" in text
    assert "http" not in text


def test_pareto_and_hypervolume_against_their_definitions() -> None:
    points = np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0], [3.0, 3.0], [2.0, 2.0]])
    assert pareto_front(points).tolist() == [True, True, True, False, True]
    # by hand: the staircase under (4, 4)
    assert hypervolume(points, (4.0, 4.0)) == pytest.approx(3 + 2 * 1 - 1 + 1 + 1)
    assert hypervolume(np.zeros((1, 3)), (1.0, 2.0, 3.0)) == pytest.approx(6.0)
    assert hypervolume([[5.0, 5.0]], (4.0, 4.0)) == 0.0
    rng = np.random.default_rng(0)
    cloud = rng.random((8, 3))
    samples = rng.random((200_000, 3))
    covered = (cloud[None, :, :] <= samples[:, None, :]).all(axis=2).any(axis=1).mean()
    # three standard deviations of the sampled volume
    assert hypervolume(cloud, (1.0, 1.0, 1.0)) == pytest.approx(covered, abs=3 * 0.5 / np.sqrt(200_000))
    assert pareto_front(np.zeros((0, 2))).tolist() == []


def test_numbers_for_people() -> None:
    assert quantity(1.3e-6, "J") == "1.30 µJ"
    assert quantity(0.9999999, "s") == "1.00 s"
    assert quantity(257.4, "W") == "257 W"
    assert quantity(0, "J") == "0 J"
    assert quantity(None, "J") == "–"
    assert number(1234567) == "1\u202f234\u202f567"


def test_characters_that_turn_the_reading_direction_are_shown_as_escapes(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    given = {"dataset": "digits\u202egnp.exe", "profile": "loihi2"}
    Record.create(path, kind="train", config=given, seeds={}, target={"resolved": "loihi2-sim"}).close()
    page = write_report([path], tmp_path / "p.html", title="a\u2066b", profiles=["loihi2"]).read_text(encoding="utf-8")
    assert not set("\u202e\u2066\x00") & set(page)
    assert "\\u2066" in page


def test_one_epoch_is_one_tick() -> None:
    from equipoise.report.figures.curves import learning_curves

    table = {"epochs": [{"epoch": 1, "test_accuracy": 0.8}]}
    drawing = learning_curves([SimpleNamespace(name="a", tables=table)], "test_accuracy")  # type: ignore[list-item]
    (axes,) = drawing.axes
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1.0]
