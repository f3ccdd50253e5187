"""The demonstration behind ``make demo``: which runs it makes (`runs`), and how it shows them (`table`)."""

from equipoise.demo.runs import DemoResult, run_demo
from equipoise.demo.table import show_table

__all__ = ["DemoResult", "run_demo", "show_table"]
