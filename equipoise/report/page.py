"""``write_report``: one page that stands alone, readable in print, in dark mode, on a phone and by a screen reader."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equipoise.report import figures as draw
from equipoise.report.figures.curves import CURVES, _mean
from equipoise.report.figures.energy import shares_of_uncertainty
from equipoise.report.figures.style import rendered, svg
from equipoise.report.formats import mean_count, number, quantity, range_text
from equipoise.report.headline import headline
from equipoise.report.runs import load_runs
from equipoise.report.what_if import what_if
from hw_profiles.arguments import checked
from hw_profiles.citations import cite
from hw_profiles.errors import InputError
from hw_profiles.output import Output
from hw_profiles.profile import list_profiles, load_profile
from hw_profiles.texts import visible

__all__ = ["Picture", "write_report"]

HERE = Path(__file__).parent

#: what each grade means, in one line for the page
GRADE_TEXTS = {
    "measured": "read from silicon or a meter by those who report it",
    "fitted": "regressed on measurements; holds within their range only",
    "simulated": "circuit or pre-silicon simulation",
    "projected": "a model or forecast by the authors",
    "vendor": "stated by the maker, without a described measurement",
    "inherited": "another machine's figure, for want of a better one",
    "assumed": "our bound, derived as the profile says",
}


@dataclass(frozen=True)
class Picture:
    """A figure of the page: its name in files, its caption, and the words for those who cannot see it."""

    name: str
    caption: str
    description: str
    figure: Any
    svg: str


@checked
def write_report(
    records: Sequence[str | Path],
    out: str | Path,
    *,
    profiles: Sequence[str] | None = None,
    title: str | None = None,
    figures: str | Path | None = None,
    figure_format: str = "pdf",
    findings: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write one self-contained HTML page about ``records``.

    Args:
        records: record files.
        out: the page.
        profiles: profiles to price every record on, besides its own. Default: all that ship.
        title: heading of the page.
        figures: a folder for one file per figure; none when not given.
        figure_format: of those files: pdf, png or svg.
        findings: sentences to put on top, such as a study's conclusions.
        overwrite: replace the page and the figures that are there.

    Returns:
        ``out``.

    Raises:
        InputError: no records, an unreadable one, an unknown profile, or an output that exists.
    """
    output = Output(out, force=overwrite)
    if figure_format not in ("pdf", "png", "svg"):
        raise InputError(f"figure format {figure_format!r}; expected pdf, png or svg")
    runs = load_runs([Path(record) for record in records], list(profiles) if profiles else list_profiles())
    pictures = _pictures(runs)
    html = _render(runs, pictures, title or _title(runs), list(findings) or headline(runs))
    files = [] if figures is None else _figure_files(pictures, Path(figures), figure_format, overwrite)
    page = output.put(visible(html).encode())
    for picture, file in files:
        file.put(rendered(picture.figure, figure_format))
    return page


def _title(runs: Sequence[Any]) -> str:
    return f"{runs[0].name}: what it did and what it cost" if len(runs) == 1 else f"{len(runs)} runs compared"


