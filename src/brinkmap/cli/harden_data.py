"""The samples that `brinkmap harden` trains and measures on, and what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from brinkmap.arrays import Bounds, check_bounds, check_sample
from brinkmap.cli.clip_flags import ClipFlags, clips_of
from brinkmap.cli.harden_network import NEW, Start
from brinkmap.cli.signal_flags import SignalFlags, data_of
from brinkmap.data import DataSet
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.harden import Labelled

__all__ = ["Asked", "Held", "held_of"]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What flags say of the data."""

    data: str
    test_data: str | None
    limit: int | None
    bounds: Bounds | None
    rate_hz: float | None
    unit: str | None
    signals: SignalFlags
    clips: ClipFlags


@dataclass(frozen=True)
class Held:
    """Samples on 0..1, and what their values were before."""

    data: Labelled
    """To train on, a share still to be set apart."""
    test: Labelled | None
    bounds: Bounds
    rate_hz: float | None
    unit: str
    class_names: tuple[str, ...] | None
    classes: int


def held_of(asked: Asked, start: Start) -> Held:
    """The samples, read and labelled as the network has its classes.

    Raises:
        InputError: they have no labels, others than the network knows, or values beyond the bounds.
    """
    bounds, rate_hz = check_bounds(asked.bounds or start.bounds or (0.0, 1.0)), asked.rate_hz or start.rate_hz
    clips = clips_of(asked.clips, asked.data, start.shape)
    data = data_of(asked.signals, asked.data, asked.limit, rate_hz, clips)
    if start.shape is not None and data.shape != start.shape:
        raise InputError(f"network: it takes samples of shape {start.shape}, got {data.shape}. Give data of its kind.")
    unit = asked.unit or start.unit or data.unit
    if data.unit and data.unit != unit:
        raise InputError(f"unit: {asked.data} is in {data.unit}, and the network takes {unit}. Bring them to one.")
    labelled, names = _labelled(asked.data, data, bounds, start.class_names)
    classes = start.classes or (len(names) if names else int(labelled.labels.max()) + 1)
    test = None
    if asked.test_data is not None:
        clips = clips_of(asked.clips, asked.test_data, data.shape)
        other = data_of(asked.signals, asked.test_data, None, rate_hz or data.rate_hz, clips)
        test, _ = _labelled(asked.test_data, other, bounds, names)
    for path, one in ((asked.data, labelled), (asked.test_data, test)):
        if one is not None and int(one.labels.max()) >= classes:
            raise InputError(
                f"labels: {path} has the label {one.labels.max()}, and the network knows {classes} classes, from 0 to "
                f"{classes - 1}. Number them as it does."
            )
    if start.net is None and names is None and (gaps := sorted(set(range(classes)) - set(labelled.labels.tolist()))):
        raise InputError(
            f"labels: {asked.data} has no sample of class {', '.join(map(str, gaps))} of 0 to {classes - 1}, which "
            f"{NEW} is to learn. Give some, or number the classes without gaps."
        )
    return Held(labelled, test, bounds, rate_hz or data.rate_hz, unit, names, classes)


def _labelled(
    path: str, data: DataSet, bounds: Bounds, names: tuple[str, ...] | None
) -> tuple[Labelled, tuple[str, ...] | None]:
    """On 0..1, with labels numbered as these names are, and the names."""
    from brinkmap.harden import Labelled

    if data.labels is None:
        raise InputError(
            f"data: {path} has no labels, which training needs. Give an .npz with x and y, a folder with a sub-folder "
            "for each class, or --label-by for recordings with annotations."
        )
    labels, known = data.labels, data.class_names
    if names is not None:
        renumbered = data.labelled_as(names)
        assert renumbered.labels is not None
        labels, known = renumbered.labels, renumbered.class_names
        if known != names:
            strange = sorted(set(data.class_names or ()) - set(names))
            raise InputError(
                f"labels: {path} has the class {', '.join(strange)}, and the network knows {', '.join(names)}. Name "
                "the classes as it does."
            )
    samples, (low, high) = data.stacked(bounds), bounds
    for index, sample in enumerate(samples):
        try:
            check_sample(sample, data.shape, bounds)
        except InputError as error:
            raise InputError(f"{path}: sample {index}: {error}") from error
    return Labelled((samples - low) / (high - low), labels), known
