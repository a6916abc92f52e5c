"""How a folder's own preprocessor scales pictures: found by showing it some, as defaults differ by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.errors import InputError

__all__ = ["LARGEST", "Scaling", "check_sizes", "frame_size", "scaling_of"]

WHITE = 255
LARGEST = 4096
"""Pixels of an edge: beyond, a preprocessor or a network asks for gigabytes."""
SIZES = ("size", "crop_size", "pad_size", "image_size")
TOLERANCE = 1e-3
"""How far the preprocessor's answer to noise may lie from the scale found, in the network's own units."""


@final
@dataclass(frozen=True, kw_only=True)
class Scaling:
    """What is subtracted from samples on 0..1 and what they are divided by, so that the network gets what it knows."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    reversed_channels: bool = False
    """Whether the network wants blue first."""


def check_sizes(told: dict[str, Any], where: str) -> None:
    """That no size in a configuration is beyond `LARGEST`.

    Raises:
        InputError: one is.
    """
    for name, value in told.items():
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        numbers = [one for one in inner if isinstance(one, int | float)]
        if name in SIZES and max(map(abs, numbers), default=0) > LARGEST:
            raise InputError(f"victim {where!r}: expected {name} up to {LARGEST} pixels, got {value!r}.")


def frame_size(processor: Any, config: Any, channels: int, where: str) -> tuple[int, int]:
    """(height, width) of what a preprocessor makes of a square picture; what the model says, if it resizes nothing.

    Raises:
        InputError: nobody says.
    """
    if processor is not None and (
        getattr(processor, "do_resize", False) or getattr(processor, "do_center_crop", False)
    ):
        made = _shown(processor, [np.full((64, 64, channels), WHITE // 2, np.uint8)], where)
        return made.shape[-2], made.shape[-1]
    size = getattr(config, "image_size", None)
    pair = tuple(size) if isinstance(size, list | tuple) else (size, size)
    if len(pair) != 2 or not all(type(edge) is int and 0 < edge <= LARGEST for edge in pair):
        raise InputError(
            f"victim {where!r}: neither preprocessor_config.json nor config.json says how large its pictures are. "
            "Add size to the former."
        )
    return pair[0], pair[1]


def scaling_of(processor: Any, channels: int, size: tuple[int, int], where: str) -> Scaling:
    """What a preprocessor does to the values of pictures that have their size already.

    Args:
        processor: an image processor of transformers.
        channels: of a picture.
        size: (height, width).
        where: the model's folder, for messages.

    Raises:
        InputError: it does more than shift and stretch channels and put them in order.
    """
    noise = np.random.default_rng(0).integers(0, WHITE + 1, (*size, channels), dtype=np.uint8)
    shown = [np.zeros_like(noise), np.full_like(noise, WHITE), noise]
    out = _shown(processor, shown, where, do_resize=False, do_center_crop=False)
    if out.size != 3 * noise.size or out.shape[-2:] != size:
        raise _unknown(processor, where)
    black, white, made = out.reshape(3, channels, *size)  # a preprocessor of clips takes the three for one clip
    low, span = black.mean(axis=(1, 2)), (white - black).mean(axis=(1, 2))
    fed = np.moveaxis(noise, -1, 0).astype(np.float64) / WHITE
    for turn in (1, -1):
        if (span > 0).all() and np.abs(low[:, None, None] + span[:, None, None] * fed[::turn] - made).max() < TOLERANCE:
            mean, std = (-low / span)[::turn], (1 / span)[::turn]  # applied before the channels are put in order
            return Scaling(mean=tuple(map(float, mean)), std=tuple(map(float, std)), reversed_channels=turn == -1)
    raise _unknown(processor, where)


def _shown(processor: Any, pictures: list[NDArray[np.uint8]], where: str, **switches: Any) -> NDArray[np.float64]:
    """What comes out for pictures (height, width, c), whatever its shape."""
    try:
        made = processor(pictures, return_tensors="np", input_data_format="channels_last", **switches)
        return np.asarray(made["pixel_values"], dtype=np.float64)
    except Exception as error:  # each processor raises what its steps raise
        said = " ".join(str(error).split())[:200]
        raise InputError(f"victim {where!r}: its preprocessor fails: {type(error).__name__}: {said}.") from error


def _unknown(processor: Any, where: str) -> InputError:
    return InputError(
        f"victim {where!r}: its {type(processor).__name__} does more than scale values and order channels. "
        "Wrap the model yourself and give path/to/file.py:factory, or state mean and std."
    )
