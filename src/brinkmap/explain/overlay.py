"""Explanations as pictures: the sample, the map over it, and the mask; the one place here that knows ranks apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator
from PIL import Image

from brinkmap.arrays import Array, Bounds, Floats
from brinkmap.explain.explanation import Explanation

__all__ = ["Scene", "write_animation", "write_overlay"]

COLOURS = "RdBu_r"
"""Red speaks for the class, blue against it."""
STRIP = 8
"""Frames of a clip that are shown."""
FRAME_MS = 125
ENLARGED = 160
"""Pixels that a clip's shorter side has at least."""


@dataclass(frozen=True)
class Scene:
    """What a picture needs beside the map."""

    sample: Array
    """(c, *extent)."""
    bounds: Bounds
    title: str
    unit: str = ""
    rate_hz: float | None = None

    @property
    def scaled(self) -> Floats:
        """(c, *extent) on 0..1."""
        low, high = self.bounds
        return np.clip((self.sample.astype(np.float64) - low) / (high - low), 0, 1)


def write_overlay(path: Path, scene: Scene, explanation: Explanation) -> None:
    """Draw one explanation into a file whose suffix says the kind: .png or .svg.

    Args:
        path: where to.
        scene: the sample with what is to be said of it.
        explanation: its map.
    """
    figure = DRAW[scene.sample.ndim - 1](scene, explanation)
    figure.suptitle(scene.title, fontsize=10, parse_math=False)
    figure.savefig(path, dpi=140, metadata={"Date": None} if path.suffix == ".svg" else {"Software": None})


def write_animation(path: Path, scene: Scene, explanation: Explanation) -> None:
    """A clip with the map over each frame, as an animated GIF."""
    frames = _blended(scene.scaled, _heat(explanation))
    factor = max(1, ENLARGED // min(frames.shape[1:3]))
    pictures = [Image.fromarray(one.repeat(factor, axis=0).repeat(factor, axis=1)) for one in frames]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=FRAME_MS, loop=0)


def _signal(scene: Scene, explanation: Explanation) -> Figure:
    channels = len(scene.sample)
    figure = Figure(figsize=(11, 1.2 + 1.6 * channels), layout="constrained")
    axes = figure.subplots(channels, 1, sharex=True, squeeze=False)[:, 0]
    times = np.arange(scene.sample.shape[1]) / (scene.rate_hz or 1)
    heat, mask = _heat(explanation), explanation.mask
    for one, values in zip(axes, scene.sample, strict=True):
        points = np.stack([times, values], axis=1)
        line = LineCollection(list(np.stack([points[:-1], points[1:]], axis=1)), cmap=COLOURS, linewidths=1.4)
        line.set_array(heat[:-1])
        line.set_clim(-1, 1)
        margin = 0.06 * (float(np.ptp(values)) or 1.0)
        one.plot(times, values, color="#b9b9b9", linewidth=0.6)
        one.add_collection(line)
        one.fill_between(
            times, values.min() - margin, values.max() + margin, where=mask, color="#c0392b", alpha=0.12, step="mid"
        )
        one.set(xlim=(times[0], times[-1]), ylim=(values.min() - margin, values.max() + margin), ylabel=scene.unit)
        _ecg_paper(one, scene)
    axes[-1].set_xlabel("s" if scene.rate_hz else "value")
    figure.colorbar(line, ax=axes, label="for the class", pad=0.01, ticks=[-1, 0, 1])
    return figure


def _ecg_paper(axes: Axes, scene: Scene) -> None:
    """Lines every .2 s and .5 mV, as on paper, where units say that it is one."""
    if scene.rate_hz and scene.unit == "mV":
        axes.xaxis.set_major_locator(MultipleLocator(0.2))
        axes.yaxis.set_major_locator(MultipleLocator(0.5))
        axes.tick_params(labelsize=6)
        axes.xaxis.set_tick_params(labelrotation=90)
    axes.grid(color="#e8b4b0" if scene.unit == "mV" else "#dddddd", linewidth=0.5)


def _picture(scene: Scene, explanation: Explanation) -> Figure:
    figure = Figure(figsize=(9.6, 3.6), layout="constrained")
    clean, over, cut = figure.subplots(1, 3)
    plain = _rgb(scene.scaled)
    clean.imshow(plain)
    over.imshow(_blended(scene.scaled[:, None], _heat(explanation)[None])[0])
    cut.imshow(np.where(explanation.mask[..., None], plain, 0.75 + 0.15 * plain))
    for axes, title in ((clean, "sample"), (over, "for (red) and against (blue)"), (cut, "mask")):
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    return figure


def _clip(scene: Scene, explanation: Explanation) -> Figure:
    frames = np.linspace(0, scene.sample.shape[1] - 1, min(STRIP, scene.sample.shape[1])).round().astype(int)
    figure = Figure(figsize=(1.6 * len(frames), 5.6), layout="constrained")
    rows = figure.subplots(3, len(frames), squeeze=False, gridspec_kw={"height_ratios": [1, 1, 0.8]})
    blended = _blended(scene.scaled, _heat(explanation))
    for column, frame in enumerate(frames):
        rows[0, column].imshow(_rgb(scene.scaled[:, frame]))
        rows[1, column].imshow(blended[frame])
        rows[0, column].set_title(f"frame {frame}", fontsize=8)
    for axes in rows.ravel():
        axes.set_axis_off()
    over_time = figure.add_subplot(rows[2, 0].get_gridspec()[2, :])
    evidence = np.maximum(explanation.map, 0).sum(axis=(1, 2))
    over_time.bar(np.arange(len(evidence)), evidence / max(float(evidence.sum()), 1e-12), color="#c0392b", width=0.8)
    over_time.set(xlabel="frame", ylabel="share of the evidence")
    return figure


DRAW: dict[int, Callable[[Scene, Explanation], Figure]] = {1: _signal, 2: _picture, 3: _clip}


def _heat(explanation: Explanation) -> Floats:
    """The map on -1..1."""
    values = explanation.map.astype(np.float64)
    return values / max(float(np.abs(values).max()), np.finfo(float).tiny)


def _rgb(channels: Floats) -> Floats:
    """(height, width, 3) of one or three channels; of other numbers, their mean."""
    grey = channels if len(channels) in (1, 3) else channels.mean(axis=0, keepdims=True)
    return np.moveaxis(np.broadcast_to(grey, (3, *grey.shape[1:])), 0, -1)


def _blended(clip: Floats, heat: Floats) -> np.ndarray:
    """(frames, height, width, 3) uint8: grey frames, coloured the more the more a place counts."""
    grey = np.broadcast_to(clip.mean(axis=0)[..., None], (*heat.shape, 3))
    colours = colormaps[COLOURS](0.5 + 0.5 * heat)[..., :3]
    weight = 0.65 * np.sqrt(np.abs(heat))[..., None]
    return np.rint(255 * ((1 - weight) * grey + weight * colours)).astype(np.uint8)
