"""Reports: records in, one self-contained HTML page out. See README.md."""

from equipoise.report.page import write_report

__all__ = ["write_report"]
