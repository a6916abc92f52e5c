"""Whether a map says what moves the victim, which is asked again with places hidden in the map's order or at random.

The signed map counts here. A place is hidden in all channels at once; what it shows instead is the caller's choice, any
function from a sample to an array of its shape: `fills.Blurred()`, `fills.Flat()`, `np.zeros_like`. Scores depend on
it, and on how sharp a map is, so they are compared only under one fill, and beside those of a random map.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, Floats, Ints, check_answer_shape
from brinkmap.errors import InputError
from brinkmap.explain.masks import Bools, Maps, check_maps
from brinkmap.plan.grid import make_grid

__all__ = ["Boxes", "Cells", "Curves", "Explained", "Removals", "Subsets", "deletion", "insertion", "removals"]

LARGEST_BATCH = 256
"""Rows put to the victim at once, at most."""
BLOCK = 2**24
"""Values in one batch, at most, where a row has fewer: 64 MB."""

Asking = Callable[[Array], Array]
"""(m, c, *extent) -> (m, classes) probabilities, or what else adds up better, such as their logarithms."""
Fill = Callable[[Array], NDArray[np.floating[Any]]]


@final
@dataclass(frozen=True, eq=False)
class Explained:
    """Samples, their maps, and the classes that these explain.

    Raises:
        InputError: shapes do not belong together, a map is not finite, or a class is negative.
    """

    samples: Array
    """(n, c, *extent) float32."""
    maps: Maps
    """(n, *extent) float, higher is more for the class."""
    targets: Ints
    """(n,) int."""

    def __post_init__(self) -> None:
        check_maps(self.maps)
        n, *extent = np.shape(self.maps)
        if np.ndim(self.samples) < 2 or (len(self.samples), *self.samples.shape[2:]) != (n, *extent):
            raise InputError(
                f"maps: expected (n, *extent) for samples (n, c, *extent), got {np.shape(self.maps)} for "
                f"{np.shape(self.samples)}. Resize the maps to the sample's extent."
            )
        if np.shape(self.targets) != (n,) or np.min(self.targets) < 0:
            raise InputError(f"targets: expected {n} class numbers from 0 on, one a sample, got {self.targets!r}.")

    @property
    def extent(self) -> tuple[int, ...]:
        """Of one map."""
        return tuple(self.maps.shape[1:])

    @property
    def positions(self) -> int:
        """In one map."""
        return math.prod(self.extent)


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Curves:
    """What the victim gave each sample's class as more and more positions were changed."""

    shares: Floats
    """(k,) of the positions changed, 0 to 1."""
    chances: Floats
    """(n, k) float64; NaN where the victim failed."""
    queries: int
    """Of all samples together."""

    @property
    def auc(self) -> Floats:
        """(n,) area under each curve by trapezoids, 0..1 for probabilities; NaN where the victim failed."""
        return np.asarray(np.trapezoid(self.chances, self.shares, axis=1))


def deletion(answers: Asking, explained: Explained, fill: Fill, steps: int = 32) -> Curves:
    """The highest positions are hidden first: the lower the area, the better the map.

    Args:
        answers: the victim; asked `steps + 1` rows a sample, clean one included, fewer where there are fewer positions.
        explained: what is judged. Equal positions are taken in row-major order, so a flat map is a scan.
        fill: what a hidden position shows; zeros in the paper.
        steps: how many times positions are hidden, about the same number each time, the last time all.

    Raises:
        InputError: fewer than one step, a target that is none of the classes, or a fill of another shape.
        VictimError: the answer is no row of classes for each sample asked.

    Source: Petsiuk, Das & Saenko 2018, arXiv:1806.07421.
    """
    return _curves(answers, explained, fill, _counts(explained, steps), np.less)


def insertion(answers: Asking, explained: Explained, fill: Fill, steps: int = 32) -> Curves:
    """All is hidden, and the highest positions are shown first: the higher the area, the better the map.

    Args, errors and source as for `deletion`; the paper's fill is a blur (standard deviation 5 of 224 pixels, cut off
    at 11 x 11).
    """
    return _curves(answers, explained, fill, _counts(explained, steps), np.greater_equal)


