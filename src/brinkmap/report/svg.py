"""matplotlib's drawings as SVG that takes its colours from the page, and so reads in light, in dark and on paper."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

__all__ = ["DASHES", "INK", "SERIES", "STAND_INS", "dressed", "svg_of"]

INK = "#010203"
"""Stands for the text colour until the page is known; so do the others for colours of the page."""
SERIES = tuple(f"#0102{number:02x}" for number in range(0x11, 0x19))
"""The page's eight series colours."""
STAND_INS = {INK: "currentColor", "#010240": "var(--grid)", "#010241": "var(--paper-line)",
             "#010242": "var(--paper-fine)", "#010243": "var(--for)", "#010244": "var(--against)",
             **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)}}  # fmt: skip
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (5, 1.5, 1, 1.5)))
"""Lines differ in dash as well as in colour."""
IDS = r'(id="|url\(#|href="#)'
"""Where an SVG names or refers to one of its parts."""
PLACES = re.compile(r' (d|x|y|transform)="[^"]*"')
LONG = re.compile(r"(-?\d+\.\d)\d+")
"""A tenth of a point is less than a pixel."""


def svg_of(name: str, inches: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """A drawing as an SVG element whose ids begin with its name, so that several can stand in one page.

    Args:
        name: letters, digits and hyphens; no two drawings of a page have the same.
        inches: width and height.
        draw: onto the figure, in the colours of this module, and without any text of the user's.
    """
    # The SVG back end takes its fonts and ids from the settings alone; they are put back at once.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "path.simplify": True}):
        figure = Figure(figsize=inches)
        draw(figure)
        figure.patch.set_visible(False)
        file = io.StringIO()
        FigureCanvasSVG(figure).print_svg(file, metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    svg = re.sub(r"<metadata>.*?</metadata>", "", file.getvalue(), flags=re.DOTALL)
    head, body = svg[svg.index("<svg") :].split(">", 1)
    head = re.sub(r' (xmlns(:xlink)?|width|height|version)="[^"]*"', "", head)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL).replace("xlink:href", "href")
    body = re.sub(r"\s+", " ", re.sub(r'<g id="[^"]*">', "<g>", body)).replace("> <", "><")
    svg = f"{head}>" + PLACES.sub(lambda one: LONG.sub(r"\1", one[0]), re.sub(IDS, rf"\g<1>{name}-", body))
    for stand_in, colour in STAND_INS.items():
        svg = svg.replace(stand_in, colour)
    return svg


def dressed(axes: Axes) -> None:
    """Text and frame in the page's colour, a light grid, and no background."""
    axes.patch.set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    axes.xaxis.label.set_color(INK)
    axes.yaxis.label.set_color(INK)
    axes.grid(color="#010240", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
