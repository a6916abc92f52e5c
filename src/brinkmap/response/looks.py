"""Several looks at a sample instead of one: mirrored and shifted a little, their features averaged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast, final

import numpy as np
import torch
from torch import Tensor, nn

from brinkmap.response.net import ResponseNet

__all__ = ["Look", "Looks", "Model", "drawn_look", "looks_of"]

SHIFT = 1 / 32
"""How far a look is shifted along each axis, as a share of it: well within what training shifts. Axes too short for one
value are not shifted."""
LOOKS = {1: 1, 2: 4, 3: 4}
"""By rank, where none are asked for: at signals several bring little (design 0003) and cost three times as much."""


class Model(Protocol):
    """What plans are made in: features, and a head that is linear in them."""

    @property
    def head(self) -> nn.Linear:
        """From features to logits."""
        ...

    def features(self, samples: Tensor) -> Tensor:
        """(n, features) of samples (n, c, *extent) on the scale 0..1."""
        ...


@dataclass(frozen=True)
class Look:
    """How a sample is moved before it is looked at."""

    shift: tuple[int, ...]
    """Values along each axis, mirrored at the edges."""
    flip: bool = False
    """Mirrored along the last axis."""

    def of(self, samples: Tensor) -> Tensor:
        """The samples (n, c, *extent), moved."""
        if self.flip:
            samples = samples.flip(-1)
        for axis, by in enumerate(self.shift, start=2):
            if by:
                samples = samples.index_select(axis, _mirrored(samples.shape[axis], by))
        return samples


def looks_of(count: int | None, extent: Sequence[int], *, shift: bool, flip: bool) -> tuple[Look, ...]:
    """At most so many looks: the sample as it is, mirrored, then shifted there and back along all axes long enough.

    Args:
        count: at least 1; beside those that are not shifted there are 2 to the power of those axes. None: LOOKS.
        extent: of the samples.
        shift: whether a shifted sample is as good; where training shifted them.
        flip: whether the mirror image is.
    """
    far = _far(extent)
    still = [Look((0,) * len(far), mirrored) for mirrored in ((False, True) if flip else (False,))]
    steps = list(itertools.product(*((by, -by) if by else (0,) for by in far))) if shift and any(far) else []
    there_and_back = [step for one in steps[: len(steps) // 2] for step in (one, tuple(-by for by in one))]
    moved = [Look(step, flip and place % 2 == 1) for place, step in enumerate(there_and_back)]
    return (*still, *moved)[: count or LOOKS[len(extent)]]


def drawn_look(rng: np.random.Generator, extent: Sequence[int], *, shift: bool, flip: bool) -> Look:
    """Any shift along each axis up to that of `looks_of`, mirrored as often as not; what may not be is not.

    Signals stay as they are, as they are looked at once.
    """
    far = _far(extent) if shift and LOOKS[len(extent)] > 1 else [0] * len(extent)
    return Look(tuple(int(rng.integers(-one, one + 1)) for one in far), flip and bool(rng.random() < 0.5))


def _far(extent: Sequence[int]) -> list[int]:
    return [round(n * SHIFT) for n in extent]


@final
class Looks(nn.Module):
    """A response model that looks at each sample several times.

    The same weights are wrong about a direction in different ways when a sample is moved, much as several networks
    would be; what they agree on, the victim more often does too (Xie et al. 2019, arXiv:1803.06978, move samples at
    random for that). Features are averaged, and since the head and all corrections are linear in them, so are the
    answers.

    Args:
        net: the model.
        looks: what it looks at.
    """

    def __init__(self, net: ResponseNet, looks: Sequence[Look]) -> None:
        super().__init__()
        self.net, self.looks = net, tuple(looks)

    @property
    def head(self) -> nn.Linear:
        """The model's own."""
        return self.net.head

    def features(self, samples: Tensor) -> Tensor:
        """(n, features) averaged over the looks."""
        seen = self.net.features(torch.cat([look.of(samples) for look in self.looks]))
        return seen.view(len(self.looks), len(samples), -1).mean(dim=0)

    def places(self, samples: Tensor) -> Tensor:
        """(n, features, *places) averaged over the looks, mirrored back where they were mirrored."""
        seen = self.net.places(torch.cat([look.of(samples) for look in self.looks])).unflatten(0, (len(self.looks), -1))
        back = [one.flip(-1) if look.flip else one for one, look in zip(seen, self.looks, strict=True)]
        return torch.stack(back).mean(dim=0)

    def forward(self, samples: Tensor) -> Tensor:
        """(n, classes) logits, the mean of those to every look."""
        return cast("Tensor", self.head(self.features(samples)))


def _mirrored(n: int, by: int) -> Tensor:
    """(n,) where each value comes from when an axis is shifted, with the edge values repeated in the mirror."""
    places = (torch.arange(n) + by) % (2 * n)
    return torch.minimum(places, 2 * n - 1 - places)
