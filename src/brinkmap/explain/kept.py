"""Explanations on disk: an NPZ and a picture each, and a list of all in words; what is there is not done again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.data.archive import read_arrays
from brinkmap.errors import InputError
from brinkmap.explain.explanation import Explanation
from brinkmap.explain.overlay import Scene, write_animation, write_overlay
from brinkmap.files import write_json

__all__ = ["SHOWN", "Kept", "kept_maps"]

FORMATS = ("png", "svg")
SHOWN = 12
"""The first samples are kept beside their maps, so that a report can show both."""


class Kept:
    """The folder of one run of `brinkmap explain`.

    Args:
        directory: made if need be.
        fingerprint: what makes this run this run, as plain values.
        picture: png or svg.

    Raises:
        InputError: the folder holds another run, or there is no such kind of picture.
    """

    def __init__(self, directory: Path, fingerprint: dict[str, Any], picture: str = "png") -> None:
        if picture not in FORMATS:
            raise InputError(f"picture: expected {' or '.join(FORMATS)}, got {picture!r}.")
        self.directory, self.picture = directory, picture
        self._maps, self._pictures = directory / "maps", directory / "pictures"
        for folder in (self._maps, self._pictures):
            folder.mkdir(parents=True, exist_ok=True)
        stated, path = json.loads(json.dumps(fingerprint)), directory / "run.json"
        if path.is_file() and (before := _facts(path)) != stated:
            differing = sorted(key for key in {*before, *stated} if before.get(key) != stated.get(key))
            raise InputError(
                f"{directory} holds explanations of another run, which differs in {', '.join(differing)}. "
                "Choose another folder, or delete this one."
            )
        write_json(path, stated)

    @property
    def done(self) -> set[int]:
        """The samples that are explained already."""
        return {int(path.stem) for path in self._maps.glob("[0-9]*.npz")}

    def keep(self, explanation: Explanation, scene: Scene) -> None:
        """Write one explanation: the picture first, so that a map on disk is a sample done."""
        name = f"{explanation.index:06d}"
        write_overlay(self._pictures / f"{name}.{self.picture}", scene, explanation)
        if explanation.map.ndim == 3:
            write_animation(self._pictures / f"{name}.gif", scene, explanation)
        part, path = self._maps / f"{name}.part", self._maps / f"{name}.npz"
        arrays = {"map": explanation.map, "mask": explanation.mask}
        if explanation.index < SHOWN:
            arrays["sample"] = scene.sample
        with open(part, "wb") as file:
            np.savez_compressed(file, said=json.dumps(_said(explanation, scene.rate_hz)), **arrays)  # type: ignore[arg-type]
        part.replace(path)

    def finish(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """Write explanations.json, and return what is in it: plain values, one dict a sample, in order.

        Args:
            names: of all samples, by index.
        """
        told = []
        for path in sorted(self._maps.glob("[0-9]*.npz")):
            try:
                said = dict(json.loads(str(read_arrays(path, ["said"])["said"])))
            except Exception as error:  # NumPy, zip, zlib and JSON share no parent
                raise _spoilt(path, error) from error
            told.append(said | {"name": names[int(path.stem)]})
        write_json(self.directory / "explanations.json", {"explanations": told})
        return told


def kept_maps(directory: Path) -> dict[int, dict[str, np.ndarray]]:
    """By index: sample, map and mask of the first samples of a run.

    Raises:
        InputError: a file is not as it was written.
    """
    found = {}
    for index in range(SHOWN):
        path = directory / "maps" / f"{index:06d}.npz"
        if not path.is_file():
            continue
        try:
            held = read_arrays(path, ("sample", "map", "mask"))
            found[index] = {name: held[name] for name in ("sample", "map", "mask")}
        except Exception as error:  # NumPy, zip and zlib share no parent
            raise _spoilt(path, error) from error
    return found


def _facts(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise _spoilt(path, error) from error


def _spoilt(path: Path, error: Exception) -> InputError:
    said = " ".join(str(error).split())
    return InputError(f"{path}: {said}. Delete it, and the same `brinkmap explain` makes it again.")


def _said(explanation: Explanation, rate_hz: float | None) -> dict[str, Any]:
    """All but the map, as plain values."""
    return {
        "index": explanation.index, "method": explanation.method, "target": explanation.target,
        "reference": explanation.reference, "queries": explanation.queries, "error": explanation.error,
        "answer": None if explanation.answer is None else [round(float(one), 6) for one in explanation.answer],
        "found": explanation.found, "masked": float(explanation.mask.mean()),
        "regions": [
            {"box": one.box, "share": round(one.share, 4), "peak": one.peak, "said": one.said(rate_hz)}
            for one in explanation.regions
        ],
    }  # fmt: skip
