"""The samples a victim is to be asked about, cut, scaled and numbered as it has them."""

from __future__ import annotations

from brinkmap.cli.clip_flags import ClipFlags, clips_of
from brinkmap.cli.signal_flags import SignalFlags, data_of
from brinkmap.data import DataSet
from brinkmap.victims import Victim

__all__ = ["data_for"]


def data_for(victim: Victim, path: str, limit: int | None, signals: SignalFlags, clips: ClipFlags) -> DataSet:
    """The data under a path, with the victim's shape, rate and class names.

    Args:
        victim: whom it is for.
        path: what `load_data` takes.
        limit: at most so many samples.
        signals: how recordings become samples.
        clips: how videos become samples.

    Raises:
        BrinkmapError: bad input.
    """
    rate_hz, names = (getattr(victim, name, None) for name in ("rate_hz", "class_names"))
    data = data_of(signals, path, limit, rate_hz, clips_of(clips, path, victim.shape))
    return data if names is None else data.labelled_as(names)
