"""Image files as samples, opened one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from brinkmap.errors import InputError

__all__ = ["SUFFIXES", "ImageFiles"]

SUFFIXES = frozenset([".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"])
"""The files that count as images in a folder."""

FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""What is decoded, whatever a file is called: Pillow would hand others to programs outside, EPS to Ghostscript."""
MOST_PIXELS = 2**26
"""Beyond (8192 x 8192) a small file can ask for gigabytes."""
GREY = ("L", "1", "I;16")


@final
@dataclass(frozen=True, eq=False)
class ImageFiles:
    """Images of one size, all grey or all in colour: the first decides.

    Each comes as uint8 (height, width, 3), or (height, width, 1) where they are grey.
    """

    paths: tuple[Path, ...]
    size: tuple[int, int]
    """(width, height) in pixels."""
    channels: int

    @staticmethod
    def of(paths: tuple[Path, ...]) -> ImageFiles:
        """The images in these files, at least one.

        Raises:
            InputError: the first cannot be read.
        """
        first, grey = _opened(paths[0])
        return ImageFiles(paths, first.size, 1 if grey else 3)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample once it is float32: (channels, height, width)."""
        return (self.channels, self.size[1], self.size[0])

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self._read(path) for path in self.paths)

    def contents(self) -> Iterator[bytes]:
        """The bytes of each file."""
        return (path.read_bytes() for path in self.paths)

    def _read(self, path: Path) -> NDArray[np.uint8]:
        image, grey = _opened(path)
        expected, got = _kind(self.channels == 1, self.size), _kind(grey, image.size)
        if expected != got:
            raise InputError(
                f"{path}: expected {expected} as in {self.paths[0].name}, got {got} (mode {image.mode}). "
                "Resize or convert the images to one size and mode first."
            )
        if image.mode == "I;16":
            return (np.asarray(image) >> 8).astype(np.uint8)[..., None]  # Pillow itself would clip
        pixels = np.array(image.convert("L" if grey else "RGB"))
        return pixels[..., None] if grey else pixels


def _opened(path: Path) -> tuple[Image.Image, bool]:
    """The decoded image, and whether it is grey."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                raise ValueError(f"{image.width} x {image.height} pixels, more than {MOST_PIXELS:,}")
            image.load()
            return image, image.mode in GREY
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and Pillow's bomb guard
        raise InputError(f"{path} cannot be read as an image: {error}. Replace the file or leave it out.") from error


def _kind(grey: bool, size: tuple[int, int]) -> str:
    return f"{'a grey' if grey else 'a colour'} image of {size[0]} x {size[1]} pixels"
