"""Where a victim is weak, as far as can be known before a search: read off a network, or asked for, query by query.

Source of the idea, with SmoothGrad and a threshold of half: Kumar et al. 2019, "Beyond Explainability". A network is
the victim's own (the paper's way, and no black box any more), or one fitted to its answers. The others ask the victim.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, final

import numpy as np

from brinkmap.agents.protocol import Oracle
from brinkmap.agents.soft_mask import DENSITY, soft_mask
from brinkmap.arrays import Array, Floats
from brinkmap.errors import InputError
from brinkmap.victims.torch_adapter import as_fed

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Everywhere", "Prior", "Region", "Rehearsed", "Rise", "SmoothGrad", "Traced", "slopes"]

RIDGE = 1.0
"""Weight of the squared credits beside the squared errors, in answers."""
CHUNK = 256
"""Candidates that a network is shown at once."""


@dataclass(frozen=True)
class Region:
    """Where a search may begin."""

    allowed: np.ndarray
    """(*extent) bool, true somewhere."""
    downhill: Floats | None = None
    """(c, *extent) which way each value should go, by sign; None where the prior has no opinion."""

    @classmethod
    def above(cls, weakness: Floats, tau: float, downhill: Floats | None = None) -> Region:
        """Where a map (*extent) is above a share of its highest value; everywhere, where it is flat."""
        scaled = weakness - weakness.min()
        most = scaled.max()
        return cls(scaled > tau * most if most > 0 else np.ones(weakness.shape, bool), downhill)


class Prior(Protocol):
    """Says where to begin; whatever it asks the victim is paid for like any other query."""

    def region(self, oracle: Oracle, sample: Array, label: int) -> Region:
        """Where a sample (c, *extent) is weak.

        Raises:
            BudgetSpent: no query is left.
        """


@final
@dataclass(frozen=True)
class Everywhere:
    """No constraint."""

    def region(self, oracle: Oracle, sample: Array, label: int) -> Region:
        """All of it."""
        return Region(np.ones(sample.shape[1:], bool))


@final
@dataclass(frozen=True)
class SmoothGrad:
    """Where a network's answer changes most with the sample, averaged over noise; costs no query.

    Source: Smilkov et al. 2017, arXiv:1706.03825: the gradient of the class's score, its mean over noisy copies, its
    absolute value, and the largest over channels.
    """

    net: nn.Module = field(repr=False)
    """From samples on 0..1, `(n, c, *extent)`, to logits: the victim's own, or one fitted to its answers."""
    tau: float = 0.5
    """Share of the map's highest value above which a place is susceptible; the paper's."""
    directed: bool = False
    """Whether a place counts by what its best colour could do, and colours begin at the end the slope points to."""
    copies: int = 25
    noise: float = 0.15
    """Standard deviation, on 0..1."""

    def __post_init__(self) -> None:
        _check_tau(self.tau)

    def region(self, oracle: Oracle, sample: Array, label: int) -> Region:
        """Above the threshold."""
        slope = self.slope(oracle, sample, label)
        if not self.directed:
            return Region.above(np.abs(slope).max(axis=0), self.tau)
        return Region.above(_reach(slope, _scaled(oracle, sample)), self.tau, -slope)

    def slope(self, oracle: Oracle, sample: Array, label: int) -> Floats:
        """(c, *extent) the map; a batch of its own, so that it does not depend on what else is attacked."""
        noisy = _scaled(oracle, sample) + self.noise * oracle.rng.standard_normal((self.copies, *sample.shape))
        net = self.net.eval()
        return np.asarray(slopes(lambda given: net(given)[:, label], as_fed(net, noisy)).mean(axis=0))


@final
@dataclass(frozen=True)
class Rehearsed:
    """Where single pixels at the ends of their range move a network's answer most, tried in the network itself.

    What a gradient says of a small change is a poor guide to a change across the whole range, so the places that the
    smoothed gradient likes best are tried, each with every corner of its colours. With the victim's own network this is
    no attack but a measure of what a perfect prior is worth; with one fitted to its answers it costs no query.
    """

    net: nn.Module = field(repr=False)
    """From samples on 0..1, `(n, c, *extent)`, to logits."""
    places: int = 20
    """How many are susceptible: the best ones."""
    tried: int = 200
    """How many are tried."""

    def region(self, oracle: Oracle, sample: Array, label: int) -> Region:
        """The best places, and the best corner for each."""
        clean = _scaled(oracle, sample)
        slope = SmoothGrad(self.net).slope(oracle, sample, label)
        reach = _reach(slope, clean).ravel()
        likely = np.argsort(-reach, kind="stable")[: self.tried]
        corners = _corners(-slope.reshape(len(slope), -1)[:, likely])  # (corners, c, tried)
        margins = self._margins(clean, label, likely, corners)  # (corners, tried)
        best = np.argsort(margins.min(axis=0), kind="stable")[: self.places]
        allowed, downhill = np.zeros(reach.size, bool), np.zeros((len(sample), reach.size))
        allowed[likely[best]] = True
        downhill[:, likely[best]] = 2 * corners[margins.argmin(axis=0)[best], :, best].T - 1
        return Region(allowed.reshape(sample.shape[1:]), downhill.reshape(sample.shape))

    def _margins(self, clean: Floats, label: int, likely: np.ndarray, corners: Floats) -> Floats:
        """(corners, tried) what the network makes of each candidate, in chunks of a fixed size."""
        import torch

        places = np.tile(likely, len(corners))
        colours = np.moveaxis(corners, 1, 2).reshape(-1, len(clean))
        said = []
        for rows in np.split(np.arange(len(places)), range(CHUNK, len(places), CHUNK)):
            flat = np.repeat(clean.reshape(1, len(clean), -1).astype(np.float32), len(rows), axis=0)
            flat[np.arange(len(rows)), :, places[rows]] = colours[rows]
            with torch.inference_mode():
                said.append(self.net.eval()(as_fed(self.net, flat.reshape(-1, *clean.shape))).double().cpu().numpy())
        logits = np.concatenate(said)
        own, others = logits[:, label], np.delete(logits, label, axis=1).max(axis=1)
        return np.asarray((own - others).reshape(len(corners), -1))


