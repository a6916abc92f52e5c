"""A document as Markdown, for a pull request, a wiki or a terminal: all its words and tables, without pictures."""

from __future__ import annotations

import re
from collections.abc import Sequence

from brinkmap.report.document import (
    Block,
    Bullets,
    Cases,
    Cell,
    Code,
    Document,
    Figures,
    Plots,
    Table,
    Text,
    Verdict,
)

__all__ = ["escaped", "markdown_of"]

FENCE = "```"


def markdown_of(document: Document) -> str:
    """The whole document; names of the user's cannot break out of their place."""
    parts = [f"# {escaped(document.title)}", f"*{escaped(document.about)}*"]
    parts += [f"**{escaped(document.label)}**"] if document.label else []
    parts += [_block(block, 2) for block in document.lead]
    for section in document.sections:
        parts += [f"## {escaped(section.title)}", *(_block(block, 3) for block in section.blocks)]
    return "\n\n".join([*parts, f"*{escaped(document.made)}*"]) + "\n"


def escaped(text: str) -> str:
    """One line of plain text that Markdown takes as it stands, raw HTML, links and table bars included."""
    line = " ".join(str(text).split())
    for char, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        line = line.replace(char, code)
    return re.sub(r"([\\`*_\[\]|])", r"\\\1", line)


def _block(block: Block, level: int) -> str:
    match block:
        case Text():
            return escaped(block.text)
        case Verdict():
            return f"**{escaped(block.text)}**"
        case Figures():
            return "\n".join(
                f"- {escaped(one.name)}: **{escaped(one.value)}**{f' ({escaped(one.note)})' if one.note else ''}"
                for one in block.figures
            )
        case Table():
            return _table(block)
        case Plots():
            return "\n".join(f"- {escaped(one.title)}: {escaped(one.alt)}" for one in block.plots)
        case Cases():
            return _cases(block, level)
        case Bullets():
            return "\n".join(f"- {escaped(item)}" for item in block.items)
        case Code():
            return f"{FENCE}\n{block.text.replace(FENCE, '')}\n{FENCE}"


def _table(table: Table) -> str:
    head = [column.name for column in table.columns]
    rule = ["---:" if column.number else "---" for column in table.columns]
    lines = [_line(head), f"| {' | '.join(rule)} |", *(_line(row) for row in table.rows)]
    return f"{escaped(table.caption)}:\n\n" + "\n".join(lines)


def _line(cells: Sequence[str | Cell]) -> str:
    return f"| {' | '.join(escaped(one.text if isinstance(one, Cell) else one) for one in cells)} |"


def _cases(block: Cases, level: int) -> str:
    lines = [f"- {escaped(one.title)}: {escaped(one.facts)}" for one in block.cases]
    return "\n".join([f"{'#' * level} {escaped(block.title)}\n" if block.title else "", *lines]).strip()
