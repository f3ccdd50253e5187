"""The report in a browser: prices that move, tables as text, phones, paper, keyboards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.report import write_report
from equipoise.report.headline import headline, ratio_range
from equipoise.report.runs import load_runs
from equipoise.report.what_if import STATIC, what_if
from hw_profiles.profile import list_profiles
from tests.browser import Page, browser
from tests.equipoise.report.test_report import qubo, training

RANGES = st.tuples(st.floats(0.01, 100), st.floats(1, 30)).map(lambda r: (r[0], r[0] * r[1]))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(RANGES, st.floats(0.01, 100)), min_size=1, max_size=5), RANGES, RANGES)
def test_no_prices_give_a_ratio_outside_its_range(
    common: list[tuple[tuple[float, float], float]], own: tuple[float, float], other: tuple[float, float]
) -> None:
    one = {f"p{k}": ends for k, (ends, _) in enumerate(common)} | {"mine": own}
    two = {f"p{k}": (low * weight, high * weight) for k, ((low, high), weight) in enumerate(common)} | {"theirs": other}
    low, high = ratio_range(one, two, shared=True)
    rng = np.random.default_rng(0)
    for draw in range(200):
        at = rng.integers(0, 2, len(common) + 2) if draw < 100 else rng.random(len(common) + 2)
        price = [ends[0] + (ends[1] - ends[0]) * a for (ends, _), a in zip(common, at)]
        above = sum(price) + own[0] + (own[1] - own[0]) * at[-2]
        below = sum(p * w for p, (_, w) in zip(price, common)) + other[0] + (other[1] - other[0]) * at[-1]
        assert low * (1 - 1e-9) <= above / below <= high * (1 + 1e-9)
    apart = ratio_range(one, two, shared=False)
    assert apart[0] <= low * (1 + 1e-9)
    assert apart[1] >= high * (1 - 1e-9)


def test_headlines_say_ratios_with_ranges_and_the_parts_add_up(tmp_path: Path) -> None:
    paths = [qubo(tmp_path / "a.h5", -40, 1000), qubo(tmp_path / "b.h5", -44, 5000), training(tmp_path / "c.h5")]
    runs = load_runs(paths, list_profiles())
    said = headline(runs)
    assert said[0].startswith("a reached best cost -40 on loihi2-sim, for ")
    # five times the counts on one profile: five times the energy, at whatever prices
    assert "b needs 5 times the energy of a, with best cost -44 against -40." in said
    for run in runs:
        data = what_if(run)
        assert data is not None
        assert run.cost is not None
        parts = data["parts"][data["boundary"]]
        assert parts[-1][0] == STATIC
        for column, end in ((1, run.cost.energy.value), (2, run.cost.energy.low), (3, run.cost.energy.high)):
            assert sum(part[column] for part in parts) == pytest.approx(end)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("browser")
    records = [qubo(folder / "a.h5", -40, 1000), qubo(folder / "b.h5", -44, 5000), training(folder / "c.h5")]
    out = write_report(records, folder / "p.html")
    with browser() as page:
        page.size(1280, 900)
        page.open(out.as_uri())
        page.until("document.querySelectorAll('#what-if-runs fieldset').length == 3")
        yield page


TOTAL = "Number(document.querySelector('#what-if-runs fieldset output').dataset.joules)"
ALL_TO = """(place => { document.querySelectorAll('#what-if-runs fieldset:first-child input[max="1000"]').forEach(i => {
  i.value = place; i.dispatchEvent(new Event('input')); }); return %s; })(%d)"""


def test_sliders_move_the_total_between_the_ends_of_its_range(opened: Page, tmp_path: Path) -> None:
    run = load_runs([qubo(tmp_path / "a.h5", -40, 1000)], list_profiles())[0]
    assert run.cost is not None
    assert opened.run(TOTAL) == pytest.approx(run.cost.energy.value, rel=2e-3)
    assert opened.run(ALL_TO % (TOTAL, 0)) == pytest.approx(run.cost.energy.low, rel=2e-3)
    assert opened.run(ALL_TO % (TOTAL, 1000)) == pytest.approx(run.cost.energy.high, rel=2e-3)
    # half of its powered time: the static part counts twice
    opened.run("document.querySelector('#what-if-runs fieldset button').click()")
    use = "document.querySelector('#what-if-runs fieldset:first-child input[max=\"100\"]')"
    halved = opened.run(f"(u => {{ u.value = 50; u.dispatchEvent(new Event('input')); return {TOTAL}; }})({use})")
    assert halved == pytest.approx(run.cost.energy.value + run.cost.static.value, rel=2e-3)
    opened.run("document.querySelector('#what-if-runs fieldset button').click()")
    assert opened.run(TOTAL) == pytest.approx(run.cost.energy.value, rel=2e-3)
    assert "times that of a" in opened.run("document.querySelectorAll('#what-if-runs .ratio')[1].textContent")


def test_another_boundary_is_another_static_power(opened: Page) -> None:
    before = opened.run(TOTAL)
    names = opened.run("[...document.querySelector('#what-if-runs select').options].map(o => o.value)")
    assert len(names) > 1
    changed = opened.run(
        "(s => { s.selectedIndex = (s.selectedIndex + 1) % s.options.length; s.dispatchEvent(new Event('change'));"
        f" return {TOTAL}; }})(document.querySelector('#what-if-runs select'))"
    )
    assert changed != before
    opened.run("document.querySelector('#what-if-runs fieldset button').click()")
    assert opened.run(TOTAL) == before


def test_tables_as_text(opened: Page) -> None:
    opened.run("document.querySelector('.copies button').click()")
    table = opened.run("document.querySelector('.copies textarea').value")
    lines = table.splitlines()
    assert len(lines) > 1
    assert len({line.count(",") >= lines[0].count(",") for line in lines}) == 1
    opened.run("document.querySelectorAll('.copies button')[1].click()")
    latex = opened.run("document.querySelector('.copies textarea').value")
    assert latex.startswith("\\begin{tabular}{l")
    assert latex.rstrip().endswith("\\end{tabular}")
    assert latex.count("\\\\") == len(lines)
    opened.run("document.querySelectorAll('.copies button')[1].click()")
    assert opened.run("document.querySelectorAll('.copies textarea').length") == 0


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1280, False), (1280, True)])
def test_nothing_is_wider_than_the_screen(opened: Page, width: int, dark: bool) -> None:
    opened.size(width, 900, dark=dark)
    assert opened.run("document.documentElement.scrollWidth") <= width
    paper = opened.run("getComputedStyle(document.body).backgroundColor")
    assert (paper == "rgb(16, 22, 28)") == dark
    folder = os.environ.get("EQUIPOISE_PICTURES")
    if folder:
        opened.run("document.getElementById('what-if').scrollIntoView({behavior: 'instant'})")
        (Path(folder) / f"report-{width}-{'dark' if dark else 'light'}.png").write_bytes(opened.picture())
        opened.run("window.scrollTo({top: 0, behavior: 'instant'})")
        (Path(folder) / f"report-{width}-{'dark' if dark else 'light'}-top.png").write_bytes(opened.picture())
    opened.size(1280, 900)


def test_on_paper_everything_is_open_and_tables_are_whole(opened: Page) -> None:
    folded = opened.run("document.querySelectorAll('details:not([open])').length")
    assert folded > 0
    opened.run("window.dispatchEvent(new Event('beforeprint'))")
    assert opened.run("document.querySelectorAll('details:not([open])').length") == 0
    opened.ask("Emulation.setEmulatedMedia", media="print")
    assert opened.run("getComputedStyle(document.querySelector('.scroll')).overflowX") == "visible"
    assert opened.run("[...document.querySelectorAll('button')].every(b => getComputedStyle(b).display == 'none')")
    opened.ask("Emulation.setEmulatedMedia", media="")
    opened.run("window.dispatchEvent(new Event('afterprint'))")
    assert opened.run("document.querySelectorAll('details:not([open])').length") == folded


def test_a_keyboard_reaches_everything_and_scripts_threw_nothing(opened: Page) -> None:
    """Whatever can be used can have the focus, has a name, and no id is there twice."""
    unnamed = opened.run(
        "[...document.querySelectorAll('button, input, select, textarea, summary, a, [tabindex]')].filter(e =>"
        " e.tabIndex < 0 || !(e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels[0]"
        " && e.labels[0].textContent.trim()))).map(e => e.outerHTML.slice(0, 120))"
    )
    assert unnamed == []
    assert (
        opened.run("(ids => ids.length - new Set(ids).size)([...document.querySelectorAll('[id]')].map(e => e.id))")
        == 0
    )
    assert opened.run("[...document.querySelectorAll('svg')].every(s => s.getAttribute('role') == 'img')")
    assert not opened.errors
