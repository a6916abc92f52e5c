"""Random cases for the laws of rendering: a filter, a level, a rank, an extent, patches, a seed; and what they break.

A case is a row of integers, so that hypothesis can draw and shrink it and a seeded generator can draw 100,000 at once.
"""

import random
from dataclasses import dataclass

import numpy as np

from brinkmap.distortions import Family, Medium
from brinkmap.distortions.arsenal import members
from brinkmap.errors import InputError
from brinkmap.plan import Canvas, Cards, Palette, make_grid
from brinkmap.registry import entries, resolve
from brinkmap.seeding import paint_generator

RATE_HZ = 250.0
LONGEST = {1: 400, 2: 20, 3: 9}
PLANS = 3
"""Plans rendered at once for each case."""
TOPS = (10**6, 10**6, 2, 10**6, 10**6, 10**6, 10**6, 3, 10**6, 9)
"""The largest integer of each column: filter, level, rank, three sides, patch, patch sizes, seed, channels."""
NAMES = [entry.name for entry in entries("distortion")]


@dataclass(frozen=True)
class Case:
    """One distortion at one level on one canvas."""

    canvas: Canvas
    level: int
    seed: int

    @property
    def distortion(self):
        return self.canvas.cards.distortions[0]


def case_of(row):
    """The case behind a row of integers."""
    kind, level, rank, *sides, patch, sizes, seed, channels = (int(one) for one in row)
    name = NAMES[kind % len(NAMES)]
    ranks = ranks_of(name)
    rank = ranks[rank % len(ranks)]
    extent = tuple(1 + side % LONGEST[rank] for side in sides[:rank])
    shape = (1 + channels % 4, *extent)
    found = members(name, Medium(shape, RATE_HZ))
    one = found[kind // len(NAMES) % len(found)]
    rng = np.random.default_rng(patch)
    patches = {tuple(int(rng.integers(1, n + 1)) for n in extent) for _ in range(1 + sizes // 3)}
    bounds = ((0.0, 1.0), (-2.0, 2.0))[seed % 2]
    quantise = (None, 8)[seed // 2 % 2]
    canvas = Canvas(shape, bounds, make_grid(sorted(patches), extent), Cards((one,)), seed % 7, quantise)
    return Case(canvas, 1 + level % one.levels, seed)


def ranks_of(name):
    """The ranks that a name has members for; families say by their members."""
    found = resolve("distortion", name)
    if not isinstance(found, Family):
        return found().ranks
    for shape in ((2, 50), (2, 8, 8), (2, 4, 8, 8)):
        ranks = found.members(Medium(shape, RATE_HZ))[0].ranks
        if len(shape) - 1 in ranks:
            return ranks
    raise AssertionError(name)


def breaches(case):
    """The laws that a case breaks, by name; None where the filter refuses cells of that size, as it may."""
    canvas = case.canvas
    rng = np.random.default_rng(case.seed)
    sample = canvas.snap(np.clip(rng.uniform(*canvas.bounds, canvas.shape), *canvas.bounds).astype(np.float32))
    before = sample.tobytes()
    try:
        paintings = {ink: canvas.paint(sample, 3, ink)[0] for ink in range(1, len(canvas.inks) + 1)}
    except InputError as error:
        return None if "needs cells of at least" in str(error) else [f"refused: {error}"]
    found = []
    if sample.tobytes() != before:
        found.append("purity: it writes into its input")
    low, high = np.float32(canvas.bounds)
    if any(p.min() < low or p.max() > high or not np.isfinite(p).all() for p in paintings.values()):
        found.append("bounds")
    found += _purity(case, sample, paintings) + _draws(case, sample) + _rendering(case, sample, paintings, rng)
    return found


def _purity(case, sample, paintings):
    """The same bits once more, from another state of the global generators."""
    random.seed(case.seed)
    np.random.seed(case.seed % 2**32)
    again = case.canvas.paint(sample, 3, case.level)[0]
    return [] if again.tobytes() == paintings[case.level].tobytes() else ["purity: painted twice, it differs"]


def _draws(case, sample):
    """The generator stands at the same place after any level."""
    scaled = ((sample - case.canvas.bounds[0]) / case.canvas.span).astype(np.float32)
    states = []
    for level in (1, case.level):
        rng = paint_generator(0, 0, "laws")
        case.distortion.paint(scaled, level, rng, case.canvas.inks.grid_for(level))
        states.append(rng.bit_generator.state)
    return [] if states[0] == states[1] else ["draws: they depend on the level"]


def _rendering(case, sample, paintings, rng):
    """Several plans at once: what is occupied shows its painting, all else the sample, and level 0 restores it."""
    canvas, found = case.canvas, []
    codes = np.where(rng.random((PLANS, canvas.grid.cells)) < rng.random((PLANS, 1)), case.level, 0).astype(np.int16)
    palette, slots = Palette(canvas, PLANS), np.arange(PLANS)
    for slot in slots:
        palette.load(slot, sample, 3)
    palette.prepare(slots, codes)
    shown = canvas.inks.shown(codes)
    images = np.tile(sample.ravel(), (PLANS, 1))
    palette.render(slots, np.zeros_like(shown), shown, images)
    for row in range(PLANS):
        inks = np.broadcast_to(shown[row][canvas.grid.atom_of].reshape(canvas.shape[1:]), canvas.shape)
        expected = sample.copy()
        for ink in np.unique(inks[inks > 0]):
            expected[inks == ink] = paintings[int(ink)][inks == ink]
        if images[row].tobytes() != expected.tobytes():
            found.append("locality: a cell shows what is not its own")
        change = (images[row].reshape(canvas.shape).astype(np.float64) - sample) / canvas.span
        if not np.isclose(np.sum(change**2), palette.squared_l2(slots[[row]], shown[[row]])[0], rtol=1e-9, atol=1e-12):
            found.append("energy: it does not add up over cells")
    palette.render(slots, shown, np.zeros_like(shown), images)
    if images.tobytes() != np.tile(sample.ravel(), (PLANS, 1)).tobytes():
        found.append("level 0: it does not restore the sample")
    return found
