"""ECG strips as they come out of the machine: 25 mm a second, 10 mm a millivolt, on millimetre paper, to scale.

What is drawn over the trace: the waves, where a classifier looks or is fragile, and what was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MultipleLocator

from brinkmap.arrays import Array, Floats
from brinkmap.data.ecg.delineation import Delineation
from brinkmap.errors import InputError
from brinkmap.explain.masks import Bools

__all__ = ["Strip", "ecg_paper", "write_ecg_paper"]

MM_S, MM_MV, MM_INCH = 25.0, 10.0, 25.4
LONGEST_S = 30.0
TALLEST_MV = 12.0
PAPER, FINE, BOLD = "#fffaf7", "#f6d3cd", "#e8a79d"
REGION, CHANGED = "#f28e2b", "#2f6fb5"
WAVE_COLOURS = {"P": "#7b4fa3", "QRS": "#1b7f4d", "T": "#b3478a"}
LEFT_MM, RIGHT_MM, TOP_MM, BOTTOM_MM, GAP_MM = 22.0, 8.0, 10.0, 16.0, 9.0
PULSE_S, PULSE_MV = 0.2, 1.0
DPI = 160


@dataclass(frozen=True, kw_only=True, eq=False)
class Strip:
    """One lead on the paper."""

    lead: Array
    """(time,) mV."""
    title: str
    """Above it, such as what the classifier says."""
    below: Array | None = None
    """(time,) mV: the trace that it was made of, drawn in grey beneath it."""
    waves: Delineation | None = None
    """P, QRS and T, as bars under the trace."""
    region: Bools | None = None
    """(time,) what to point at, such as an explanation's mask."""
    changed: Bools | None = None
    """(time,) where it was changed."""


def write_ecg_paper(path: str | Path, strips: Sequence[Strip], rate_hz: float, title: str = "") -> None:
    """Draw strips into a file whose suffix says the kind: .png, .svg or .pdf; printed at full size they are to scale.

    Raises:
        InputError: as `ecg_paper`.
    """
    path = Path(path)
    metadata = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else None
    ecg_paper(strips, rate_hz, title).savefig(path, dpi=DPI, metadata=metadata)


def ecg_paper(strips: Sequence[Strip], rate_hz: float, title: str = "") -> Figure:
    """Strips one under the other, on the same scale.

    Args:
        strips: at least one, all of the same length, up to 30 s.
        rate_hz: values a second.
        title: of the sheet.

    Raises:
        InputError: no strip, strips of different lengths, too long ones, values that are not finite or beyond 12 mV
            from lowest to highest, as those in another unit are.
    """
    seconds = _checked(strips, rate_hz)
    spans = [_span(strip) for strip in strips]
    heights = [MM_MV * (high - low) for low, high in spans]
    width = LEFT_MM + MM_S * seconds + RIGHT_MM
    height = TOP_MM + sum(heights) + GAP_MM * len(strips) + BOTTOM_MM
    figure = Figure(figsize=(width / MM_INCH, height / MM_INCH), facecolor="white")
    figure.text(LEFT_MM / width, 1 - 6 / height, title, fontsize=11, fontweight="bold", va="center", parse_math=False)
    top = height - TOP_MM
    for strip, span, tall in zip(strips, spans, heights, strict=True):
        top -= GAP_MM
        box = (LEFT_MM / width, (top - tall) / height, MM_S * seconds / width, tall / height)
        _draw(figure.add_axes(box), strip, rate_hz, span, seconds)
        top -= tall
    _legend(figure, strips, width)
    figure.text(
        1 - RIGHT_MM / width, 7 / height, "25 mm/s   10 mm/mV", fontsize=8, ha="right", va="center", color="#444444"
    )
    return figure


def _checked(strips: Sequence[Strip], rate_hz: float) -> float:
    if not strips:
        raise InputError("strips: expected at least one, got none.")
    lengths = {len(strip.lead) for strip in strips}
    if len(lengths) > 1 or not 0 < max(lengths) / rate_hz <= LONGEST_S:
        raise InputError(
            f"strips: expected all of one length up to {LONGEST_S:g} s, got "
            f"{', '.join(f'{length / rate_hz:g} s' for length in sorted(lengths))}."
        )
    for strip in strips:
        if not np.isfinite(strip.lead).all() or np.ptp(strip.lead) > TALLEST_MV:
            raise InputError(
                f"strip {strip.title!r}: expected finite millivolts that span at most {TALLEST_MV:g} mV, got a span of "
                f"{np.ptp(strip.lead):.3g}. Convert its unit to mV."
            )
    return float(max(lengths) / rate_hz)


