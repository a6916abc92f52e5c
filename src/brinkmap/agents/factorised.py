"""Two agents in one: which frames, and which patches in them, chosen together and learned apart.

A temporal account holds what each frame has brought, a spatial account what each patch has brought wherever in time,
and a cell is worth the sum of the two. A proposal takes the best frames by the one and the best patches by the other,
and distorts where they meet: a tube. Every answer is shared out between both accounts in one step, so that t + n x n
numbers are learned where `credit` learns t x n x n. Where a sample has no time axis beside its space (signals and
pictures) there is one frame, and the spatial account is all there is.

The design is that of the RLAB authors' video agents (a temporal and a spatial one acting in one step), whose code and
networks are not public; the accounts, learned anew for each sample, are ours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from brinkmap.agents.credit import LARGEST_SHARE, RATE, REPEAT, SWAP, TRUST
from brinkmap.agents.draws import gumbel, highest, log_uniform, standard, thin, uniforms
from brinkmap.agents.hedged import HedgedAgent
from brinkmap.arrays import RANKS, Array, Floats, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.plan import KEEP, REMOVE, Canvas, Grid

__all__ = ["FactorisedAgent", "Split", "frames_only", "hedged", "joint", "patches_only", "spatial", "temporal"]


@dataclass(frozen=True)
class Split:
    """The cells as frames and patches; those of several grids are numbered apart."""

    frame_of: Ints
    """(cells,)"""
    patch_of: Ints
    """(cells,)"""
    layer_of: Ints
    """(cells,) the grid of each cell."""

    def members(self, group_of: Ints) -> Array:
        """(cells, groups) 1 where a cell belongs to a group."""
        return np.eye(int(group_of.max()) + 1, dtype=np.float32)[group_of]

    def layer_of_group(self, group_of: Ints) -> Ints:
        """(groups,) the grid that each frame or patch is of."""
        return self.layer_of[np.unique(group_of, return_index=True)[1]]


def joint(grid: Grid) -> Split:
    """Frames and patches: the last two axes are space, what is before them time."""
    frames, patches, layers = [], [], []
    first_frame = first_patch = 0
    for layer, count in enumerate(grid.counts):
        lengths = (math.prod(count[:-2]), math.prod(count[-2:]))
        frame, patch = np.indices(lengths).reshape(2, -1)
        frames.append(first_frame + frame)
        patches.append(first_patch + patch)
        layers.append(np.full(frame.size, layer))
        first_frame, first_patch = first_frame + lengths[0], first_patch + lengths[1]
    return Split(np.concatenate(frames), np.concatenate(patches), np.concatenate(layers))


def frames_only(grid: Grid) -> Split:
    """Whole frames: all of a grid's patches are one."""
    both = joint(grid)
    return Split(both.frame_of, both.layer_of, both.layer_of)


def patches_only(grid: Grid) -> Split:
    """Patches through all frames: all of a grid's frames are one."""
    both = joint(grid)
    return Split(both.layer_of, both.patch_of, both.layer_of)


