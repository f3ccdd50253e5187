"""One look for all pictures, and SVG that follows the page's colours.

Colours are drawn as placeholder values and replaced by CSS variables in the SVG, so that the same picture is legible
in light mode, in dark mode and in print. Files of figures (PDF, PNG) use the light values.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["INK", "MUTED", "PALETTE", "figure", "rendered", "svg", "words"]

#: placeholder -> (CSS variable, light value); no two placeholders are alike
INK, MUTED, GRID = "#010203", "#040506", "#070809"
PALETTE = ("#0a1001", "#0a1002", "#0a1003", "#0a1004", "#0a1005", "#0a1006", "#0a1007", "#0a1008")
_VARIABLES = {
    INK: ("--ink", "#1b2733"),
    MUTED: ("--muted", "#5a6b7b"),
    GRID: ("--rule", "#d5dde4"),
    PALETTE[0]: ("--c1", "#0b6e99"),
    PALETTE[1]: ("--c2", "#c2571a"),
    PALETTE[2]: ("--c3", "#3f7d3a"),
    PALETTE[3]: ("--c4", "#8a4fa3"),
    PALETTE[4]: ("--c5", "#a3791f"),
    PALETTE[5]: ("--c6", "#b83257"),
    PALETTE[6]: ("--c7", "#4c66b0"),
    PALETTE[7]: ("--c8", "#5f6f6f"),
}
_SETTINGS = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "axes.labelsize": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8.5,
    "legend.frameon": False,
    "legend.fontsize": 8,
    # Minor ticks of logarithmic axes are most of the drawing time, and their labels clutter.
    "xtick.minor.visible": False,
    "ytick.minor.visible": False,
    "lines.linewidth": 1.7,
    "svg.fonttype": "none",
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "figure.constrained_layout.use": True,
}


@contextmanager
def figure(height: float, width: float = 4.6) -> Iterator[tuple[Any, Any]]:
    """A figure and its axes in the house style, in inches; small, so that it stays legible on a phone."""
    import matplotlib
    from cycler import cycler
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_SETTINGS, "axes.prop_cycle": cycler(color=list(PALETTE))}):
        drawing = Figure(figsize=(width, height))
        FigureCanvasAgg(drawing)
        yield drawing, drawing.subplots()


def words(text: str) -> str:
    """A name that came from outside, for a label: shown as it is, never as a formula, never left out of a legend."""
    return (" " if text.startswith("_") else "") + text.replace("$", r"\$")


def svg(drawing: Any, name: str, description: str) -> str:
    """The figure as an inline SVG element with an accessible description and no outside reference."""
    import matplotlib

    buffer = io.StringIO()
    with matplotlib.rc_context({**_SETTINGS, "svg.hashsalt": name}):
        drawing.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r'\s(xmlns(:\w+)?|version)="[^"]*"', "", text)
    text = re.sub(r'\s(width|height)="[\d.]+pt"', "", text, count=2)
    # Each picture has its own names, however many share the page.
    text = re.sub(r'id="([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", text)
    text = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', text)
    for placeholder, (variable, _) in _VARIABLES.items():
        text = text.replace(placeholder, f"var({variable})")
    text = re.sub(r"font: ([^;]*?)'[^;\"]*sans-serif", r"font: \1sans-serif", text)
    from html import escape

    label = f'role="img" aria-labelledby="{name}-title"><title id="{name}-title">{escape(description)}</title>'
    return re.sub(r"(<svg[^>]*)>", lambda match: f"{match[1]} {label}", text, count=1).strip()


def rendered(drawing: Any, form: str) -> bytes:
    """The figure as a file of format ``form`` (pdf, png or svg), in the light colours."""
    import matplotlib
    from matplotlib.colors import to_hex

    light = {placeholder: value for placeholder, (_, value) in _VARIABLES.items()}

    def repaint(artist: Any) -> None:
        for what in ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor"):
            getter, setter = getattr(artist, f"get_{what}", None), getattr(artist, f"set_{what}", None)
            if getter is None or setter is None:
                continue
            try:
                old = getter()
                old = old[0] if hasattr(old, "ndim") and old.ndim == 2 and len(old) else old
                new = light.get(to_hex(old))
            except (ValueError, TypeError, IndexError):
                continue
            if new:
                setter(new)

    # A copy: the picture on the page keeps its placeholders.
    import pickle

    copy = pickle.loads(pickle.dumps(drawing))
    copy.draw_without_rendering()
    copy.set_layout_engine("none")
    for axes in copy.axes:
        axes.tick_params(colors=light[MUTED])
        for line in (*axes.get_xgridlines(), *axes.get_ygridlines()):
            line.set_color(light[GRID])
    for artist in copy.findobj():
        repaint(artist)
    buffer = io.BytesIO()
    with matplotlib.rc_context({**_SETTINGS, "svg.fonttype": "path"}):
        copy.savefig(buffer, format=form, dpi=200, facecolor="white")
    return buffer.getvalue()
