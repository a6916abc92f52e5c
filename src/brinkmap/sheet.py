"""Contact sheets: every filter at every level on a real sample, one picture a rank, to be looked at and judged.

The samples need no download: a photograph that comes with scikit-learn, a camera pan over it, and the ECG that comes
with PyWavelets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from brinkmap.arrays import Array
from brinkmap.distortions import Distortion, Medium
from brinkmap.distortions.arsenal import members
from brinkmap.errors import InputError, MissingExtra
from brinkmap.plan import Canvas, Cards, make_grid
from brinkmap.registry import entries

__all__ = ["SHEETS", "Sheet", "sheet_rows", "write_sheet"]

MEMBERS = 2
"""So many of a family are shown: brighter and darker, 50 and 60 Hz, and two of tint's patterns."""
LEVELS = 5
CELL_INCHES = 1.25
DPI = 80
ECG_RATE_HZ, ECG_STEPS_A_MV = 360.0, 200.0
"""How PyWavelets' ECG is read; it does not say, and these give 66 beats a minute and R waves of 1.5 mV."""
ECG_SPAN_MV = (-2.0, 3.0)


@dataclass(frozen=True)
class Sheet:
    """One rank's contact sheet: what is distorted, where, and how it is drawn."""

    name: str
    """The file is `distortions-NAME.png`."""
    caption: str
    sample: Callable[[], Array]
    """-> `(c, *extent)` on the scale 0..1."""
    patch: tuple[int, ...]
    draw: Callable[[Axes, Array, Array], None]
    """Onto axes, from the modified and the clean sample."""
    width: float
    """Inches of one panel; it is `CELL_INCHES` high."""
    rate_hz: float | None = None


def write_sheet(sheet: Sheet, folder: Path) -> Path:
    """Draw one sheet: a row for each filter of its rank, a column for each level; the middle cells are distorted.

    Raises:
        MissingExtra: its sample comes with a package that is not installed.
    """
    sample = sheet.sample()
    shown = sheet_rows(sample, sheet)
    figure = Figure(figsize=(1.9 + LEVELS * sheet.width, 0.6 + len(shown) * (CELL_INCHES + 0.08)), dpi=DPI)
    FigureCanvasAgg(figure)
    figure.text(0.01, 1 - 0.1 / figure.get_figheight(), sheet.caption, ha="left", va="top", fontsize=9)
    rows = figure.subplots(len(shown), LEVELS, squeeze=False)
    for one, axes in zip(shown, rows, strict=True):
        _draw_row(one, sample, sheet, axes)
    high = 0.5 / figure.get_figheight()
    left = 1.8 / figure.get_figwidth()
    figure.subplots_adjust(left=left, right=0.998, bottom=0.002, top=1 - high, wspace=0.03, hspace=0.06)
    for axes, level in zip(rows[0], range(1, LEVELS + 1), strict=True):
        axes.set_title(f"level {level}", fontsize=8, pad=2)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"distortions-{sheet.name}.png"
    figure.savefig(path)
    return path


def sheet_rows(sample: Array, sheet: Sheet) -> list[Distortion]:
    """Every registered filter that works on a sheet's sample, natural ones first; of a family the first two."""
    medium = Medium(sample.shape, sheet.rate_hz)
    found: list[Distortion] = []
    for entry in entries("distortion"):
        try:
            some = members(entry.name, medium)
        except InputError:  # a signal's filter, asked for without a rate
            continue
        found += [one for one in some if len(medium.shape) - 1 in one.ranks][:MEMBERS]
    return sorted(found, key=lambda one: (not one.natural, one.name))


def _draw_row(one: Distortion, sample: Array, sheet: Sheet, axes: Sequence[Axes]) -> None:
    canvas = Canvas(sample.shape, (0.0, 1.0), make_grid([sheet.patch], sample.shape[1:]), Cards((one,)), seed=0)
    for level, panel in enumerate(axes, 1):
        panel.set_xticks([])
        panel.set_yticks([])
        for spine in panel.spines.values():
            spine.set_visible(False)
        if level <= one.levels:
            modified, _ = canvas.render(sample, 0, np.where(_middle(canvas), level, 0).astype(np.int16))
            sheet.draw(panel, modified, sample)
    kind = "" if one.natural else "\n(not natural)"
    axes[0].set_ylabel(one.name + kind, rotation=0, ha="right", va="center", fontsize=8, labelpad=6)


