"""The cases of an audit as blocks: worst and typical ones, with pictures and what the victim answered."""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Array
from brinkmap.metrics import perceptibility
from brinkmap.report.document import Block, Cases, Cell, Column, Picture, ShownCase, Table, Text
from brinkmap.report.pictures import fitted, shots_of
from brinkmap.report.signals import Strip, drawn
from brinkmap.report.view import TYPICAL, WORST, Case, ReportView
from brinkmap.report.wording import number

__all__ = ["answers_table", "case_blocks", "has_clips", "shown_cases"]

MOST = {1: 8, 2: 8, 3: 4}
"""Cases that are drawn at each rank."""
TOP = 10
"""Answers shown of each case."""
MEASURE_TEXTS = {"ssim": "SSIM {}", "psnr_db": "PSNR {} dB", "snr_db": "SNR {} dB"}
TITLES = {
    WORST: "Worst: the flips that took the least distortion",
    TYPICAL: "Typical: flips near the median distortion",
}


def shown_cases(view: ReportView) -> list[Case]:
    """The cases that are drawn: as many worst as typical ones, as far as there are."""
    if not view.cases:
        return []
    most = MOST[view.cases[0].clean.ndim - 1]
    typical = [case for case in view.cases if case.choice == TYPICAL]
    worst = [case for case in view.cases if case.choice == WORST][: most - min(len(typical), most // 2)]
    return [*worst, *typical][:most]


def has_clips(view: ReportView) -> bool:
    """Whether anything moves in the report."""
    return bool(view.cases) and view.cases[0].clean.ndim == 4 and view.cases[0].clean.shape[1] > 1


def case_blocks(view: ReportView) -> list[Block]:
    """What stands under the heading of the cases."""
    chosen = shown_cases(view)
    if not chosen:
        return [Text("There is no case to show.")]
    rank = chosen[0].clean.ndim - 1
    pictures, side = _drawn(chosen, view) if rank == 1 else _shot(chosen, view)
    blocks: list[Block] = [Text(_intro(rank, side, len(view.cases) - len(chosen)), quiet=True)]
    for choice, title in TITLES.items():
        shown = [_shown(case, row, view) for case, row in zip(chosen, pictures, strict=True) if case.choice == choice]
        blocks += [Cases(title, shown, wide=rank == 1)] if shown else []
    return blocks


def answers_table(before: Array, after: Array, view: ReportView) -> Table:
    """The likeliest classes before and after, with bars; those of either side, the likeliest before first."""
    most = np.argsort(-np.maximum(before, after), kind="stable")[:TOP]
    rows: list[list[str | Cell]] = [
        [view.class_name(int(one)), *(Cell(f"{share[one]:.3f}", float(share[one])) for share in (before, after))]
        for one in sorted(most, key=lambda one: (-before[one], -after[one], one))
    ]
    caption = f"Probabilities of the {len(rows)} likeliest classes" if len(before) > TOP else "Probabilities"
    return Table(caption, (Column("class"), Column("before"), Column("after")), rows)


def _shot(chosen: list[Case], view: ReportView) -> tuple[list[list[Picture]], int | None]:
    return fitted([shots_of(one.clean, one.modified, one.heat, one.heat_of, view.bounds) for one in chosen])


def _drawn(chosen: list[Case], view: ReportView) -> tuple[list[list[Picture]], int | None]:
    strip = Strip(view.unit, view.rate_hz)
    return [
        [drawn(f"case-{number}", one.clean, one.modified, one.heat, one.heat_of, strip)]
        for number, one in enumerate(chosen)
    ], None


def _intro(rank: int, side: int | None, left_out: int) -> str:
    said = ["The distortion is drawn by itself, once as it is and once multiplied by the factor stated."]
    if rank > 1:
        said.append("Heat maps lie over the sample in grey: red is where it is fragile, blue where it is held.")
    if rank == 3:
        said.append(
            "Frames of a clip follow each other; in print, and where motion is not wanted, they stand in a row."
        )
    if side is not None:
        said.append(f"Pictures are shrunk to {side} pixels a side, which softens fine noise.")
    if left_out > 0:
        said.append(f"{left_out} more are not drawn.")
    return " ".join(said)


def _shown(case: Case, pictures: list[Picture], view: ReportView) -> ShownCase:
    after = int(np.argmax(case.after))
    was, now = view.class_name(case.reference), view.class_name(after)
    change = f"{was} became {now}" if after != case.reference else f"{was}, unchanged"
    truth = "" if case.label is None else f"true class {view.class_name(case.label)}; "
    measures = perceptibility(case.clean, case.modified, view.bounds)
    seen = "".join(f", {MEASURE_TEXTS[name].format(number(value))}" for name, value in measures.items())
    facts = f"{truth}{case.queries} queries, L2 {case.l2:.3g}{seen}; {case.filters or 'no filter'}"
    return ShownCase(f"Sample {case.index}: {change}", facts, pictures, answers_table(case.before, case.after, view))