class FactorisedAgent:
    """Chooses frames and patches by accounts of their own, and distorts where the two meet."""

    needs_scores = True

    def __init__(self, split: Callable[[Grid], Split] = joint, ranks: tuple[int, ...] = RANKS) -> None:
        self._split_of, self.ranks = split, ranks
        self._canvas: Canvas | None = None

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Open empty accounts for the samples."""
        if self._canvas is not context.canvas:  # another run begins
            self._prepare(context)
        self._temporal[slots] = self._spatial[slots] = 0
        self._references[slots], self._indices[slots] = references, context.indices
        self._clean_margin[slots] = self._criterion.margins(answers, references, context.indices)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """One filter at one level where chosen frames and patches meet, and removals of cells of little worth."""
        codes, cells = observation.codes, observation.codes.shape[1]
        frames, patches = self._frames.shape[1], self._patches.shape[1]
        u = uniforms(rngs, frames + patches + cells + 8)
        noise, single = u[:, : frames + patches + cells], u[:, frames + patches + cells :]
        by_frame, by_patch, by_cell = np.split(gumbel(noise), [frames, frames + patches], axis=1)
        levels = self._cards.levels
        kind = (single[:, 4] * len(levels)).astype(int)
        there = ((codes > 0) & (self._cards.pairs[codes][..., 0] == kind[:, None])).astype(np.float32)
        layer = (single[:, 7] * (self._split.layer_of[-1] + 1)).astype(int)
        by_frame += _wish(self._temporal[slots], kind, there @ self._frames / self._frames.sum(axis=0))
        by_patch += _wish(self._spatial[slots], kind, there @ self._patches / self._patches.sum(axis=0))
        by_frame[self._frame_layers != layer[:, None]] = -np.inf
        by_patch[self._patch_layers != layer[:, None]] = -np.inf
        tall, wide = self._sides(single[:, 0], single[:, 6], layer)
        adds = highest(by_frame, tall)[:, self._split.frame_of] & highest(by_patch, wide)[:, self._split.patch_of]
        adds &= self._split.layer_of == layer[:, None]
        kept = TRUST * standard(self._worth(slots, codes)) + by_cell
        fewer = np.rint(adds.sum(axis=1) * single[:, 1]).astype(int) * (single[:, 2] < SWAP)
        removals = highest(np.where(codes > 0, -kept, -np.inf), fewer) & (codes > 0)
        code = self._cards.first_of[kind] + (single[:, 3] * levels[kind]).astype(int)
        proposals = np.where(adds, code[:, None] + 1, np.where(removals, REMOVE, KEEP))
        self._last_order = -(by_frame[:, self._split.frame_of] + by_patch[:, self._split.patch_of])
        return thin(proposals, observation, self._cards, np.concatenate([noise[:, -cells:], single[:, 5:7]], axis=1))

    def order(self, slots: Ints) -> np.ndarray:
        """Where the most wanted frames and patches meet first."""
        return self._last_order

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Share out between both accounts how far the margin fell beyond what they said."""
        margins = self._criterion.margins(answers, self._references[slots], self._indices[slots])
        codes = self._cards.codes(plans)
        features = np.zeros((len(slots), codes.shape[1], self._temporal.shape[2]), np.float32)
        rows, cells = np.nonzero(codes)
        features[rows, cells, plans[rows, cells, 0]] = self._strength[codes[rows, cells]]
        of_frames, of_patches = self._frames.T @ features, self._patches.T @ features
        said = np.einsum("nfd,nfd->n", self._temporal[slots], of_frames)
        said += np.einsum("npd,npd->n", self._spatial[slots], of_patches)
        power = np.einsum("nfd,nfd->n", of_frames, of_frames) + np.einsum("npd,npd->n", of_patches, of_patches)
        step = (RATE * (self._clean_margin[slots] - margins - said) / (power + 1e-3))[:, None, None]
        self._temporal[slots] += step * of_frames
        self._spatial[slots] += step * of_patches

    def stop(self, slots: Ints) -> None:
        """Nothing: the accounts are opened anew with the next samples."""

    def _prepare(self, context: Context) -> None:
        canvas, cards = context.canvas, context.canvas.cards
        self._canvas, self._cards, self._criterion = canvas, cards, context.criterion
        self._split = split = self._split_of(canvas.grid)
        self._frames, self._patches = split.members(split.frame_of), split.members(split.patch_of)
        self._frame_layers = split.layer_of_group(split.frame_of)
        self._patch_layers = split.layer_of_group(split.patch_of)
        kinds = len(cards.distortions)
        self._temporal = np.zeros((context.slots, self._frames.shape[1], kinds), np.float32)
        self._spatial = np.zeros((context.slots, self._patches.shape[1], kinds), np.float32)
        self._clean_margin = np.zeros(context.slots, np.float32)
        self._references, self._indices = np.zeros((2, context.slots), np.int64)
        self._strength = (cards.pairs[:, 1] / cards.levels[cards.pairs[:, 0]]).astype(np.float32)

    def _sides(self, how_many: Floats, which: Floats, layer: Ints) -> tuple[Ints, Ints]:
        """How many frames and how many patches of them, every octave equally likely.

        A third of the time each these are patches through all frames, whole frames, and boxes of any proportions: the
        temporal agent may leave the choice to the spatial one, and the other way round.
        """
        frames, patches = np.bincount(self._frame_layers)[layer], np.bincount(self._patch_layers)[layer]
        count = log_uniform(how_many, 1.0, np.maximum(1.0, LARGEST_SHARE * frames * patches))
        least = np.maximum(1.0, count / patches)
        most = np.maximum(least, np.minimum(frames, count))
        tall = least * (most / least) ** (3 * which % 1)
        wide = count / tall
        both = (frames > 1) & (patches > 1)
        through, whole = both & (which < 1 / 3), both & (which > 2 / 3)
        tall = np.where(through, frames, tall)
        wide = np.where(through, log_uniform(how_many, 1.0, np.maximum(1.0, LARGEST_SHARE * patches)), wide)
        tall = np.where(whole, log_uniform(how_many, 1.0, np.maximum(1.0, LARGEST_SHARE * frames)), tall)
        wide = np.where(whole, patches, wide)
        return np.clip(np.rint(tall), 1, frames).astype(int), np.clip(np.rint(wide), 1, patches).astype(int)

    def _worth(self, slots: Ints, codes: Ints) -> Floats:
        """(n, cells) the credit of what occupies each cell."""
        kinds = self._cards.pairs[codes][..., 0].astype(int)
        of_frame = self._temporal[slots][:, self._split.frame_of]
        of_patch = self._spatial[slots][:, self._split.patch_of]
        both = np.take_along_axis(of_frame + of_patch, kinds[..., None], axis=2)[..., 0]
        return np.asarray(both * self._strength[codes], np.float64)


def _wish(credit: Array, kind: Ints, taken: Array) -> Floats:
    """(n, groups) how much each frame or patch is to be distorted with a filter, less where it is already."""
    here = np.take_along_axis(credit, kind[:, None, None], axis=2)[..., 0] + credit.mean(axis=2)
    return np.asarray(TRUST * standard(here) - REPEAT * taken)


def hedged() -> HedgedAgent:
    """Both agents together; where they have failed 64 times, two of three proposals are chance's."""
    return HedgedAgent(FactorisedAgent())


def temporal() -> FactorisedAgent:
    """Only the temporal agent: whole frames, chosen by their account."""
    return FactorisedAgent(frames_only, ranks=(3,))


def spatial() -> FactorisedAgent:
    """Only the spatial agent: patches through all frames, chosen by their account."""
    return FactorisedAgent(patches_only, ranks=(3,))