def _middle(canvas: Canvas) -> np.ndarray:
    """(cells,) whether a cell lies in the middle half of the last axes, so that its seams can be seen."""
    counts = canvas.grid.counts[0]
    places = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) / n for n in counts], indexing="ij"), axis=-1)
    return (abs(places[..., -2:] - 0.5) < 0.26).all(axis=-1).ravel()


def _photograph() -> Array:
    """(3, 224, 224) of a photograph of a palace."""
    from sklearn.datasets import load_sample_image

    picture = Image.fromarray(load_sample_image("china.jpg")).crop((80, 0, 507, 427)).resize((224, 224))
    return np.moveaxis(np.asarray(picture), -1, 0).astype(np.float32) / np.float32(255)


def _pan() -> Array:
    """(3, 16, 96, 96): a camera that pans over the photograph by 6 of its pixels a frame."""
    from sklearn.datasets import load_sample_image

    wide = load_sample_image("china.jpg")
    frames = [Image.fromarray(wide[30:350, 40 + 14 * k : 360 + 14 * k]).resize((96, 96)) for k in range(16)]
    return np.moveaxis(np.stack([np.asarray(one) for one in frames]), -1, 0).astype(np.float32) / np.float32(255)


def _ecg() -> Array:
    """(1, 1024): 2.8 s of one lead."""
    try:
        import pywt.data
    except ImportError as error:
        raise MissingExtra("the contact sheet of signals, drawn on the ECG of PyWavelets,", "ecg") from error
    low, high = ECG_SPAN_MV
    millivolts = pywt.data.ecg() / ECG_STEPS_A_MV
    return ((millivolts - low) / (high - low)).astype(np.float32)[None]


def _draw_picture(axes: Axes, modified: Array, _: Array) -> None:
    axes.imshow(np.moveaxis(modified, 0, -1).clip(0, 1), interpolation="nearest")


def _draw_frames(axes: Axes, modified: Array, _: Array) -> None:
    """Frames 4, 7, 10 and 13 side by side."""
    strip = np.concatenate([modified[:, frame] for frame in (4, 7, 10, 13)], axis=-1)
    axes.imshow(np.moveaxis(strip, 0, -1).clip(0, 1), interpolation="nearest")


def _draw_trace(axes: Axes, modified: Array, clean: Array) -> None:
    """On ECG paper: small squares of 40 ms and 0.1 mV, large ones of 200 ms and 0.5 mV."""
    low, high = ECG_SPAN_MV
    seconds = np.arange(clean.shape[-1]) / ECG_RATE_HZ
    for step, width in ((0.04, 0.15), (0.2, 0.5)):
        axes.vlines(np.arange(0, seconds[-1], step), -1.5, 2.5, color="#f0b8b8", lw=width)
        axes.hlines(np.arange(-1.5, 2.51, step * 2.5), 0, seconds[-1], color="#f0b8b8", lw=width)
    axes.plot(seconds, clean[0] * (high - low) + low, color="#999999", lw=0.6)
    axes.plot(seconds, modified[0] * (high - low) + low, color="#000000", lw=0.7)
    axes.set_xlim(0, seconds[-1])
    axes.set_ylim(-1.5, 2.5)


SHEETS = (
    Sheet(
        "signal",
        "Every filter on a real ECG (PyWavelets' sample, read as 360 Hz, 200 steps a mV); the cells of 0.28 s in the "
        "middle half are distorted; grey: clean; paper: 40 ms and 0.1 mV",
        _ecg,
        (102,),
        _draw_trace,
        2.6,
        ECG_RATE_HZ,
    ),
    Sheet(
        "image",
        "Every filter on a photograph (scikit-learn's china.jpg, 224 x 224); the cells of 28 x 28 in the middle are "
        "distorted",
        _photograph,
        (28, 28),
        _draw_picture,
        CELL_INCHES,
    ),
    Sheet(
        "video",
        "Every filter on a clip (a camera pan over scikit-learn's china.jpg, 16 frames of 96 x 96; frames 4, 7, 10, 13 "
        "shown); the cells of 8 x 12 x 12 in the middle are distorted",
        _pan,
        (8, 12, 12),
        _draw_frames,
        3 * CELL_INCHES,
    ),
)
"""The three of them."""
