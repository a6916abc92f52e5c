"""The part of `brinkmap harden` that is about attacks: what they make of samples to train on."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tyro

from brinkmap.cli.flags import PoolRunFlags, run_of
from brinkmap.errors import InputError

if TYPE_CHECKING:
    from brinkmap.harden import Pool

__all__ = ["PoolFlags", "pool_of"]


@dataclass(frozen=True, kw_only=True)
class PoolFlags:
    """Samples that an attack of ours, or anybody's, makes of the training samples."""

    pool: str = "none"
    """none; attack: samples as --agent leaves them on the network as it is then; distorted: the same filters anywhere,
    the control."""
    every: int = 5
    """Epochs between two makings; --check-every has to be a multiple of it."""
    share: float = 0.5
    """Of the samples that are attacked at each making; the others stay clean. Each making draws them anew."""
    easiest: float = 1.0
    """A curriculum over severity: the first making's L2 bound as a share of --max-l2. It grows by the same step from
    making to making and is the whole at the last one: with --easiest .25, --epochs 20 and --every 5 the four makings
    have .25, .5, .75 and 1 of --max-l2."""
    tolerance: float | None = None
    """Natural accuracy that may be given up, as a share (0.01 is one point); looks that lose more are not picked."""
    blend: bool = False
    """Where the last weights lose more, mix them with those before the first epoch as far as --tolerance asks, if that
    stands up better than every look that keeps it."""
    baselines: tuple[str, ...] = ()
    """Train these as well, from the same weights for the same CPU seconds, into OUT/baselines/NAME: none (the samples
    as they are), random (the same filters anywhere), fgsm, pgd, square, simba. The rate is then `steady`."""
    audit: int | None = None
    """Attack so many test samples (validation samples without --test-data) on the network before, after, and on each
    baseline; 0 for none. None given means 100 where there is a pool, a baseline or a --network that had learned
    something, else 0."""
    run: tyro.conf.OmitArgPrefixes[PoolRunFlags] = dataclasses.field(default_factory=PoolRunFlags)
    """The attack."""


def pool_of(flags: PoolFlags, seed: int, rate_hz: float | None) -> Pool | None:
    """The pool that the flags ask for.

    Raises:
        InputError: there is none of that name, or its settings cannot work.
    """
    from brinkmap.harden import Attacked, Distorted

    run = run_of(flags.run, seed=seed)
    if flags.pool == "attack":
        return Attacked(run=run, every=flags.every, share=flags.share, easiest=flags.easiest, rate_hz=rate_hz)
    if flags.easiest != 1:
        raise InputError("easiest: only the bound of --pool attack grows. Leave it out, or give that.")
    if flags.pool == "none":
        return None
    if flags.pool == "distorted":
        return Distorted(run=run, every=flags.every, share=flags.share, rate_hz=rate_hz)
    raise InputError(f"pool: expected none, attack or distorted, got {flags.pool!r}.")
