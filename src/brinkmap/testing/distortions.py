"""What a distortion must keep to."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from brinkmap.arrays import Array
from brinkmap.distortions import Distortion, Family, Medium
from brinkmap.distortions.arsenal import members
from brinkmap.distortions.protocol import reads_grid
from brinkmap.errors import InputError
from brinkmap.plan import Canvas, Cards, Grid, make_grid
from brinkmap.plan.rehearsal import global_random_state
from brinkmap.seeding import paint_generator
from brinkmap.testing.findings import CHANNELS, EXTENTS, Findings

__all__ = ["check_distortion"]

SLOWEST_S = 0.25
"""A painting of a sample of the usual size may not take longer: a run paints some ten of them for each sample."""
USUAL = {1: (3600,), 2: (64, 64), 3: (16, 32, 32)}
RATE_HZ = 360.0
TEXTURE, SMOOTH = "textured", 1.5


def check_distortion(
    distortion: Distortion | Family | Callable[..., Any] | str,
    *,
    rate_hz: float = RATE_HZ,
    slowest_s: float = SLOWEST_S,
) -> None:
    """That a distortion keeps its contract, on textured and on flat samples of every rank it says it works on.

    Float32 of the sample's shape and finite; the input left alone; the same bits from the same generator, whatever the
    global state; as many draws at every level; the grid read only if it says so; a cell alone changes that cell alone;
    taken away it leaves the original bits; no level weaker than the one below; and not too slow.

    Args:
        distortion: an object, a class, a function of (content, level, rng) or (sample, level, rng, grid), a family (all
            its members are checked), or a name as `Run` takes it.
        rate_hz: values a second of the signals it is tried on, for filters that ask.
        slowest_s: what painting a sample of usual size (1 x 3600, 3 x 64 x 64 or 3 x 16 x 32 x 32) may take at most.

    Raises:
        ContractError: it does not; every breach is listed.
    """
    findings = Findings(f"distortion {getattr(distortion, 'name', distortion)!r}")
    for rank, extent in EXTENTS.items():
        medium = Medium((CHANNELS, *extent), rate_hz)
        found = findings.attempt(partial(members, distortion, medium), f"making it for shape {medium.shape}")
        for one in found or ():
            if _check_attributes(one, findings) and rank in one.ranks:
                samples = _samples(medium.shape)
                for what, sample in samples.items():
                    _check_paintings(one, sample, f"{one.name}, rank {rank}, {what} sample", findings)
                _check_render(one, samples[TEXTURE], f"{one.name}, rank {rank}", findings)
                _check_speed(one, rank, slowest_s, findings)
    findings.report()


def _samples(shape: tuple[int, ...]) -> dict[str, Array]:
    """A smooth texture, as nature has it; a flat one, on which dividing by a deviation fails; a black and white one."""
    noise = np.random.default_rng(len(shape)).random(shape, dtype=np.float32)
    texture = gaussian_filter(noise, SMOOTH, axes=tuple(range(1, noise.ndim)), mode="nearest")
    texture = ((texture - texture.min()) / np.ptp(texture)).astype(np.float32)
    return {TEXTURE: texture, "flat": np.full(shape, 0.5, np.float32), "black and white": np.rint(noise)}


def _check_attributes(one: Distortion, findings: Findings) -> bool:
    levels, ranks = one.levels, one.ranks
    countable = isinstance(levels, int) and levels >= 1
    findings.expect(isinstance(one.name, str) and bool(one.name), f"name is {one.name!r}, expected a text")
    findings.expect(countable, f"levels is {levels!r}, expected 1 or more")
    known = isinstance(ranks, tuple) and bool(ranks) and set(ranks) <= set(EXTENTS)
    findings.expect(known, f"ranks is {ranks!r}, expected some of (1, 2, 3)")
    findings.expect(isinstance(one.natural, bool), f"natural is {one.natural!r}, expected True or False")
    return countable and known


def _grids(extent: tuple[int, ...]) -> list[Grid]:
    return [make_grid(patch, extent) for patch in (None, (tuple(-(-n // 2) for n in extent),), (extent,))]


def _check_paintings(one: Distortion, sample: Array, where: str, findings: Findings) -> None:
    """Each level on grids of several cell sizes; a filter may refuse a size with an InputError, but not all."""
    per_grid = []
    refusals = []
    for grid in _grids(sample.shape[1:]):
        try:
            per_grid.append(_levels(one, sample, grid, where, findings))
        except InputError as error:
            refusals.append(str(error))
    findings.expect(bool(per_grid), f"{where}: refuses every patch size: {refusals[:1]}")
    whole = [paintings for paintings in per_grid if paintings]
    if not reads_grid(one) and whole:
        same = all(np.array_equal(a, b) for other in whole for a, b in zip(whole[0], other, strict=True))
        findings.expect(same, f"{where}: paints by the grid: say so with reads_grid = True")


def _levels(one: Distortion, sample: Array, grid: Grid, where: str, findings: Findings) -> list[Array] | None:
    """The paintings of all levels; None where one of them is none."""
    paintings: list[Array] = []
    states: list[Any] = []
    for level in range(1, one.levels + 1):
        at = f"{where}, level {level}"
        first = _painted(one, sample, level, grid, 1, at, findings)
        if first is None:
            return None
        again = _painted(one, sample, level, grid, 2, at, findings)
        same = again is not None and np.array_equal(first[0], again[0])
        findings.expect(same, f"{at}: painted twice, differs: draw from rng alone, keep no state")
        paintings.append(first[0])
        states.append(first[1])
    uneven = [level for level, state in enumerate(states, 1) if state != states[0]]
    findings.expect(
        not uneven,
        f"{where}: level {uneven} draws more or less from rng than level 1, so its noise is another: draw alike",
    )
    if TEXTURE in where:  # on noise, pushing values further aside need not change them more
        strengths = [float(np.linalg.norm(np.clip(p, 0, 1).astype(np.float64) - sample)) for p in paintings]
        pairs = enumerate(itertools.pairwise(strengths), 2)
        falls = [level for level, (below, here) in pairs if here < below * (1 - 1e-6)]
        findings.expect(not falls, f"{where}: level {falls} is weaker than the one below it")
        findings.expect(max(strengths) > 0, f"{where}: changes nothing at any level")
    return paintings


def _painted(
    one: Distortion, sample: Array, level: int, grid: Grid, global_seed: int, at: str, findings: Findings
) -> tuple[Array, Any] | None:
    """One painting of a read-only sample and the generator's state after it; None and a note if it is no painting."""
    rng = paint_generator(0, 0, one.name)
    given = sample.copy()
    given.flags.writeable = False
    with global_random_state(global_seed):
        try:
            painting = one.paint(given, level, rng, grid)
        except InputError:
            raise
        except Exception as error:
            findings.expect(False, f"{at}: raised {type(error).__name__}: {error}")
            return None
    shaped = getattr(painting, "shape", None) == sample.shape and getattr(painting, "dtype", None) == np.float32
    got = f"{getattr(painting, 'dtype', type(painting).__name__)} {getattr(painting, 'shape', '')}".strip()
    findings.expect(shaped, f"{at}: painted {got}, expected float32 {sample.shape}")
    if not shaped:
        return None
    finite = bool(np.isfinite(painting).all())
    findings.expect(finite, f"{at}: painted NaN or infinity")
    return (painting, rng.bit_generator.state) if finite else None


