"""Reports: one self-contained HTML page for every run, the same in Markdown, and what CI systems read."""

from brinkmap.report.gate import write_gate
from brinkmap.report.view import Case, FilterUse, ReportView, Threshold
from brinkmap.report.write import publish, render, write_report

__all__ = ["Case", "FilterUse", "ReportView", "Threshold", "publish", "render", "write_gate", "write_report"]
