"""The usual explainers that only ask, each as published where that can be said of any rank, under our ledger.

Cells are those of a regular grid (`cells` along each axis), at every rank: superpixels know only pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.agents.soft_mask import soft_mask
from brinkmap.arrays import Array, Floats
from brinkmap.explain.asking import BATCH, Hiding
from brinkmap.explain.field import owners
from brinkmap.explain.fills import Fill, Flat
from brinkmap.explain.windows import covering

__all__ = ["KernelShap", "Lime", "Occlusion", "Rise"]


@final
@dataclass(frozen=True)
class Rise:
    """The mean of random soft masks, each weighted with what is left of the class.

    Source: Petsiuk, Das & Saenko 2018, arXiv:1806.07421. What is hidden shows the sample's mean, as their black is the
    mean of normalised pictures; the mean mask is taken off, as their maps are only compared up to it.
    """

    fill: Fill = field(default_factory=Flat)
    side: int = 7
    name: str = "rise"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """All queries go into masks; the sums are kept, the masks are not."""
        extent, hiding = sample.shape[1:], Hiding(oracle, sample, target, self.fill)
        weighted, masks, total, count = np.zeros(extent), np.zeros(extent), 0.0, 0
        while oracle.remaining > 0:
            kept = np.stack([soft_mask(extent, self.side, oracle.rng) for _ in range(min(BATCH, oracle.remaining))])
            chances = hiding.ask(kept, lambda part: 1 - part).chances
            if not len(chances):
                break
            weighted += np.tensordot(chances, kept[: len(chances)], axes=1)
            masks += kept[: len(chances)].sum(axis=0)
            total, count = total + chances.sum(), count + len(chances)
        return (weighted - total / count * masks) / count if hiding.moved else None


@final
@dataclass(frozen=True)
class Occlusion:
    """By how much the class's chance falls where a window is hidden, averaged over the windows that hold a place.

    Source: Zeiler & Fergus 2014, arXiv:1311.2901. Windows overlap by half, and there are as many as there are queries.
    """

    fill: Fill = field(default_factory=Flat)
    name: str = "occlusion"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """The finest even covering that the queries pay for."""
        extent, hiding = sample.shape[1:], Hiding(oracle, sample, target, self.fill)
        windows = covering(extent, oracle.remaining)
        chances = hiding.ask(windows.places, windows.hidden).chances
        return windows.means(hiding.clean - chances) if hiding.moved else None


@final
@dataclass(frozen=True)
class Lime:
    """Ridge regression of the class's chance on which cells are kept, near samples counting more.

    Source: Ribeiro, Singh & Guestrin 2016, arXiv:1602.04938, with their kernel width of .25 on the cosine distance.
    """

    fill: Fill = field(default_factory=Flat)
    cells: int = 7
    width: float = 0.25
    ridge: float = 1.0
    name: str = "lime"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """All queries go into random halves of the cells."""
        owner = owners(sample.shape[1:], self.cells)
        kept = oracle.rng.random((oracle.remaining, owner.max() + 1)) < 0.5
        near = np.exp(-((1 - np.sqrt(kept.mean(axis=1))) ** 2) / self.width**2)
        return _fitted(oracle, sample, target, self.fill, owner, kept, near, self.ridge)


@final
@dataclass(frozen=True)
class KernelShap:
    """Shapley values of the cells by weighted regression over coalitions drawn by their weight.

    Source: Lundberg & Lee 2017, arXiv:1705.07874. Coalitions come in pairs, each with its complement.
    """

    fill: Fill = field(default_factory=Flat)
    cells: int = 7
    name: str = "kernel-shap"

    def weigh(self, oracle: Oracle, sample: Array, target: int) -> Floats | None:
        """All queries go into coalitions; the sum of all values is held to the whole fall only by the regression."""
        owner = owners(sample.shape[1:], self.cells)
        cells, pairs = int(owner.max()) + 1, -(-oracle.remaining // 2)
        sizes = np.arange(1, cells)
        weights = (cells - 1) / (sizes * (cells - sizes))
        drawn = oracle.rng.choice(sizes, size=pairs, p=weights / weights.sum())
        ranks = np.argsort(np.argsort(oracle.rng.random((pairs, cells)), axis=1), axis=1)
        kept = np.stack([ranks < drawn[:, None], ranks >= drawn[:, None]], axis=1).reshape(-1, cells)
        kept = kept[: oracle.remaining]
        return _fitted(oracle, sample, target, self.fill, owner, kept, np.ones(len(kept)), 1e-3)


def _fitted(
    oracle: Oracle, sample: Array, target: int, fill: Fill, owner: np.ndarray, kept: np.ndarray, weights: Floats,
    ridge: float,
) -> Floats | None:  # fmt: skip
    """Each cell's coefficient in a weighted ridge regression of the chances, with an intercept that is free."""
    hiding = Hiding(oracle, sample, target, fill)
    chances = hiding.ask(kept, lambda part: (~part)[:, owner].astype(np.float64)).chances
    if not hiding.moved:
        return None
    inputs, weights = kept[: len(chances)].astype(np.float64), weights[: len(chances), None]
    total = weights.sum()
    centred = inputs - (weights * inputs).sum(axis=0) / total
    wanted = chances - (weights[:, 0] * chances).sum() / total
    gram = centred.T @ (weights * centred) + ridge * np.eye(inputs.shape[1])
    return np.linalg.solve(gram, centred.T @ (weights[:, 0] * wanted))[owner]
