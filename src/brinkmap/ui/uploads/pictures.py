"""An uploaded picture as a sample: decoded within limits, brought to the victim's size and channels, and said so."""

from __future__ import annotations

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from brinkmap.arrays import Array, as_samples
from brinkmap.errors import InputError
from brinkmap.ui.limits import Limits
from brinkmap.ui.uploads.kinds import File

__all__ = ["brought_to", "frames_of_gif", "opened", "read_picture", "within_bounds"]

FORMATS = {"png": "PNG", "jpeg": "JPEG", "gif": "GIF"}


def read_picture(
    file: File, kind: str, shape: tuple[int, ...] | None, bounds: tuple[float, float], limits: Limits
) -> tuple[Array, list[str]]:
    """The sample, and what was done to get it.

    Raises:
        InputError: it cannot be decoded, is too large, or the victim takes no pictures.
    """
    if shape is not None and len(shape) != 3:
        raise InputError(f"{file.name}: a picture, and this victim takes {_taken(shape)}. Choose another victim.")
    image = opened(file, kind, limits)
    try:
        image = ImageOps.exif_transpose(image)
    except Exception as error:
        raise InputError(f"{file.name} cannot be read as a picture: {error}.") from error
    if shape is None:
        grey = image.mode in ("L", "1", "I;16")
        shape = (1 if grey else 3, image.height, image.width)
        if image.width * image.height * shape[0] > limits.values:
            raise InputError(
                f"{file.name}: {image.width} x {image.height} pixels are more than the {limits.values:,} values that "
                "a sample may have here. Shrink it first."
            )
    pixels, notes = brought_to(image, shape[0], (shape[2], shape[1]))
    return within_bounds(pixels, bounds), notes


def opened(file: File, kind: str, limits: Limits) -> Image.Image:
    """The picture, decoded only once its header says that it is of a bearable size.

    Raises:
        InputError: it is not, or it cannot be decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is stricter
            image: Image.Image = Image.open(io.BytesIO(file.content), formats=(FORMATS[kind],))
            if image.width * image.height > limits.pixels:
                raise InputError(
                    f"{file.name}: {image.width:,} x {image.height:,} pixels, and {limits.pixels:,} in all are read "
                    "at most. Shrink it first."
                )
            image.load()
    except InputError:
        raise
    except Exception as error:  # decoders raise OSError, SyntaxError, ValueError, struct.error and Pillow's bomb guard
        raise InputError(f"{file.name} cannot be read as a picture: {error}.") from error
    return image


def frames_of_gif(file: File, size: tuple[int, int], channels: int, limits: Limits) -> list[np.ndarray]:
    """Every frame of a GIF as uint8 (height, width, channels), brought to size one at a time.

    Raises:
        InputError: too many or too large, or a frame cannot be decoded.
    """
    image = opened(file, "gif", limits)
    count = getattr(image, "n_frames", 1)
    if count > limits.frames:
        raise InputError(f"{file.name}: {count} frames, and {limits.frames} are read at most. Cut it first.")
    frames = []
    for frame in range(count):
        try:
            image.seek(frame)
            frames.append(brought_to(image, channels, size)[0])
        except Exception as error:
            raise InputError(f"{file.name}: frame {frame} cannot be read: {error}.") from error
    return frames


def brought_to(image: Image.Image, channels: int, size: tuple[int, int]) -> tuple[np.ndarray, list[str]]:
    """uint8 (height, width, channels): the middle of the picture in the victim's proportions, at its size.

    Raises:
        InputError: the victim takes neither grey nor colour.
    """
    if channels not in (1, 3):
        raise InputError(f"a picture has 1 or 3 channels, and this victim takes {channels}. Upload an .npz instead.")
    notes, was = [], image.size
    mode = "L" if channels == 1 else "RGB"
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))  # Pillow itself would clip
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        solid = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", solid.size, "white"), solid)
        notes.append("what is transparent stands on white")
    if (mode == "L") != (image.mode in ("L", "1")):
        notes.append("in grey" if mode == "L" else "grey in three channels")
    image = image.convert(mode)
    if image.size != size:
        image = ImageOps.fit(image, size, Image.Resampling.LANCZOS)
        cut = was[0] * size[1] != was[1] * size[0]
        notes.insert(
            0, f"{was[0]} x {was[1]} pixels brought to {size[0]} x {size[1]}{', edges cut off' if cut else ''}"
        )
    return np.asarray(image).reshape(size[1], size[0], channels), notes


def within_bounds(pixels: np.ndarray, bounds: tuple[float, float]) -> Array:
    """uint8 channels-last to one float32 sample."""
    return as_samples(pixels[None], bounds)[0]


def _taken(shape: tuple[int, ...]) -> str:
    return {2: "signals", 4: "clips"}[len(shape)]