def _corners(downhill: Floats) -> Floats:
    """(corners, c, n) in 0 and 1: every colour at the ends of the range, or where that is many, three of them."""
    channels, n = downhill.shape
    if channels <= 3:
        every = np.array(list(itertools.product((0.0, 1.0), repeat=channels)))
        return np.repeat(every[:, :, None], n, axis=2)
    return np.stack([downhill > 0, np.zeros_like(downhill), np.ones_like(downhill)]).astype(np.float64)


@final
@dataclass(frozen=True)
class Traced:
    """Where filters hurt: credit for each cell, by regression over the answers to random plans, as from any trace.

    Uses the run's own grid and filters, each at its strongest. A cell's credit is by how much a filter in it lowers the
    margin.
    """

    queries: int = 40
    tau: float = 0.5
    """Share of the highest credit above which a cell is susceptible."""

    def __post_init__(self) -> None:
        _check_tau(self.tau)

    def region(self, oracle: Oracle, sample: Array, label: int) -> Region:
        """The cells above the threshold."""
        canvas, rng = oracle.canvas, oracle.rng
        cells, strongest = canvas.grid.cells, canvas.cards.first_of + canvas.cards.levels - 1
        touched = rng.random((self.queries, cells)) < DENSITY
        plans = np.where(touched, strongest[rng.integers(len(strongest), size=(self.queries, 1))], 0)
        images = [canvas.render(sample, oracle.index, plan.astype(np.int16))[0] for plan in plans]
        margins = oracle.margins(oracle.probe(np.stack(images))).astype(np.float64)
        held = touched - touched.mean(axis=0)
        wanted = margins.mean() - margins
        credit = np.linalg.solve(held.T @ held + RIDGE * np.eye(cells), held.T @ wanted)
        weakness = np.full(sample.shape[1:], -np.inf)
        for cell in np.argsort(credit, kind="stable"):  # where grids overlap the better credit counts
            weakness[canvas.grid.box(int(cell))] = credit[cell]
        return Region.above(weakness, self.tau)


@final
@dataclass(frozen=True)
class Rise:
    """Where the answer needs the sample: the mean of random soft masks, each weighted with what is left of the class.

    Source: Petsiuk, Das & Saenko 2018, arXiv:1806.07421; what is masked shows the sample's mean instead of black, which
    for z-scored signals is no neutral value.
    """

    queries: int = 100
    tau: float = 0.5
    side: int = 7
    """Corners of the coarse mask along each axis, fewer where an axis is shorter."""

    def __post_init__(self) -> None:
        _check_tau(self.tau)

    def region(self, oracle: Oracle, sample: Array, label: int) -> Region:
        """Above the threshold."""
        masks = np.stack([soft_mask(sample.shape[1:], self.side, oracle.rng) for _ in range(self.queries)])
        plain = sample.mean(axis=tuple(range(1, sample.ndim)), keepdims=True, dtype=np.float64)
        shown = plain + masks[:, None] * (sample - plain)
        chances = oracle.probe(shown.astype(np.float32))[:, label].astype(np.float64)
        centred = masks - masks.mean(axis=0)
        return Region.above(np.tensordot(chances, centred, axes=1), self.tau)


def _scaled(oracle: Oracle, sample: Array) -> Floats:
    """The sample on 0..1."""
    low, high = oracle.bounds
    return (sample.astype(np.float64) - low) / (high - low)


def _reach(slope: Floats, clean: Floats) -> Floats:
    """(*extent) by how much a score falls along its slope when every channel goes to the better end of its range."""
    return np.asarray(np.maximum(slope * clean, -slope * (1 - clean)).sum(axis=0))


def slopes(scores: Callable[[Tensor], Tensor], samples: Tensor) -> Floats:
    """(n, c, *extent) how the score of each sample (n, c, *extent) changes with each of its values.

    Args:
        scores: of such samples, (n,); each of its own sample alone.
        samples: where and as the network's parameters are.
    """
    import torch

    given = samples.detach().requires_grad_()
    with torch.enable_grad():
        (found,) = torch.autograd.grad(scores(given).sum(), given)
    return np.asarray(found.double().cpu().numpy())


def _check_tau(tau: float) -> None:
    if not 0 <= tau < 1:
        raise InputError(f"tau: expected a share from 0 to below 1, got {tau}.")
