"""Videos to samples: each looked through once, those that will not do left out with the reason, the rest in order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Ints
from brinkmap.data.dataset import DataSet
from brinkmap.data.folder import files_by_class
from brinkmap.data.images import SUFFIXES as IMAGES
from brinkmap.data.video.clips import Clips, chosen
from brinkmap.data.video.decode import SUFFIXES, Scan, picked, scan
from brinkmap.errors import InputError
from brinkmap.seeding import training_generator

__all__ = ["ClipFiles", "clips_in", "holds_clips", "load_clips"]


@final
@dataclass(frozen=True, eq=False)
class ClipFiles:
    """Videos of which the frames that count are decoded when it is their turn."""

    paths: tuple[Path, ...]
    places: tuple[Ints, ...]
    """Of each, which frames."""
    size: tuple[int, int]
    channels: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample once it is float32: (channels, frames, height, width)."""
        return (self.channels, len(self.places[0]), *self.size)

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (picked(path, own, self.size, self.channels) for path, own in zip(self.paths, self.places, strict=True))

    def contents(self) -> Iterator[bytes]:
        """The SHA-256 of each file, for videos are long, and what is made of it."""
        for path, own in zip(self.paths, self.places, strict=True):
            with path.open("rb") as file:
                yield hashlib.file_digest(file, "sha256").digest() + f"{self.shape}{own.tolist()}".encode()


def holds_clips(path: str | Path) -> bool:
    """Whether a path is a video, or a folder of videos and not of images."""
    path = Path(path)
    if path.is_file():
        return path.suffix.lower() in SUFFIXES
    if not path.is_dir():
        return False
    found = {file.suffix.lower() for pattern in ("*", "*/*") for file in path.glob(pattern) if file.is_file()}
    return bool(found & SUFFIXES) and not found & IMAGES


def clips_in(path: Path, clips: Clips, limit: int | None = None) -> DataSet:
    """The sample of a video, or those of a folder of them with one sub-folder a class (or none, without labels).

    Raises:
        InputError: none of them will do; the message says why the first will not.
        MissingExtra: PyAV is not installed.
    """
    if path.is_file():
        return load_clips(path.parent, [path], clips, limit)
    files, labels, class_names = files_by_class(path, SUFFIXES, "videos")
    return load_clips(path, files, clips, limit, labels, class_names)


def load_clips(
    root: Path, files: Sequence[Path], clips: Clips, limit: int | None = None, labels: Sequence[int] | None = None,
    class_names: tuple[str, ...] | None = None,
) -> DataSet:  # fmt: skip
    """The samples of these videos; those that cannot be used are left out, and `notes` says why.

    Args:
        root: folder that names are told from.
        files: the videos, in order.
        clips: how they become samples.
        limit: at most so many samples; videos after them are not opened.
        labels: one a video.
        class_names: what the labels stand for.

    Raises:
        InputError: none of them will do; the message says why the first will not.
        MissingExtra: PyAV is not installed.
    """
    taken: list[tuple[int, Ints, tuple[int, int]]] = []
    notes: list[str] = []
    for number, path in enumerate(files):
        if len(taken) == limit:
            break
        try:
            held = scan(path)
            _check_long_enough(path, held, clips)
        except InputError as error:
            notes.append(f"left out: {error}")
            continue
        rng = training_generator(0, f"frames of {path.relative_to(root).as_posix()}", clips.frames)
        taken.append((number, chosen(clips, held.times_s, held.ends_s, rng), held.size))
        notes += _remarks(path, held, clips)
    if not taken:
        raise InputError(notes[0].removeprefix("left out: ") if notes else f"{root}: no videos in it.")
    size = clips.size or taken[0][2]
    samples = ClipFiles(
        tuple(files[number] for number, _, _ in taken), tuple(own for _, own, _ in taken), size, clips.channels
    )
    return DataSet(
        samples=samples,
        shape=samples.shape,
        labels=None if labels is None else np.array([labels[number] for number, _, _ in taken], dtype=np.int64),
        names=tuple(path.relative_to(root).as_posix() for path in samples.paths),
        class_names=class_names,
        notes=(*notes, *_resized([own for _, _, own in taken], size)),
    )


def _check_long_enough(path: Path, held: Scan, clips: Clips) -> None:
    if len(held.times_s) < clips.frames:
        raise InputError(
            f"{path}: {len(held.times_s)} frames, and {clips.frames} are needed. Give --frames "
            f"{len(held.times_s)} or fewer, or a longer video."
        )


def _remarks(path: Path, held: Scan, clips: Clips) -> list[str]:
    remarks = []
    if held.variable:
        how = "taken one after the other" if clips.sampling == "dense" else "chosen by the time they are shown"
        remarks.append(f"{path}: variable frame rate; frames are {how}.")
    if held.turned:
        remarks.append(f"{path}: asks players to turn it; it is taken as it is stored.")
    return remarks


def _resized(sizes: Sequence[tuple[int, int]], size: tuple[int, int]) -> list[str]:
    """One line for each size that had to be changed."""
    to = f"{size[1]} x {size[0]}"
    return [
        f"{sizes.count(own)} of {own[1]} x {own[0]} pixels scaled and cut to {to}"
        for own in dict.fromkeys(sizes)
        if own != size
    ]
