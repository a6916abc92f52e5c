"""`brinkmap check`: whether a victim keeps its contract, before anything is spent on an audit."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import tyro

from brinkmap.arrays import as_samples
from brinkmap.cli.clip_flags import ClipFlags, clips_of
from brinkmap.cli.signal_flags import SignalFlags, data_of
from brinkmap.cli.victim_flags import VictimFlags, victim_of
from brinkmap.errors import InputError
from brinkmap.testing import ContractError, check_victim

__all__ = ["CheckFlags", "run_check"]


@dataclass(frozen=True, kw_only=True)
class CheckFlags:
    """Ask a classifier about a few samples in several ways, and say what is wrong with its answers.

    In one batch, again, in reverse, one by one, two at once: a service that shuffles its rows, or whose answers depend
    on what else is in the batch or change from call to call, is found out, as are wrong shapes and NaN. An audit alone
    cannot see any of that. It costs 4 n + 2 queries for n samples.

    Examples:
        brinkmap check --victim http://127.0.0.1:8000/v2/models/resnet --data photos/
        brinkmap check --victim my_model.py:factory --data test.npz --samples 16

    Exit codes: 0 fine, 1 something is wrong, 2 bad input.
    """

    model: tyro.conf.OmitArgPrefixes[VictimFlags]
    """The victim."""
    data: str
    """As for `brinkmap audit`."""
    samples: int = 8
    """How many samples are asked about, at least 2."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""


def run_check(flags: CheckFlags) -> int:
    """Check, and print what was found; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    if flags.samples < 2:
        raise InputError(f"samples: expected at least 2, got {flags.samples}.")
    victim = victim_of(flags.model)
    clips = clips_of(flags.clips, flags.data, victim.shape)
    data = data_of(flags.signals, flags.data, flags.samples, getattr(victim, "rate_hz", None), clips)
    first = [as_samples(np.asarray(one)[None], victim.bounds) for one in itertools.islice(data, flags.samples)]
    if len(first) < 2:
        raise InputError(f"data: expected at least 2 samples, got {len(first)}. Order shows in several only.")
    samples = np.concatenate(first)
    try:
        check_victim(victim, samples)
    except ContractError as error:
        print(error)
        return 1
    print(f"{flags.model.victim}: fine, {len(samples)} samples in {4 * len(samples) + 2} queries.")
    return 0
