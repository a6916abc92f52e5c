"""The report of two audits: how their figures differ, how sure that is, and what else differs between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from brinkmap.errors import InputError
from brinkmap.files import write_json
from brinkmap.report.audit_page import made_with, unnatural_label
from brinkmap.report.charts import DISTANCE, accuracy_line, flips_line
from brinkmap.report.document import Block, Bullets, Code, Column, Document, Plot, Plots, Section, Table, Text
from brinkmap.report.kept import kept_view
from brinkmap.report.paired import Difference, differences_of, turned
from brinkmap.report.plots import Line, Scale, curves
from brinkmap.report.view import ReportView
from brinkmap.report.wording import bound_name, number, percent, plain
from brinkmap.report.write import write_document
from brinkmap.summary import l2_bounds

__all__ = ["difference_page", "write_difference"]

SHARES = ("clean accuracy", "success rate")
TERMS = ("budget", "max_l2", "max_linf", "criterion", "refine_budget", "distortions", "patch")
"""Settings that change what a success rate means."""
GUIDE = (
    "A difference is the second audit's figure minus the first's. Its interval is a 95 % bootstrap over samples; where "
    "it does not hold 0, chance alone is an unlikely reason.",
    "Paired: each sample is held against itself, and only samples that have the figure in both audits count: the "
    "success rate on samples that both victims have right, distances on samples that flip in both.",
    "Where samples are not the same, the difference is that of two means, and its interval is wider.",
    "What differs between the two besides the victim stands under its own heading: a figure can only be put down to "
    "the victim if nothing there would change it.",
)


def write_difference(first: Path, second: Path, out: Path) -> Path:
    """Write `report.html`, `report.md` and `difference.json`.

    Args:
        first, second: folders of finished audits.
        out: made where it is missing.

    Raises:
        InputError: a folder holds no finished audit, or the two cannot be compared.
    """
    if first.resolve() == second.resolve():
        raise InputError(f"folders: expected two different audits, got {first} twice.")
    if out.resolve() in (first.resolve(), second.resolve()):
        raise InputError(f"out: expected a folder of its own, got {out}, which is one of the audits.")
    views = (kept_view(first), kept_view(second))
    _check(views, (first, second))
    found, paired = _found(views)
    out.mkdir(parents=True, exist_ok=True)
    kept = {"first": str(first), "second": str(second), "paired": paired}
    write_json(out / "difference.json", kept | {"figures": [dataclasses.asdict(one) for one in found]})
    return write_document(out, difference_page(views, (str(first), str(second))))


def difference_page(views: tuple[ReportView, ReportView], names: tuple[str, str]) -> Document:
    """The whole document.

    Args:
        views: of the two audits.
        names: what each is called.
    """
    found, paired = _found(views)
    other = _settings(views)
    unlike = [name for name in TERMS if name in dict(other)]
    sections = [
        Section("Figures side by side", _figures(found, names, paired, views)),
        Section("Curves side by side", [Plots(_plots(views, names))]),
        Section("What else differs", _others(other, names)),
        Section("How to read this", [Bullets(GUIDE)]),
        Section("Do it again", [Code(f"brinkmap report {names[0]} {names[1]}"),
                                *(Code(view.command) for view in views if view.command)]),
    ]  # fmt: skip
    return Document(
        title=f"{names[1]} against {names[0]}",
        about="Two audits",
        lead=_lead(found, names, paired, unlike),
        sections=sections,
        label=unnatural_label({name: 0 for view in views for name in view.summary.get("unnatural") or ()}),
        made=made_with(views[1].summary.get("versions") or {}),
    )


def _check(views: tuple[ReportView, ReportView], folders: tuple[Path, Path]) -> None:
    shapes = [_shape(view) for view in views]
    if None not in shapes and shapes[0] != shapes[1]:
        raise InputError(
            f"{folders[0]} is of samples of shape {shapes[0]}, {folders[1]} of {shapes[1]}: their distances cannot be "
            "compared. Give two audits of samples of one shape."
        )
    if views[0].bounds != views[1].bounds:
        raise InputError(
            f"{folders[0]} is of values from {views[0].bounds}, {folders[1]} from {views[1].bounds}: their distances "
            "cannot be compared, as both are scaled to 0..1. Give both victims the same --bounds."
        )
    for view, folder in zip(views, folders, strict=True):
        if not view.summary["attacked"]:
            raise InputError(f"{folder}: no sample was attacked, so there is nothing to compare.")


def _shape(view: ReportView) -> tuple[int, ...] | None:
    return tuple(view.cases[0].clean.shape) if view.cases else None


def _same_samples(views: tuple[ReportView, ReportView]) -> bool:
    """Whether the same index is the same sample: the data's checksum says so, or without one their labels."""
    a, b = (view.source.get("data_sha256") for view in views)
    if a or b:
        return a == b
    one, two = (view.table.drop_duplicates("index").set_index("index")["label"].dropna() for view in views)
    shared = one.index.intersection(two.index)
    return len(shared) > 0 and bool((one.loc[shared] == two.loc[shared]).all())