class Subsets(Protocol):
    """Draws what is hidden at random, positions of about the same number each time."""

    @property
    def draws(self) -> int:
        """How many times a sample."""

    def drawn(self, extent: tuple[int, ...], rng: np.random.Generator) -> Bools:
        """(draws, *extent) True where hidden."""


@final
@dataclass(frozen=True, kw_only=True)
class Cells:
    """So many cells of a grid at once, drawn without replacement: sensitivity-n with n = `count`."""

    patch: int | str | None = None
    """Cell size as for `make_grid`; cells at the edge may be smaller."""
    count: int = 8
    draws: int = 64

    def drawn(self, extent: tuple[int, ...], rng: np.random.Generator) -> Bools:
        """(draws, *extent) True where hidden.

        Raises:
            InputError: the grid has no more cells than are to be hidden.
        """
        grid = make_grid(self.patch, extent)
        if not 1 <= self.count < grid.cells:
            raise InputError(
                f"count: expected 1 to {grid.cells - 1} of the grid's {grid.cells} cells, got {self.count}. "
                "Hide fewer, or choose a smaller patch."
            )
        order = rng.random((self.draws, grid.cells)).argsort(axis=1)
        hidden = np.zeros(order.shape, bool)
        np.put_along_axis(hidden, order[:, : self.count], True, axis=1)
        return hidden[:, grid.atom_of].reshape(self.draws, *extent)


@final
@dataclass(frozen=True, kw_only=True)
class Boxes:
    """One box at a time, always of one size, anywhere inside: the square removal of infidelity."""

    share: float = 0.25
    """Side of the box as a share of each axis, at least one position."""
    draws: int = 64

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise InputError(f"share: expected the box's side as a share between 0 and 1, got {self.share!r}.")

    def drawn(self, extent: tuple[int, ...], rng: np.random.Generator) -> Bools:
        """(draws, *extent) True where hidden."""
        hidden = np.ones((self.draws, *extent), bool)
        for axis, n in enumerate(extent, start=1):
            side = max(1, round(self.share * n))
            offsets = np.arange(n) - rng.integers(n - side + 1, size=self.draws)[:, None]
            shape = [self.draws if a == 0 else n if a == axis else 1 for a in range(hidden.ndim)]
            hidden &= ((offsets >= 0) & (offsets < side)).reshape(shape)
        return hidden


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Removals:
    """What maps said of hidden positions, and how far the victim's answer for the class fell: two scores from these."""

    sums: Floats
    """(n, draws) of the map over what was hidden."""
    drops: Floats
    """(n, draws) clean answer less the one with it hidden; NaN where the victim failed."""
    queries: int
    """Of all samples together."""

    @property
    def sensitivity(self) -> Floats:
        """(n,) Pearson correlation of sums and drops, -1..1: sensitivity-n where all subsets have n cells.

        0 where all sums or all drops are equal, as for a flat map; NaN where the victim failed.

        Source: Ancona et al. 2018, arXiv:1711.06104 (there from logits and single pixels).
        """
        said, fell = _standard(self.sums), _standard(self.drops)
        return np.asarray(np.clip((said * fell).sum(axis=1), -1, 1))

    @property
    def infidelity(self) -> Floats:
        """(n,) mean squared distance of scaled sums from drops, 0 the best; NaN where the victim failed.

        The mean over draws of (b * sum - drop)^2, b >= 0 the factor that makes it least for the sample: the mean of
        sum * drop over the mean of sum^2, or 0 where that is negative. So it never exceeds the mean of drop^2, which a
        map that is zero or upside down gets. (Elsewhere b may be negative, and then an inverted map scores like the map
        itself.) A map is one number a position and stands for its whole removal, so the sum is taken over the mask, not
        over mask times sample.

        Source: Yeh et al. 2019, arXiv:1901.09392, equation 1 with square removal.
        """
        peaks = np.abs(self.sums).max(axis=1, keepdims=True)
        said = self.sums / np.where(peaks > 0, peaks, 1.0)
        squares = np.mean(said**2, axis=1)
        factors = np.maximum(np.mean(said * self.drops, axis=1) / np.where(squares > 0, squares, 1.0), 0.0)
        return np.asarray(np.mean((factors[:, None] * said - self.drops) ** 2, axis=1))


