"""What a notebook shows of an object: a table, escaped, with a picture where there is one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from functools import cache
from html import escape
from typing import Any

from hw_profiles.texts import safe_text

__all__ = ["BLUE", "GREY", "ORANGE", "card", "inline_svg", "panels"]

BLUE, ORANGE, GREY = "#0b6e99", "#c2571a", "#9aa7b2"

_CELL = "text-align:left;padding:0.1em 1em 0.1em 0"


def card(title: str, rows: Iterable[tuple[str, object]], picture: str = "") -> str:
    """A table of names and values under a title; ``picture`` is SVG of our own and goes in as it is."""
    body = "".join(
        f'<tr><th style="{_CELL};font-weight:normal;opacity:0.7">{escape(name)}</th>'
        f'<td style="{_CELL}">{escape(safe_text(str(value)))}</td></tr>'
        for name, value in rows
    )
    shown = f'<div style="max-width:46em">{picture}</div>' if picture else ""
    return f'<div class="equipoise"><strong>{escape(title)}</strong><table>{body}</table>{shown}</div>'


def panels(number: int) -> tuple[Any, Any]:
    """A matplotlib figure of ``number`` axes side by side, and the axes."""
    figure = _picture()(figsize=(4.4 * number, 3.2), layout="constrained")
    axes = figure.subplots(1, number, squeeze=False)[0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
    return figure, axes


@cache
def _picture() -> type:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # late: matplotlib takes a second
    from matplotlib.figure import Figure

    class Picture(Figure):
        """A figure that notebooks show, whatever matplotlib's backend is."""

        def __init__(self, *arguments: Any, **more: Any) -> None:
            super().__init__(*arguments, **more)
            FigureCanvasAgg(self)

        def _repr_html_(self) -> str:
            return inline_svg(self)

    return Picture


def inline_svg(figure: Any) -> str:
    """The figure as one SVG element that scales to its place, without prologue and metadata."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=False)
    text = buffer.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    return re.sub(r'\s(width|height)="[\d.]+pt"', "", text, count=2)