def _check_render(one: Distortion, sample: Array, where: str, findings: Findings) -> None:
    """A cell alone changes that cell alone; a plan of level 0 is the sample, bit for bit."""
    for grid in _grids(sample.shape[1:]):
        canvas = Canvas(sample.shape, (0.0, 1.0), grid, Cards((one,)), seed=0)
        codes = np.zeros(grid.cells, np.int16)
        codes[grid.cells // 2] = one.levels
        try:
            alone, _ = canvas.render(sample, 0, codes)
        except InputError:  # said already
            continue
        inside = np.zeros(sample.shape, bool)
        inside[(slice(None), *grid.box(grid.cells // 2))] = True
        findings.expect(np.array_equal(alone[~inside], sample[~inside]), f"{where}: one cell changes another")
        none, _ = canvas.render(sample, 0, canvas.cards.codes(canvas.cards.plan(codes) * np.array([1, 0], np.int16)))
        findings.expect(none.tobytes() == sample.tobytes(), f"{where}: level 0 is not the sample")


def _check_speed(one: Distortion, rank: int, slowest_s: float, findings: Findings) -> None:
    extent = USUAL[rank]
    sample = np.random.default_rng(0).random((1 if rank == 1 else CHANNELS, *extent), dtype=np.float32)
    taken = []
    for _ in range(3):
        began = time.perf_counter()
        try:
            one.paint(sample, one.levels, paint_generator(0, 0, one.name), make_grid(None, extent))
        except Exception:  # said already, or a cell size that it refuses
            return
        taken.append(time.perf_counter() - began)
    median = statistics.median(taken)
    findings.expect(
        median <= slowest_s,
        f"{one.name}, rank {rank}: painting {sample.shape} takes {median:.2f} s, expected at most {slowest_s:g} s: "
        "work on whole arrays",
    )
