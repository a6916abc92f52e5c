"""A document as one HTML page that loads nothing and runs nothing."""

from __future__ import annotations

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from brinkmap.report.document import Document

__all__ = ["html_of"]


def html_of(document: Document) -> str:
    """The page; texts are escaped, and only drawings, which hold none of the user's, are taken as they are."""
    return _environment().get_template("page.html.j2").render(document=document)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("brinkmap.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["drawing"] = Markup
    return environment
