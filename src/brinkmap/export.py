"""Modified samples as files, and whether they still flip the victim once they are read back."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from brinkmap.arrays import Array, as_samples
from brinkmap.errors import InputError
from brinkmap.results import AttackResult
from brinkmap.session import Session

__all__ = ["FORMATS", "Exporter"]

FORMATS = ("png", "npy")
RESCORED_AT_ONCE = 64


class Exporter:
    """Writes the modified sample of each success as a file.

    Args:
        folder: where the files go, made if need be.
        kind: `png` (8 bits, pictures of 1 or 3 channels) or `npy` (float32, any rank).
        session: the run, for bounds and victim.

    Raises:
        InputError: an unknown kind, or samples that are no pictures for `png`.
    """

    def __init__(self, folder: Path, kind: str, session: Session) -> None:
        shape = session.canvas.shape
        if kind not in FORMATS:
            raise InputError(f"export: expected {' or '.join(FORMATS)}, got {kind!r}.")
        if kind == "png" and (len(shape) != 3 or shape[0] not in (1, 3)):
            raise InputError(
                f"export png: expected pictures of 1 or 3 channels, got samples of shape {shape}. Use npy."
            )
        self.folder, self.kind, self._session = folder, kind, session

    def write(self, result: AttackResult) -> None:
        """Keep the modified sample of a success."""
        image = result.adversarial
        if not result.success or image is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        if self.kind == "npy":
            np.save(self._path(result), image)
            return
        from PIL import Image

        low, _ = self._session.canvas.bounds
        steps = np.rint((image - low) / self._session.canvas.span * 255).astype(np.uint8)
        pixels = np.moveaxis(steps, 0, -1)
        Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(self._path(result))

    def rescore(self, results: Iterable[AttackResult]) -> dict[str, int]:
        """Read the files back and put them to the victim; these queries are counted too.

        Args:
            results: the stored results, of which the successes have files.

        Returns:
            files, survived (still meet the criterion) and queries.
        """
        exported = [result for result in results if result.success and self._path(result).exists()]
        survived = queries = 0
        for start in range(0, len(exported), RESCORED_AT_ONCE):
            part = exported[start : start + RESCORED_AT_ONCE]
            batch = np.concatenate([self._read(self._path(result)) for result in part])
            references = np.array([result.reference for result in part])
            indices = np.array([result.index for result in part])
            numbers = [-1 - start - row for row in range(len(part))]
            for number in numbers:
                self._session.metered.open(number, 1)
            answers = self._session.metered.ask(numbers, batch, [b""] * len(part))
            queries += sum(self._session.metered.close(number) for number in numbers)
            margins = self._session.rules.criterion.margins(answers.probabilities, references, indices)
            survived += int(np.sum(margins < 0))
        return {"files": len(exported), "survived": survived, "queries": queries}

    def _path(self, result: AttackResult) -> Path:
        bound = "" if result.max_l2 is None else f"-l2-{result.max_l2:g}"
        return self.folder / f"{result.index:06d}{bound}.{self.kind}"

    def _read(self, path: Path) -> Array:
        if self.kind == "npy":
            return as_samples(np.load(path, allow_pickle=False)[None])
        from PIL import Image

        with Image.open(path, formats=("PNG",)) as image:
            pixels = np.asarray(image)
        return as_samples(pixels.reshape(1, *pixels.shape[:2], -1), self._session.canvas.bounds)
