"""The page of `equipoise validate`: Markdown for the documentation, or one self-contained HTML file."""

from __future__ import annotations

# Imports inside functions are late: Matplotlib and jinja2 take half a second.
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from equipoise.report.figures.style import rendered, svg
from equipoise.report.figures.validation import published_against_ours
from equipoise.report.formats import number, quantity, range_text
from hw_profiles.citations import cite, references
from hw_profiles.output import Output
from hw_profiles.profile import load_profile
from hw_profiles.validation.checking import Comparison, Summary, summarise

__all__ = ["headline", "unit_of", "write_validation_page"]

WORDS = "Published figures across, ours with their ranges up; the line is agreement; hollow marks lie outside."
KINDS = ("energy", "power", "time")
HERE = Path(__file__).parent
READ = {
    "source": "read in the source",
    "secondary": "read in a secondary source",
    "memory": "from memory, to be confirmed",
    "own": "measured by the user",
}


@dataclass(frozen=True)
class Price:
    """One figure of a profile, and what set it."""

    profile: str
    figure: str
    amount: str
    grade: str
    source: str
    note: str


def unit_of(row: Comparison) -> str:
    """The SI unit of what was compared."""
    return {"energy": "J", "time": "s", "power": "W"}[row.quantity.split()[-1]]


def headline(summary: Summary) -> list[str]:
    """What the checks say together, in sentences."""
    if not summary.checks:
        return [f"{summary.figures} published figures, none of which checks a price."]
    return [
        f"{summary.inside} of {summary.checks} checks ({100 * summary.coverage:.1f} %) lie within our range.",
        f"Median width of our ranges, high over low: {summary.median_width:.2f}.",
        f"Median factor between our value and the published figure: {summary.median_factor:.2f}.",
        f"{summary.figures} published figures of {summary.machines} machines; {summary.setters} of them set prices and "
        "check none.",
    ]


def _by_machine(rows: Sequence[Comparison]) -> list[tuple[str, Summary]]:
    machines = sorted({row.machine for row in rows if row.role == "checks"})
    return [(name, summarise([row for row in rows if row.machine == name])) for name in machines]


def _kinds(rows: Sequence[Comparison]) -> list[tuple[str, Summary]]:
    """Coverage by what was compared, and by how the figure was read."""
    parts = {
        **{f"every {word}": [row for row in rows if row.quantity.split()[-1] == word] for word in KINDS},
        **{text: [row for row in rows if row.read == how] for how, text in READ.items()},
    }
    found = [(name, summarise(some)) for name, some in parts.items()]
    return [(name, summary) for name, summary in found if summary.checks]


def _prices(rows: Sequence[Comparison]) -> list[Price]:
    """Every figure of every profile that is compared."""
    found = []
    for name in sorted({row.profile for row in rows}):
        for place, figure in load_profile(name).figures():
            words = place.removeprefix("price ").replace("_", " ")
            span = "" if figure.low == figure.high else f" ({number(figure.low)} to {number(figure.high)})"
            sources = ", ".join(figure.cite) or "our bound"
            amount = f"{number(figure.value)}{span} {figure.unit}"
            found.append(Price(name, words, amount, figure.grade.value, sources, figure.note))
    return found


def write_validation_page(
    rows: Sequence[Comparison], out: Path, *, title: str = "Validation", force: bool = False
) -> Path:
    """Write the page to ``out`` (.md or .html); a Markdown page gets its picture beside it, in ``figures/``.

    Raises:
        InputError: a file is there already and ``force`` is not given; nothing has been written then.
    """
    kind = out.suffix.removeprefix(".")
    page = Output(out, force=force)
    drawing = published_against_ours(rows)
    picture, beside = "", None
    if drawing is not None and kind == "html":
        picture = svg(drawing, "validation", WORDS)
    elif drawing is not None:
        (out.parent / "figures").mkdir(exist_ok=True)
        picture = f"figures/{out.stem}.svg"
        beside = Output(out.parent / picture, force=force)
    text = _render(rows, kind, title, picture)
    if beside is not None:
        beside.put(rendered(drawing, "svg"))
    return page.put(text.encode())


def _render(rows: Sequence[Comparison], kind: str, title: str, picture: str) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=kind == "html", undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    return environment.get_template(f"validation.{kind}").render(
        title=title,
        headline=headline(summarise(rows)),
        picture=picture,
        words=WORDS,
        checks=[row for row in rows if row.role == "checks"],
        setters=[row for row in rows if row.role == "sets"],
        machines=_by_machine(rows),
        kinds=_kinds(rows),
        prices=_prices(rows),
        quantity=quantity,
        range_text=range_text,
        unit_of=unit_of,
        read=READ,
        sources=[(key, cite(key)) for key in dict.fromkeys(row.cite for row in rows) if key in references()],
        style=(HERE / "templates" / "style.css").read_text(encoding="utf-8"),
    )
