"""The report of an audit: one self-contained HTML page, and the pictures beside it."""

from brinkmap.report.view import Case, FilterUse, ReportView, Threshold
from brinkmap.report.write import write_report

__all__ = ["Case", "FilterUse", "ReportView", "Threshold", "write_report"]
