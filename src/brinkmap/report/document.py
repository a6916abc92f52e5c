"""A report as what it says, in blocks: every page is built of these, and written as HTML and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "Block", "Bullets", "Cases", "Cell", "Code", "Column", "Document", "Figure", "Figures", "Key", "Picture", "Plot",
    "Plots", "Section", "ShownCase", "Table", "Text", "Verdict",
]  # fmt: skip


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Verdict:
    """The answer to the question that comes first."""

    kind: ClassVar[str] = "verdict"
    outcome: str
    """pass, fail or none: how it is coloured."""
    text: str


@dataclass(frozen=True)
class Figure:
    """One figure: what it is, its value and what to know of it."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Figures:
    """The figures that matter most, large."""

    kind: ClassVar[str] = "figures"
    figures: Sequence[Figure]


@dataclass(frozen=True)
class Cell:
    """One cell of a table that is more than its text."""

    text: str
    share: float | None = None
    """0..1: a bar behind the text."""
    mark: str = ""
    """met or missed: how it is coloured."""


@dataclass(frozen=True)
class Column:
    """The head of one column."""

    name: str
    number: bool = False
    """Set to the right."""


@dataclass(frozen=True)
class Table:
    """Rows with a head; the first cell of a row names it."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Cell]]


@dataclass(frozen=True)
class Key:
    """One line of a plot's legend."""

    name: str
    colour: int
    """Of the page's series, from 1 on."""
    dash: int
    """Of the page's dashes, from 0 on."""


@dataclass(frozen=True)
class Plot:
    """One drawing of curves or bars, in the page's own colours."""

    title: str
    alt: str
    """What is to be seen, in words and with its main figures."""
    svg: str
    """Without any text of the user's: names stand in title, alt and keys."""
    keys: Sequence[Key] = ()


@dataclass(frozen=True)
class Plots:
    """Plots side by side."""

    kind: ClassVar[str] = "plots"
    plots: Sequence[Plot]


@dataclass(frozen=True)
class Picture:
    """One picture of a case."""

    title: str
    alt: str
    source: str = ""
    """A picture inline, as a data URI; the frames of a clip stand side by side in it."""
    frames: int = 1
    ratio: float = 1.0
    """Width of a frame by its height."""
    svg: str = ""
    """A drawing instead, without any text of the user's."""


@dataclass(frozen=True)
class ShownCase:
    """One sample before and after."""

    title: str
    facts: str
    pictures: Sequence[Picture]
    table: Table | None = None


@dataclass(frozen=True)
class Cases:
    """Samples worth a look."""

    kind: ClassVar[str] = "cases"
    title: str
    cases: Sequence[ShownCase]
    wide: bool = False
    """Whether each picture takes the whole width."""


@dataclass(frozen=True)
class Bullets:
    """A list."""

    kind: ClassVar[str] = "bullets"
    items: Sequence[str]


@dataclass(frozen=True)
class Code:
    """What is typed."""

    kind: ClassVar[str] = "code"
    text: str


Block = Text | Verdict | Figures | Table | Plots | Cases | Bullets | Code


@dataclass(frozen=True)
class Section:
    """Blocks under a heading."""

    title: str
    blocks: Sequence[Block]

    @property
    def name(self) -> str:
        """What a link within the page calls it."""
        return "-".join("".join(char if char.isalnum() else " " for char in self.title.lower()).split())


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    about: str
    """What kind of report it is, in a few words above the title."""
    lead: Sequence[Block]
    """Before the first heading: what it comes to."""
    sections: Sequence[Section]
    label: str = ""
    """A warning that must stand beside the title."""
    made: str = ""
    """With what, and when where that is known."""
    moving: bool = False
    """Whether there are clips in it, which one must be able to stop."""
