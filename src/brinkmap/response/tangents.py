"""Proposals that need no model of the victim: each sample's margin is taken as linear near its incumbent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array, Floats, Ints
from brinkmap.response.bands import Bands, Sensitivities
from brinkmap.response.planning import nearest
from brinkmap.response.scene import Scene

__all__ = ["Tangents"]

FIRST = 5
"""Proposals of each sample that are noise of one band added to the clean sample: they find what the victim minds."""
ANY = 0.3
"""Share of these whose band is drawn evenly; the others go by the square of what is known of the bands."""
NEAR = 1.0
"""Distance, in bounds, at which what an answer says counts exp(-1/2) of what it says at the incumbent."""
NOISE = 0.1
"""Variance of what is not linear, as a share of that of what is."""
DOUBT = 0.5
"""How much further slopes are drawn from the likeliest one than answers say."""
WIDE, NARROW = 0.5, 0.2
"""Share of a new proposal that is not the incumbent's, at first, and from half the budget on."""
MOST, ROOM, LEAST = 64, 2**22, 8
"""Answers of each sample that are kept, or as many as make up so many numbers, but at least so many answers."""
TINY = 1e-12


@final
class Tangents:
    """Slopes of the margin at each sample's incumbent, drawn from what the answers around it leave open.

    A slope is a sum of cosines, each with the variance that the victim's sensitivity to its band gives it. Answers put
    that right by the difference to the incumbent's, the nearest ones most, and what is drawn from the rest that is open
    is where the next proposal goes: the incumbent, turned against the slope (Thompson 1933, Biometrika 25:285-294, in
    the linear model of Agrawal and Goyal, arXiv:1209.3352, by Matheron's rule).

    Args:
        scene: holds the samples.
        slots: how many.
        across: whether what one sample's answers say of the bands serves the others.
    """

    def __init__(self, scene: Scene, slots: int, across: bool) -> None:
        size = scene.canvas.size
        self._scene, self._bands = scene, Bands(scene.canvas.shape)
        self._across, self._known = across, Sensitivities(self._bands, 1 if across else slots)
        self._most = max(LEAST, min(MOST, ROOM // size))
        self._changes = np.zeros((slots, self._most, size), np.float32)
        self._products = np.zeros((slots, self._most, self._most, len(self._bands)), np.float32)
        self._margins = np.zeros((slots, self._most))
        self._told, self._best = np.zeros((2, slots), np.int64)
        self._fresh = np.zeros(slots, bool)

    def begin(self, slots: Ints, margins: Array) -> None:
        """New samples are in these slots, with the margins (n,) of the clean ones."""
        self._changes[slots, 0], self._products[slots, 0, 0] = 0, 0
        self._margins[slots, 0] = margins
        self._told[slots], self._best[slots], self._fresh[slots] = 1, 0, False
        if not self._across:
            self._known.begin(slots)

    def codes(self, slots: Ints, l2: Floats, progress: Floats, rngs: Sequence[np.random.Generator]) -> Tensor:
        """(n, cells) what to ask next.

        Cells cannot hold every slope; what they make of it is what the incumbent is turned towards.

        Args:
            slots: (n,).
            l2: (n,) how far to go.
            progress: (n,) share of the budget that is spent.
            rngs: n, one for each.
        """
        which, most = torch.from_numpy(slots), torch.from_numpy(l2).float()
        made = self._scene.change_of(which, nearest(self._scene, which, self._draws(slots, l2, rngs), most))
        return nearest(self._scene, which, self._turned(slots, made.numpy(), progress), most)

    def _draws(self, slots: Ints, l2: Floats, rngs: Sequence[np.random.Generator]) -> Tensor:
        """(n, values) where the margin may fall: noise of one band at first, and then against a slope."""
        found = np.empty((len(slots), self._changes.shape[2]), np.float32)
        for row, (slot, distance, rng) in enumerate(zip(slots, l2, rngs, strict=True)):
            known = self._known.of(self._owner(slot))
            self._fresh[slot] = fresh = self._told[slot] <= FIRST
            found[row] = self._bands.values(
                self._noise(known, rng) if fresh else -self._slope(slot, distance, known, rng)
            )
        return torch.from_numpy(found)

    def _turned(self, slots: Ints, changes: Array, progress: Floats) -> Tensor:
        """(n, values) the incumbents' changes turned towards others (n, values)."""
        found = changes.copy()
        share = WIDE + (NARROW - WIDE) * np.minimum(1.0, 2 * progress)
        for row, (slot, new) in enumerate(zip(slots, share, strict=True)):
            incumbent = self._changes[slot, self._best[slot]]
            if incumbent.any() and not self._fresh[slot]:
                old = self._bands.values(_unit(incumbent))
                found[row] = np.sqrt(1 - new**2) * old + new * _unit(changes[row])
        return torch.from_numpy(found)

    def _noise(self, known: Floats, rng: np.random.Generator) -> Array:
        """Cosines of one band at random."""
        likely = known**2
        share = ANY / len(known) + (1 - ANY) * likely / likely.sum()
        here = self._bands.spread(np.arange(len(known)) == rng.choice(len(known), p=share))
        return here * rng.standard_normal(len(here), np.float32)

    def _slope(self, slot: int, l2: float, known: Floats, rng: np.random.Generator) -> Array:
        """The cosines of a slope that the answers leave open."""
        kept, best = min(int(self._told[slot]), self._most), self._best[slot]
        changes, products = self._changes[slot, :kept], self._products[slot, :kept, :kept].astype(np.float64)
        apart = _about(products.sum(axis=2), best).diagonal()
        weight = np.exp(-apart / (2 * (NEAR * l2) ** 2) / 2) * (np.arange(kept) != best)
        gram = _about(products @ known, best) * weight[:, None] * weight
        missed = weight * (self._margins[slot, :kept] - self._margins[slot, best])
        count = (weight**2).sum() + TINY
        scale = gram.trace() / count + TINY
        inverse = np.linalg.inv(gram / scale + NOISE * np.eye(kept))
        spread = np.sqrt(max(missed @ inverse @ missed, 0) / count) + TINY
        variance = self._bands.spread(known / scale)
        first = np.float32(DOUBT * spread) * np.sqrt(variance) * rng.standard_normal(len(variance), np.float32)
        said = changes @ first
        rest = weight * (inverse @ (missed - weight * (said - said[best])))
        rest[best] -= rest.sum()
        found: Array = first + variance * (rest.astype(np.float32) @ changes)
        return found

    def learn(self, slots: Ints, codes: Tensor, margins: Array, accepted: np.ndarray) -> None:
        """What answers say of the slopes, and of the bands.

        Args:
            slots: (n,) whose proposal was answered.
            codes: (n, cells) what was asked.
            margins: (n,).
            accepted: (n,) bool: it is the incumbent now.
        """
        changes = self._scene.change_of(torch.from_numpy(slots), codes).numpy()
        for slot, change, margin, taken in zip(slots, changes, margins, accepted, strict=True):
            cosines, place = self._bands.cosines(change), self._place(slot)
            if self._fresh[slot]:
                clean = self._margins[slot, 0]
                share = float((margin - clean) / (abs(clean) + TINY))
                self._known.learn(self._owner(slot), self._bands.sums(cosines**2), share)
                self._fresh[slot] = False
            self._changes[slot, place], self._margins[slot, place] = cosines, margin
            self._told[slot] += 1
            kept = min(int(self._told[slot]), self._most)
            made = self._bands.sums(self._changes[slot, :kept] * cosines)
            self._products[slot, place, :kept], self._products[slot, :kept, place] = made, made
            if taken:
                self._best[slot] = place

    def _place(self, slot: int) -> int:
        """Where the next answer is kept: that of the oldest, but never the incumbent's."""
        place = int(self._told[slot] % self._most)
        return (place + 1) % self._most if self._told[slot] >= self._most and place == self._best[slot] else place

    def _owner(self, slot: int) -> int:
        return 0 if self._across else slot


def _about(products: Floats, best: int) -> Floats:
    """(n, n) the products of what lies between each answer and one of them, from those of the answers."""
    with_best = products[best]
    return products - with_best - with_best[:, None] + with_best[best]


def _unit(values: Array) -> Array:
    return values / (np.linalg.norm(values) + np.float32(TINY))
