"""A finished attack as an animated GIF: the panels of the page at the moments that matter."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from brinkmap.ui.live import Event
from brinkmap.ui.share.panels import INK, QUIET, draw_panels, font

__all__ = ["animation"]

WIDTH, TEXT, MARGIN = 760, 96, 14
MOST_FRAMES = 48
FRAME_MS, LAST_MS = 220, 2600
COLOURS = 255
PAPER = "#ffffff"
CLASSES = 4
"""Classes whose bars are drawn."""


def animation(record: Sequence[Event]) -> bytes:
    """The GIF: the clean look, each kept proposal (at most 48 moments in all, evenly spread), and the end.

    Args:
        record: all events of an attack, the first and the last included.
    """
    begun = record[0].data
    frames = [_frame(begun, step, shown, credit) for step, shown, credit in _moments(record)]
    frames = frames or [_note(begun)]
    frames = [frame.quantize(COLOURS, dither=Image.Dither.NONE) for frame in frames]
    file = io.BytesIO()
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(file, format="GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)
    return file.getvalue()


def _moments(record: Sequence[Event]) -> list[tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any] | None]]:
    """Step, pictures and map of the moments that are drawn."""
    found, shown, credit = [], None, None
    for event in record:
        if event.kind == "step":
            shown = event.data.get("shown", shown)
            credit = event.data.get("map", credit)
            found.append((event.data, shown, credit))
    if not found:
        return []
    final = record[-1].data.get("map", credit)
    kept = [at for at, (step, _, _) in enumerate(found) if step["kept"] or at in (0, len(found) - 1)]
    chosen = sorted({kept[round(at)] for at in np.linspace(0, len(kept) - 1, min(MOST_FRAMES, len(kept)))})
    moments = [found[at] for at in chosen]
    return [*moments[:-1], (*moments[-1][:2], final)]


def _frame(
    begun: dict[str, Any], step: dict[str, Any], shown: dict[str, Any] | None, credit: dict[str, Any] | None
) -> Image.Image:
    panels = draw_panels(begun, shown, credit, WIDTH - 2 * MARGIN)
    picture = Image.new("RGB", (WIDTH, panels.height + TEXT + 2 * MARGIN), PAPER)
    pen = ImageDraw.Draw(picture)
    name, share = step["top"][0][:2]
    pen.text((MARGIN, MARGIN - 2), _cut(f"{begun['victim']}: {name} {share:.0%}", 48), INK, font(19))
    said = f"query {step['queries']}, L2 {step['l2']:.3g}"
    flip = f", flipped at query {step['flipped']}" if step["flipped"] else ""
    pen.text((MARGIN, MARGIN + 24), said + flip, QUIET, font(14))
    pen.text(
        (MARGIN, MARGIN + 46),
        _cut(f"{begun['sample']}, {begun['origin']}; agent {begun['agent']}", 52),
        QUIET,
        font(12),
    )
    _bars(pen, step)
    picture.paste(panels, (MARGIN, TEXT + MARGIN // 2))
    return picture


def _bars(pen: ImageDraw.ImageDraw, step: dict[str, Any]) -> None:
    left, wide = WIDTH - 280, 130
    for row, (name, now, _, number) in enumerate(step["top"][:CLASSES]):
        top = MARGIN + row * 18
        pen.text((left - 8, top), _cut(name, 18), INK, font(12), anchor="ra")
        pen.rectangle((left, top + 2, left + wide, top + 13), fill="#eef1f5")
        pen.rectangle(
            (left, top + 2, left + now * wide, top + 13), fill="#0b5cad" if number == step["reference"] else "#b3430e"
        )
        pen.text((left + wide + 8, top), f"{now:.1%}", QUIET, font(12))


def _note(begun: dict[str, Any]) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, 60), PAPER)
    ImageDraw.Draw(picture).text((MARGIN, 20), _cut(f"{begun['sample']}: it was never asked", 70), INK, font(16))
    return picture


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
