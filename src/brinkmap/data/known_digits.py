"""Pictures with a known cause: a handwritten digit somewhere on a busy texture.

Sources: scikit-learn's digits (see `digits`), over crops of pictures that come inside scikit-image's wheel: brick,
grass and gravel (CC0), coins and text (no known copyright restrictions), and page.
"""

from __future__ import annotations

from functools import lru_cache, partial

import numpy as np

from brinkmap.arrays import Array
from brinkmap.data.known_cause import COUNT, Case, KnownCause, Part, made
from brinkmap.data.strokes import painted, strokes
from brinkmap.errors import MissingExtra

__all__ = ["digits_on_textures"]

SIDE = 48
DIGIT = 24
TEXTURES = ("brick", "grass", "gravel", "coins", "page", "text")
TRIES = 3
"""Crops drawn for a picture, of which the one that varies most is taken: few are flat."""
TRAIN_SHARE = 0.7
"""Of each texture's width, from the left, that training crops are cut from; held-out ones are cut from the rest."""


def digits_on_textures(part: Part = "heldout", count: int = COUNT, seed: int = 0) -> KnownCause:
    """Pictures (1, 48, 48) of one digit, three times its size, at a random place on a crop of a texture.

    The mask is exactly the pixels that the digit's strokes change, faint edges included: 7 to 14 % of the picture. What
    tells some digits apart is also where there is no stroke, such as the middle of a 0: an explanation may rightly
    point there, beside the mask.

    Args:
        part: digits and regions of the textures are those of "train" or of "heldout", which share none.
        count: how many pictures.
        seed: all that is random follows from it.

    Raises:
        MissingExtra: scikit-image is not installed.
        InputError: no such part, or no samples.
    """
    return made(partial(_case, part), "digits-on-textures", tuple("0123456789"), part, count, seed)


def _case(part: Part, label: int, rng: np.random.Generator) -> Case:
    textures = _textures(part)
    texture = textures[rng.integers(len(textures))]
    busiest = max((_crop(texture, rng) for _ in range(TRIES)), key=np.std)
    under = (0.05 + rng.uniform(0.45, 0.65) * busiest).astype(np.float32)
    covers = strokes(part, DIGIT)[label]
    cover = np.zeros((SIDE, SIDE), np.float32)
    down, across = rng.integers(0, SIDE - DIGIT + 1, 2)
    cover[down : down + DIGIT, across : across + DIGIT] = covers[rng.integers(len(covers))]
    return Case(painted(under, cover, rng.uniform(0.85, 1)), under, cover > 0)


def _crop(texture: Array, rng: np.random.Generator) -> Array:
    top, left = rng.integers(0, np.array(texture.shape) - SIDE + 1)
    return texture[top : top + SIDE, left : left + SIDE][:: rng.choice([-1, 1]), :: rng.choice([-1, 1])]


@lru_cache(maxsize=2)
def _textures(part: Part) -> tuple[Array, ...]:
    """The part's region of each texture, float32 on 0..1 from its darkest to its lightest value."""
    try:
        from skimage import data
    except ImportError as error:
        raise MissingExtra("digits on textures", "explain") from error
    found = []
    for name in TEXTURES:
        values = getattr(data, name)().astype(np.float32)
        cut = round(TRAIN_SHARE * values.shape[1])
        region = values[:, :cut] if part == "train" else values[:, cut:]
        found.append((region - values.min()) / (values.max() - values.min()))
    return tuple(found)