def _span(strip: Strip) -> tuple[float, float]:
    """The millivolts that are on the paper, in whole big squares."""
    shown = strip.lead if strip.below is None else np.concatenate([strip.lead, strip.below])
    low, high = float(shown.min()), float(shown.max())
    return np.floor((low - 0.35) / 0.5) * 0.5, max(np.ceil((high + 0.15) / 0.5) * 0.5, 1.5)


def _draw(axes: Axes, strip: Strip, rate_hz: float, span: tuple[float, float], seconds: float) -> None:
    times = np.arange(len(strip.lead)) / rate_hz
    low, high = span
    axes.set(xlim=(0, seconds), ylim=span, facecolor=PAPER)
    for axis, fine, bold in ((axes.xaxis, 1 / MM_S, 5 / MM_S), (axes.yaxis, 1 / MM_MV, 5 / MM_MV)):
        axis.set_minor_locator(MultipleLocator(fine))
        axis.set_major_locator(MultipleLocator(bold))
    axes.grid(which="minor", color=FINE, linewidth=0.3)
    axes.grid(which="major", color=BOLD, linewidth=0.7)
    axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
    axes.set_axisbelow(True)
    for edge in axes.spines.values():
        edge.set_color(BOLD)
    if strip.region is not None:
        axes.fill_between(times, low, high, where=strip.region, color=REGION, alpha=0.28, linewidth=0, step="mid")
    if strip.changed is not None:
        axes.fill_between(
            times, high - 0.12, high, where=strip.changed, color=CHANGED, alpha=0.9, linewidth=0, step="mid"
        )
    if strip.below is not None:
        axes.plot(times, strip.below, color="#9a9a9a", linewidth=0.8)
    axes.plot(times, strip.lead, color="black", linewidth=0.9, solid_joinstyle="round")
    if strip.waves is not None:
        _draw_waves(axes, times, strip.waves, low)
    _draw_pulse(axes)
    for second in range(int(seconds) + 1):
        axes.text(second, low - 0.06, f"{second} s", fontsize=6, ha="center", va="top", color="#555555", clip_on=False)
    axes.text(0, high + 0.12, strip.title, fontsize=9, va="bottom", parse_math=False)


def _draw_waves(axes: Axes, times: Floats, found: Delineation, low: float) -> None:
    for wave, mask in found.waves.items():
        axes.fill_between(times, low + 0.06, low + 0.16, where=mask, color=WAVE_COLOURS[wave], linewidth=0, step="mid")
    axes.plot(times[found.r_peaks], np.full(len(found.r_peaks), low + 0.24), "v", color="#1b7f4d", markersize=3)


def _draw_pulse(axes: Axes) -> None:
    """The calibration pulse, left of the paper: 1 mV for .2 s."""
    start = -LEFT_MM / MM_S + 0.2
    steps = np.array([0, 0.1, 0.1, 0.1 + PULSE_S, 0.1 + PULSE_S, 0.2 + PULSE_S])
    axes.plot(start + steps, PULSE_MV * np.array([0, 0, 1, 1, 0, 0]), color="black", linewidth=0.9, clip_on=False)
    axes.text(
        start + 0.1 + PULSE_S / 2, -0.08, "1 mV", fontsize=6, ha="center", va="top", color="#555555", clip_on=False
    )


def _legend(figure: Figure, strips: Sequence[Strip], width: float) -> None:
    said = []
    if any(strip.waves is not None for strip in strips):
        said += [Patch(color=colour, label=wave) for wave, colour in WAVE_COLOURS.items()]
    if any(strip.region is not None for strip in strips):
        said.append(Patch(color=REGION, alpha=0.28, label="region that the answer rests on"))
    if any(strip.changed is not None for strip in strips):
        said.append(Patch(color=CHANGED, label="distorted"))
    if any(strip.below is not None for strip in strips):
        said.append(Patch(color="#9a9a9a", label="as recorded"))
    if said:
        figure.legend(
            handles=said, loc="lower left", bbox_to_anchor=(LEFT_MM / width - 0.01, 0), ncols=len(said), fontsize=7,
            frameon=False,
        )  # fmt: skip
