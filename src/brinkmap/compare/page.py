"""A comparison in words and tables: Markdown, one table for each track and bound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from brinkmap.compare.contest import NATURAL, NORM
from brinkmap.compare.figures import MARKS
from brinkmap.summary import LEARNED_ACROSS

__all__ = [
    "INTRO", "TERMS", "curves_name", "difference_cells", "difference_table", "figure_cells", "figure_table", "number",
    "page_of", "remarks", "spread", "table",
]  # fmt: skip

INTRO = {
    NATURAL: "Natural filters: what was done could happen to a sample. L2, SSIM and PSNR say how far it went.",
    NORM: "Unnatural, norm-matched: all search at the same distance, whatever it looks like.",
}

TERMS = (
    "A query is one sample passed through the victim, the clean look included. Capped means count failures, and "
    "samples on which an attack crashed, at the full budget; intervals are 95 % bootstraps over samples, seeds "
    "averaged first. Distances are on samples scaled to 0..1 by the victim's bounds; L2, Linf, SSIM and PSNR are "
    "means over flips."
)


def page_of(
    title: str, note: str, rows: Sequence[Mapping[str, Any]], differing: Sequence[Mapping[str, Any]],
    figures: Iterable[Path] = (),
) -> str:  # fmt: skip
    """The whole page.

    Args:
        title: its heading.
        note: below it.
        rows: of `figures_of`.
        differing: of `differences`.
        figures: pictures to show, by name within the page's folder.
    """
    done = [row for row in rows if "left_out" not in row]
    parts = [f"# {title}\n", note, _terms(done)]
    for track in (NATURAL, NORM):
        for bound in dict.fromkeys(row["bound"] for row in done if row["track"] == track):
            here = [row for row in done if (row["track"], row["bound"]) == (track, bound)]
            pairs = [row for row in differing if (row["track"], row["bound"]) == (track, bound)]
            parts += [f"## {track.capitalize()}, {bound}\n", INTRO[track] + "\n", figure_table(here)]
            parts += [difference_table(pairs)] if pairs else []
            shown = f"{curves_name(track, bound)}.png"
            parts += [f"![{track}, {bound}]({path.name})\n" for path in figures if path.name == shown]
    said = remarks(rows)
    parts += ["## Remarks\n", "".join(f"- {one}\n" for one in said)] if said else []
    return "\n".join(part for part in parts if part) + "\n"


def curves_name(track: str, bound: str) -> str:
    """The name of the file, without a suffix, that shows one track under one bound."""
    return f"curves-{_slug(track)}-{_slug(bound)}"


def _slug(text: str) -> str:
    return "-".join("".join(char if char.isalnum() or char == "." else " " for char in text.lower()).split())


def _terms(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "Nothing is finished yet.\n"
    balanced = all(row["ledger_total"] == row["queries_of_samples"] for row in rows)
    ledger = "equals the ledger at the victim's door in every row" if balanced else "DIFFERS from the ledger"
    return TERMS + f" The sum of all samples' queries {ledger}.\n"


def figure_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One row for each victim and attack: success, queries, distances, visibility and time."""
    return table(*figure_cells(rows))


def figure_cells(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """The same before it is written: the head, and the rows as texts."""
    marks = [mark for mark in MARKS if any(str(mark) in row["asr_at"] for row in rows)]
    seen = [name for name in ("ssim", "psnr_db", "snr_db") if any(row[f"{name}_mean"] is not None for row in rows)]
    steps = any(row["published_steps_mean"] is not None for row in rows)
    head = ["victim", "attack", "ASR", "capped mean queries (95 %)", "median", *(["published steps"] if steps else [])]
    head += ["training queries"] if (trained := any(row.get("training_queries") for row in rows)) else []
    head += [f"ASR@{mark}" for mark in marks] + ["L2", "Linf", *(name.removesuffix("_db").upper() for name in seen)]
    head += ["seconds", "queries/s", "samples x seeds"]
    lines = []
    for row in rows:
        cells = [row["victim"], row["attack"], f"{row['success_rate']:.3f}"]
        cells += [spread(row["queries_capped_mean"], row["queries_capped_interval"]), f"{row['queries_median']:.0f}"]
        cells += [number(row["published_steps_mean"], 1)] if steps else []
        cells += [f"{row.get('training_queries', 0):,d}"] if trained else []
        cells += [number(row["asr_at"].get(str(mark)), 3) for mark in marks]
        cells += [number(row["l2_mean"], 2), number(row["linf_mean"], 3)]
        cells += [number(row[f"{name}_mean"], 3 if name == "ssim" else 1) for name in seen]
        cells += [f"{row['seconds']:.0f}", f"{row['queries_a_second']:.0f}", f"{row['samples']} x {row['seeds']}"]
        lines.append(cells)
    return head, lines


def difference_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """How many queries fewer than the reference, paired over samples."""
    return table(*difference_cells(rows))


def difference_cells(rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """The same before it is written: the head, and the rows as texts."""
    head = ["victim", "attack", "queries fewer than", "mean (95 %)", "samples"]
    lines = [
        [row["victim"], row["attack"], row["against"], spread(row["queries_fewer_mean"], row["interval"]),
         str(row["samples"])]
        for row in rows
    ]  # fmt: skip
    if any(row.get("break_even", 0) != 0 for row in rows):
        head.append("training repaid after")
        for row, line in zip(rows, lines, strict=True):
            even = row.get("break_even", 0)
            line.append("never" if even is None else f"{even:,d} samples" if even else "-")
    return head, lines


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table; a text with a vertical bar cannot break it."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def remarks(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tables do not show: notes, learning across samples, crashes, projections, what was left out."""
    said = [f"{row['attack']}: {row['note']}" for row in rows if row["note"]]
    said += [f"{row['attack']}: {LEARNED_ACROSS}" for row in rows if row.get("learns_across")]
    for row in rows:
        where = f"{row['attack']} on {row['victim']}, {row['bound']}"
        if "left_out" in row:
            said.append(f"{where}: left out: {row['left_out']}")
            continue
        if row["errors"]:
            said.append(f"{where}: failed on {row['errors']} samples, the first: {row['first_error']}")
        if row["projected"]:
            said.append(f"{where}: {row['projected']} results were beyond bounds or distance, projected, scored again")
    return list(dict.fromkeys(said))


def spread(mean: float, interval: Sequence[float]) -> str:
    """A mean with its interval."""
    return f"{mean:.1f} ({interval[0]:.1f} to {interval[1]:.1f})"


def number(value: float | None, digits: int) -> str:
    """A figure, or a dash where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"
