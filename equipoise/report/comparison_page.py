"""The page of a comparison: one sentence, the table with ranges, what was measured, modelled and assumed."""

from __future__ import annotations

# Imports inside functions are late: Matplotlib and jinja2 take half a second.
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_profiles.output import Output
from hw_profiles.texts import times

if TYPE_CHECKING:
    from equipoise.comparison.result import Comparison

__all__ = ["quality_text", "ratio_text", "write_comparison_page"]

HERE = Path(__file__).parent


def quality_text(comparison: Comparison, value: float) -> str:
    """A quality as people read it."""
    return f"{100 * value:.1f} %" if "accuracy" in comparison.quality_name else f"{value:.6g}"


def ratio_text(ratio: tuple[float, float, float] | None) -> str:
    """Value and range of a ratio."""
    return "–" if ratio is None else f"{times(ratio[0])}x ({times(ratio[1])}x to {times(ratio[2])}x)"


def write_comparison_page(comparison: Comparison, out: Path, *, force: bool = False) -> Path:
    """Write one self-contained page.

    Raises:
        InputError: ``out`` is there and ``force`` is not given.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from equipoise._version import __version__
    from equipoise.report.figures.comparison import compared
    from equipoise.report.figures.style import svg
    from equipoise.report.formats import quantity, range_text

    page = Output(out, force=force)
    pictures: list[dict[str, Any]] = []
    for what, unit in (("energy", "J"), ("time", "s")):
        drawing = compared(comparison, what, unit)
        if drawing is not None:
            words = (
                f"{what.capitalize()} per {comparison.unit} on every machine, with its range. The table has the values."
            )
            pictures.append({"svg": svg(drawing, f"compare-{what}", words), "words": words})
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    ratios = {ratio.machine: ratio for ratio in comparison.ratios()}
    text = environment.get_template("comparison.html").render(
        comparison=comparison,
        pictures=pictures,
        ratios=ratios,
        ratio_text=ratio_text,
        quality=lambda value: quality_text(comparison, value),
        quantity=quantity,
        range_text=range_text,
        version=__version__,
        made=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        style=(HERE / "templates" / "style.css").read_text(encoding="utf-8"),
    )
    return page.put(text.encode())