def removals(
    answers: Asking, explained: Explained, fill: Fill, subsets: Subsets, rngs: Sequence[np.random.Generator]
) -> Removals:
    """Positions are hidden at random, and the map is asked how much they matter.

    Args:
        answers: the victim; asked `draws + 1` rows a sample, the clean one included.
        explained: what is judged.
        fill: what a hidden position shows.
        subsets: what is hidden, `Cells` or `Boxes`.
        rngs: one generator a sample, such as `sample_generator(seed, index)`; maps that are compared get the same.

    Raises:
        InputError: not one generator a sample, a target that is none of the classes, or a fill of another shape.
        VictimError: the answer is no row of classes for each sample asked.
    """
    if len(rngs) != len(explained.samples):
        raise InputError(f"rngs: expected one generator a sample, {len(explained.samples)}, got {len(rngs)}.")
    sums = np.empty((len(rngs), subsets.draws))

    def hidden(i: int) -> Iterator[Bools]:
        drawn = subsets.drawn(explained.extent, rngs[i])
        sums[i] = [np.sum(explained.maps[i][mask], dtype=np.float64) for mask in drawn]
        yield np.zeros(explained.extent, bool)
        yield from drawn

    chances = _asked(answers, explained, fill, hidden)
    return Removals(sums=sums, drops=chances[:, :1] - chances[:, 1:], queries=chances.size)


def _counts(explained: Explained, steps: int) -> Ints:
    """(k,) positions changed after each step, 0 and all of them included, none twice."""
    if steps < 1:
        raise InputError(f"steps: expected at least 1, got {steps}.")
    return np.unique(np.linspace(0, explained.positions, steps + 1).round().astype(int))


def _curves(answers: Asking, explained: Explained, fill: Fill, counts: Ints, hides: np.ufunc) -> Curves:
    """Positions are hidden where `hides(rank, count)`, rank 0 the highest of the map."""

    def hidden(i: int) -> Iterator[Bools]:
        ranks = np.empty(explained.positions, int)
        ranks[np.argsort(-explained.maps[i].ravel(), kind="stable")] = np.arange(explained.positions)
        ranks = ranks.reshape(explained.extent)
        return (hides(ranks, count) for count in counts)

    chances = _asked(answers, explained, fill, hidden)
    return Curves(shares=counts / explained.positions, chances=chances, queries=chances.size)


def _asked(answers: Asking, explained: Explained, fill: Fill, hidden: Callable[[int], Iterable[Bools]]) -> Floats:
    """(n, masks) what the victim gives each sample's class under each of its masks, as many for every sample."""
    rows = _rows(explained, fill, hidden)
    size = min(LARGEST_BATCH, max(1, BLOCK // explained.samples[0].size))
    said = []
    while batch := list(islice(rows, size)):
        owners, shown = np.array([i for i, _ in batch]), np.stack([row for _, row in batch])
        answer = check_answer_shape(answers(shown), len(shown), None)
        wanted = np.asarray(explained.targets)[owners]
        if wanted.max() >= answer.shape[1]:
            raise InputError(f"targets: expected classes 0 to {answer.shape[1] - 1}, got {wanted.max()}.")
        said.append(answer[np.arange(len(batch)), wanted].astype(np.float64))
    return np.concatenate(said).reshape(len(explained.samples), -1)


def _rows(explained: Explained, fill: Fill, hidden: Callable[[int], Iterable[Bools]]) -> Iterator[tuple[int, Array]]:
    """Each sample's number and what is shown of it, mask by mask."""
    for i, sample in enumerate(explained.samples):
        filled = np.asarray(fill(sample), dtype=np.float32)
        if filled.shape != sample.shape:
            raise InputError(
                f"fill: expected the sample's shape {sample.shape}, got {filled.shape}. "
                "For one number everywhere give lambda sample: np.full_like(sample, number)."
            )
        for mask in hidden(i):
            yield i, np.where(mask, filled, sample)


def _standard(values: Floats) -> Floats:
    """(n, k) about their means and of length 1; all zero where they are equal."""
    peaks = np.abs(values).max(axis=1, keepdims=True)
    about = values / np.where(peaks > 0, peaks, 1.0)
    about = about - about.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(about, axis=1, keepdims=True)
    return np.asarray(about / np.where(lengths == 0, 1.0, lengths))
