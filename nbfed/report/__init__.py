"""report.html: one page about a run, for a person who was not there."""

from nbfed.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
