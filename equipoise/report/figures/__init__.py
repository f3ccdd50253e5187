"""The pictures of the page. Each function takes runs and returns a matplotlib figure, or None when there is nothing
to draw; `style` turns a figure into SVG whose colours follow the reader's light or dark mode."""

from equipoise.report.figures.curves import learning_curves, search_traces
from equipoise.report.figures.energy import energy_split, phase_split, uncertainty
from equipoise.report.figures.ranges import energy_ranges, latency_ranges
from equipoise.report.figures.tradeoff import Front, fronts, tradeoff
from equipoise.report.figures.workloads import workload_picture

__all__ = [
    "Front",
    "energy_ranges",
    "energy_split",
    "fronts",
    "latency_ranges",
    "learning_curves",
    "phase_split",
    "search_traces",
    "tradeoff",
    "uncertainty",
    "workload_picture",
]
