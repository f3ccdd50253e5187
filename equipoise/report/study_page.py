"""The page of a study: what it concludes, by solver and size, and every source."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any

from equipoise.report.figures.studies import effect_of, gap_by_size, ratio_by_size
from equipoise.report.figures.style import svg
from equipoise.report.formats import number, quantity, range_text
from equipoise.report.page import GRADE_TEXTS
from equipoise.study.effects import headlines, is_number, swept
from equipoise.study.findings import conclude, gaps, priced_by, solver
from hw_profiles.citations import cite
from hw_profiles.output import Output
from hw_profiles.pricing import price
from hw_profiles.profile import load_profile
from hw_profiles.texts import visible

if TYPE_CHECKING:
    from equipoise.study import Study, StudyData

__all__ = ["study_page_output", "write_study_report"]

HERE = Path(__file__).parent
#: pictures of one result
MOST_PARAMETERS = 4


def study_page_output(study: Study, path: str | Path, *, overwrite: bool = False) -> Output:
    """The file for a study's page. An earlier page of the same study is replaced, anything else with ``overwrite``.

    Raises:
        InputError: something else is there, or the file cannot be written.
    """
    from html import escape

    def is_its_page(path: Path) -> bool:
        with open(path, "rb") as file:
            return f'<meta name="generator" content="equipoise sweep {escape(study.name)}">'.encode() in file.read(4096)

    return Output(path, force=overwrite, mine=is_its_page)


def write_study_report(study: Study, data: StudyData, out: str | Path | Output, *, overwrite: bool = False) -> Path:
    """Write one self-contained page about a study.

    Raises:
        InputError: see `study_page_output`.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    output = out if isinstance(out, Output) else study_page_output(study, out, overwrite=overwrite)
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(quantity=quantity, number=number, range_text=range_text)
    rows, keys, notes = _rows(data)
    html = environment.get_template("study.html").render(
        study=study,
        data=data,
        findings=conclude(data, study.finding),
        pictures=_pictures(data, study.finding),
        rows=rows,
        results=_results(data),
        failures=[entry for entry in data.entries if entry.status != "complete"],
        sources=[(key, cite(key)) for key in keys],
        not_counted=notes,
        grades=GRADE_TEXTS,
        digest=data.digest(),
        made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        style=(HERE / "templates" / "style.css").read_text(encoding="utf-8"),
    )
    return output.put(visible(html).encode())


def _rows(data: StudyData) -> tuple[list[dict[str, Any]], list[str], list[tuple[str, str]]]:
    """One row per solver and size: quality, energy and time on its own machine; the citations; what is left out."""
    spread = gaps(data)
    groups: dict[tuple[str, int], list[Any]] = {}
    for entry in data.complete:
        groups.setdefault((solver(entry), int(entry.parameters.get("nodes", 0))), []).append(entry)
    rows: list[dict[str, Any]] = []
    keys: dict[str, None] = {}
    notes: dict[tuple[str, str], None] = {}
    for (name, nodes), entries in groups.items():
        profile = load_profile(priced_by(entries[0]))
        costs = [price(entry.ledger, profile) for entry in entries]
        priced = [cost for cost in costs if not cost.energy.missing and not cost.latency.missing]
        keys.update(dict.fromkeys(key for cost in costs for key in cost.citations))
        notes.update(dict.fromkeys((profile.name, text) for text in profile.not_counted))
        accuracies = [a for a in (entry.value("test_accuracy") for entry in entries) if a is not None]
        rows.append(
            {
                "solver": name,
                "nodes": nodes,
                "runs": len(entries),
                "gap": mean(spread[name, nodes]) if (name, nodes) in spread else None,
                "accuracy": mean(accuracies) if accuracies else None,
                "profile": profile.name,
                "energy": _median([cost.energy for cost in priced]),
                "time": _median([cost.latency for cost in priced]),
                "grade": priced[0].energy.grade if priced else None,
            }
        )
    return rows, list(keys), list(notes)


def _results(data: StudyData) -> list[dict[str, Any]]:
    """Every number that the runs gave, whatever the task: how many gave it, the middle, the lowest and the highest."""
    found: dict[str, list[float]] = {}
    for entry in data.complete:
        for name, value in {**entry.results, **entry.measured}.items():
            if is_number(value):
                found.setdefault(name, []).append(float(value))
    return [
        {"name": name, "runs": len(values), "median": median(values), "low": min(values), "high": max(values)}
        for name, values in found.items()
    ]


def _median(estimates: list[Any]) -> tuple[float, float, float] | None:
    if not estimates:
        return None
    return median(e.value for e in estimates), median(e.low for e in estimates), median(e.high for e in estimates)


def _pictures(data: StudyData, finding: str) -> list[tuple[str, str]]:
    """(inline SVG, caption); without a finding of its own a study shows what its parameters do."""
    found = []
    for name, caption, figure in (
        ("ratio", "Energy ratio at equal time against the size of the problem; band: our range; dashed: published",
         ratio_by_size(data)),
        ("gap", "Mean gap to the best cost any run of this study found", gap_by_size(data)),
    ):  # fmt: skip
        if figure is not None:
            found.append((svg(figure, name, caption + ". The values are in the table."), caption))
    for r, result in enumerate([] if finding else headlines(data)):
        for k, parameter in enumerate(list(swept(data))[:MOST_PARAMETERS]):
            caption = f"{result} against {parameter}: means, bars of 95 % over seeds"
            found.append((svg(effect_of(data, result, parameter), f"effect-{r}-{k}", caption + "."), caption))
    return found
