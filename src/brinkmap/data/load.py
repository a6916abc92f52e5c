"""One way in: a path, or a registered word, to a DataSet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from brinkmap.arrays import Array, Ints
from brinkmap.data.dataset import ArraySamples, DataSet
from brinkmap.data.digits import digits_heldout, digits_train
from brinkmap.data.ecg.csv_record import is_signal_csv
from brinkmap.data.ecg.load import RECORDS, load_recordings, load_records, records_in
from brinkmap.data.ecg.npz_rows import recordings_of
from brinkmap.data.ecg.rhythms import ecg_rhythms
from brinkmap.data.ecg.signals import Signals
from brinkmap.data.folder import load_folder, load_picture
from brinkmap.data.images import SUFFIXES
from brinkmap.data.known_beats import abnormal_beats
from brinkmap.data.known_cause import COUNT, KnownCause
from brinkmap.data.known_digits import digits_on_textures
from brinkmap.data.known_motion import moving_digits
from brinkmap.data.npz import load_npz
from brinkmap.data.table import load_table
from brinkmap.data.video import Clips, clips_in, holds_clips
from brinkmap.errors import InputError

__all__ = ["load_data"]

DIGITS = {"digits": digits_heldout, "digits-train": digits_train}
KNOWN: dict[str, Callable[..., KnownCause]] = {
    "abnormal-beats": partial(abnormal_beats, "heldout"),
    "abnormal-beats-train": partial(abnormal_beats, "train"),
    "digits-on-textures": partial(digits_on_textures, "heldout"),
    "digits-on-textures-train": partial(digits_on_textures, "train"),
    "moving-digits": partial(moving_digits, "heldout"),
    "moving-digits-train": partial(moving_digits, "train"),
}
READY: dict[str, Callable[..., DataSet]] = {
    "ecg-rhythms": partial(ecg_rhythms, "heldout"),
    "ecg-rhythms-train": partial(ecg_rhythms, "train"),
}
FILES: dict[str, Callable[[Path, int | None], DataSet]] = {
    ".npz": load_npz, ".csv": load_table, **dict.fromkeys(SUFFIXES, load_picture)
}  # fmt: skip


def load_data(
    path: str | Path, *, limit: int | None = None, signals: Signals | None = None, clips: Clips | None = None
) -> DataSet:
    """The samples under a path.

    Args:
        path: a .npz file with the arrays x and (optionally) y; a folder of images, one sub-folder a class; a .csv file
            with the columns file and label; one image; or the word "digits" for the held-out digits that come with
            Brinkmap, and "digits-train" for those that their victim was trained on (write "./digits" for a folder of
            that name); likewise "abnormal-beats", "digits-on-textures" and "moving-digits", whose labels have a known
            cause, and "ecg-rhythms", each with its "-train". ECG recordings are the .hea of a WFDB record, an .edf
            file, a .csv file with a header that names leads and numbers below it, or a folder with .hea or .edf files.
            Clips are an .mp4, .avi, .webm, .mkv or .mov file or a folder of them, one sub-folder a class.
        limit: at most so many samples: the first ones, of a folder one of each class or recording in turn.
        signals: how recordings become samples, `Signals()` unless stated; with it, each sample of a .npz file counts
            as a recording, which without it is a sample as it is.
        clips: how videos become samples, `Clips()` unless stated; of no meaning for other data.

    Raises:
        InputError: there is nothing there, it is of another kind, or it cannot be read; or `signals` is stated and
            there are none.
        MissingExtra: "digits-on-textures" needs scikit-image, .hea wfdb, .edf edfio, videos av.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit: expected at least 1 sample, got {limit}. Leave it out for all samples.")
    if signals is not None and path in (*DIGITS, *KNOWN, *READY):
        raise InputError(f"signals: {path} comes ready to use. Leave them out.")
    if path in DIGITS:
        return _shipped(*DIGITS[str(path)](), tuple("0123456789"), limit)
    if path in KNOWN:
        known = KNOWN[str(path)](count=min(limit or COUNT, COUNT))
        return _shipped(known.samples, known.labels, known.classes, limit)
    if path in READY:
        return READY[str(path)](count=min(limit or COUNT, COUNT))
    path = Path(path)
    recordings = _recordings(path)
    if recordings:
        return load_records(recordings, signals or Signals(), limit)
    if signals is not None and path.suffix.lower() == ".npz" and path.is_file():
        return load_recordings(recordings_of(load_npz(path), path, signals), signals, limit)
    _check_headers(path)
    if signals is not None and path.exists():
        raise InputError(f"signals: {path} holds no recordings: expected .hea, .edf, .npz or .csv with leads.")
    if holds_clips(path):
        return clips_in(path, clips or Clips(), limit)
    return _pictures_or_arrays(path, limit)


def _recordings(path: Path) -> list[Path]:
    """The recordings that a path stands for, or none."""
    if path.is_dir():
        return records_in(path)
    suffix = path.suffix.lower()
    return [path] if path.is_file() and (suffix in RECORDS or (suffix == ".csv" and is_signal_csv(path))) else []


def _pictures_or_arrays(path: Path, limit: int | None) -> DataSet:
    if path.is_dir():
        return load_folder(path, limit)
    if not path.exists():
        words = ", ".join([*DIGITS, *KNOWN, *READY])
        raise InputError(
            f"no such file or folder: {path}. Give a .npz or .csv file, a folder of images, a recording (.hea, .edf), "
            f"a video (.mp4, .avi, .webm), or a word: {words}."
        )
    if path.suffix.lower() not in FILES:
        raise InputError(
            f"{path}: expected a .npz or .csv file, an image or a folder of images, got "
            f"{path.suffix or 'no suffix'!r}. "
            "Save the samples with numpy.savez(path, x=..., y=...), or give the .hea or .edf file of an ECG."
        )
    return FILES[path.suffix.lower()](path, limit)


def _check_headers(path: Path) -> None:
    """That signals of WFDB records come with the headers without which nobody knows what they are."""
    if path.is_dir():
        entries = sorted(path.iterdir())
        lost = [entry.name for entry in entries if entry.suffix.lower() == ".dat"]
        if lost and not any(entry.is_dir() or entry.suffix.lower() in SUFFIXES for entry in entries):
            raise InputError(f"{path}: {len(lost)} .dat files and no header. {_WITHOUT_HEADER.format(lost[0])}")
    elif path.suffix.lower() == ".dat" or not path.exists():
        header, signals = path.with_suffix(".hea"), path.with_suffix(".dat")
        if header.is_file():
            raise InputError(f"{path}: a WFDB record is given by its header. Give {header}.")
        if signals.is_file():
            raise InputError(f"{header}: no such header. {_WITHOUT_HEADER.format(signals.name)}")


_WITHOUT_HEADER = "Without it lead, rate and unit of {} are not known: fetch the .hea beside it."


def _shipped(x: Array, y: Ints, class_names: tuple[str, ...], limit: int | None) -> DataSet:
    samples = ArraySamples(x[:limit])
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=y[:limit],
        names=tuple(str(index) for index in range(len(samples))),
        class_names=class_names,
    )