def _pictures(runs: Sequence[Any]) -> dict[str, list[Picture]]:
    """Every figure of the page, by section."""
    sections: dict[str, list[Picture]] = {"results": [], "energy": [], "ranges": [], "tradeoff": [], "uncertainty": []}

    def add(section: str, name: str, caption: str, description: str, figure: Any) -> None:
        if figure is not None:
            words = f"{caption}. {description}".strip()
            sections[section].append(Picture(name, caption, words, figure, svg(figure, name, words)))

    for index, run in enumerate(runs):
        drawn = draw.workload_picture(run)
        if drawn is not None:
            add("results", f"workload-{index}", f"{run.task} on {run.target.get('resolved', '?')}", *drawn)
    add("results", "search", "Best cost against steps", _trace_words(runs), draw.search_traces(runs))
    for column, (caption, unit) in CURVES.items():
        figure = draw.learning_curves(runs, column)
        add("results", column.replace("_", "-"), caption, _curve_words(runs, column, unit), figure)
    add("energy", "components", "Energy by component, static power included", "", draw.energy_split(runs))
    add("energy", "phases", "Dynamic energy by phase", "", draw.phase_split(runs))
    many = len(runs) > 6
    chosen = [run for run in runs if run.cost is not None][:6] if many else runs
    note = " The first six runs." if many else ""
    add("ranges", "energy-ranges", f"Energy on each profile, with its range.{note}",
        "The values are in the table of profiles.", draw.energy_ranges(chosen))  # fmt: skip
    add("ranges", "latency-ranges", f"Time on each profile, with its range.{note}",
        "The values are in the table of profiles.", draw.latency_ranges(chosen))  # fmt: skip
    for index, front in enumerate(draw.fronts(runs)):
        best = ", ".join(run.name for run, on in zip(front.runs, front.best, strict=True) if on)
        add("tradeoff", f"tradeoff-{index}", f"{front.task}: hypervolume {front.volume:.3f}",
            f"Not beaten in quality, energy and time together: {best}.", draw.tradeoff(front))  # fmt: skip
    for index, run in enumerate(chosen):
        add("uncertainty", f"uncertainty-{index}", f"What the range of {run.name} comes from", _swing_words(run),
            draw.uncertainty(run))  # fmt: skip
    return sections


def _swing_words(run: Any) -> str:
    parts = [f"{s.price} moves it from {quantity(s.low, 'J')} to {quantity(s.high, 'J')}" for s in run.swings[:4]]
    return "; ".join(parts)


def _trace_words(runs: Sequence[Any]) -> str:
    ends = [f"{run.name} ends at {run.results['best_cost'][0]:g}" for run in runs if "best_cost" in run.results]
    return "; ".join(ends)


def _curve_words(runs: Sequence[Any], column: str, unit: str) -> str:
    words = []
    for run in runs:
        values = [_mean(row.get(column)) for row in run.tables.get("epochs", [])]
        known = [value * (100 if unit == "%" else 1) for value in values if value is not None]
        if known:
            words.append(f"{run.name} goes from {known[0]:.4g} to {known[-1]:.4g} {unit} in {len(known)} epochs")
    return "; ".join(words)


def _figure_files(
    sections: dict[str, list[Picture]], folder: Path, form: str, overwrite: bool
) -> list[tuple[Picture, Output]]:
    """Where each figure goes; refused before anything is written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {(error.strerror or str(error)).lower()}") from None
    pictures = [picture for pictures in sections.values() for picture in pictures]
    return [(picture, Output(folder / f"{picture.name}.{form}", force=overwrite)) for picture in pictures]


def _render(runs: Sequence[Any], pictures: dict[str, list[Picture]], title: str, findings: list[str]) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(quantity=quantity, number=number, mean_count=mean_count, range_text=range_text)
    priced = [cost for run in runs for cost in run.costs.values()]
    keys = dict.fromkeys(key for cost in priced for key in cost.citations)
    return environment.get_template("page.html").render(
        title=title,
        runs=runs,
        pictures=pictures,
        findings=findings,
        made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        style=(HERE / "templates" / "style.css").read_text(encoding="utf-8"),
        script=(HERE / "templates" / "what_if.js").read_text(encoding="utf-8"),
        what_if=[data for run in runs[:6] if (data := what_if(run)) is not None],
        grades=GRADE_TEXTS,
        sources=[(key, cite(key)) for key in keys],
        totals={run.name: {event.value: n for event, n in run.ledger.totals().items()} for run in runs},
        own_profiles={name: load_profile(name) for name in dict.fromkeys(run.own for run in runs if run.cost)},
        dominant={run.name: shares_of_uncertainty(run)[:3] for run in runs},
    )