def _found(views: tuple[ReportView, ReportView]) -> tuple[list[Difference], bool]:
    paired = _same_samples(views)
    budgets = (views[0].summary["budget"], views[1].summary["budget"])
    return differences_of(views[0].table, views[1].table, budgets, paired=paired), paired


def _lead(found: Sequence[Difference], names: tuple[str, str], paired: bool, unlike: Sequence[str]) -> list[Block]:
    said = [f"{one.name.capitalize()}: {_told(one)}." for one in found[:4]]
    pairing = "the same samples, each held against itself" if paired else "different samples, so nothing is paired"
    blocks: list[Block] = [Text(f"First: {names[0]}. Second: {names[1]}. They are of {pairing}."), Bullets(said)]
    if unlike:
        blocks.append(Text(f"Read with care: the two differ in {', '.join(unlike)}, which changes what figures mean."))
    return blocks


def _told(one: Difference) -> str:
    form = _form(one.name)
    sure = "all samples alike" if one.interval is None else _span(one)
    verdict = ""
    if one.interval is not None:
        low, high = one.interval
        verdict = ", a difference" if low > 0 or high < 0 else ", no sure difference"
    return f"{form(one.first)} first, {form(one.second)} second ({_signed(one.name, one.difference)}; {sure}){verdict}"


def _figures(
    found: Sequence[Difference], names: tuple[str, str], paired: bool, views: tuple[ReportView, ReportView]
) -> list[Block]:
    columns = (
        Column("figure"), Column("first", True), Column("second", True), Column("difference", True),
        Column("95 % interval", True), Column("samples", True),
    )  # fmt: skip
    rows = [
        [one.name, _form(one.name)(one.first), _form(one.name)(one.second), _signed(one.name, one.difference),
         "none" if one.interval is None else _span(one), str(one.samples)]
        for one in found
    ]  # fmt: skip
    caption = "Means over samples that have the figure in both" if paired else "Means over the samples of each"
    blocks: list[Block] = [Table(caption, columns, rows)]
    if paired:
        both, first, second, neither = turned(views[0].table, views[1].table)
        rows = [["flipped in both", str(both)], [f"only in {names[0]}", str(first)],
                [f"only in {names[1]}", str(second)], ["in neither", str(neither)]]  # fmt: skip
        caption = "Samples that both victims have right"
        blocks.append(Table(caption, (Column("outcome"), Column("samples", True)), rows))
    return blocks


def _plots(views: tuple[ReportView, ReportView], names: tuple[str, str]) -> list[Plot]:
    """Both audits in one frame, each under its largest bound."""
    accuracies = [accuracy_line(view.table, name) for view, name in zip(views, names, strict=True)]
    flips = [
        flips_line(view.table, l2_bounds(view.table)[-1], view.summary["budget"],
                   f"{name}, {bound_name(l2_bounds(view.table)[-1])}")
        for view, name in zip(views, names, strict=True)
    ]  # fmt: skip
    budget = max(view.summary["budget"] for view in views)
    frames = (
        ("accuracy", "Accuracy against distance", accuracies, Scale(DISTANCE, "answered right")),
        ("flips", "Success rate against queries", flips, Scale("queries spent on a sample", "flipped", budget)),
    )
    plots = []
    for name, title, given, scale in frames:
        lines: list[Line] = [line for line in given if line is not None]
        ends = "; ".join(
            f"{line.name}: {line.y[0]:.0%} at the beginning, {line.y[-1]:.0%} at the end" for line in lines
        )
        plots.append(curves(f"both-{name}", title, f"{title}, both audits. {ends}.", lines, scale))
    return plots


def _settings(views: tuple[ReportView, ReportView]) -> list[tuple[str, tuple[str, str]]]:
    """Settings, sources and versions that are not the same."""
    told = [_all(view) for view in views]
    names = dict.fromkeys([*told[0], *told[1]])
    pairs = [(name, (told[0].get(name, "none"), told[1].get(name, "none"))) for name in names]
    return [(name, pair) for name, pair in pairs if pair[0] != pair[1] and name != "results_sha256"]


def _all(view: ReportView) -> dict[str, str]:
    versions: Mapping[str, Any] = view.summary.get("versions") or {}
    held = {**view.run, **view.source, **{f"{name} (version)": one for name, one in versions.items()}}
    return {name: plain(one) for name, one in held.items()}


def _others(other: Sequence[tuple[str, tuple[str, str]]], names: tuple[str, str]) -> list[Block]:
    if not other:
        return [Text("Settings, data, victim and versions are the same in both.")]
    rows = [[name, *pair] for name, pair in other]
    return [Table("Everything that is not the same", (Column("what"), Column(names[0]), Column(names[1])), rows)]


def _form(name: str) -> Any:
    return percent if name in SHARES else number


def _signed(name: str, value: float) -> str:
    return f"{100 * value:+.1f} points" if name in SHARES else f"{value:+.3g}"


def _span(one: Difference) -> str:
    assert one.interval is not None
    return " to ".join(_signed(one.name, end).removesuffix(" points") for end in one.interval)
