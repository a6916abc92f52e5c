"""`brinkmap render`: a test set's samples once more, out of its plans and the source."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

import tyro

from brinkmap.benchmark import load, render
from brinkmap.benchmark.manifest import read_manifest
from brinkmap.cli.clip_flags import ClipFlags, clips_of
from brinkmap.cli.signal_flags import SignalFlags, data_of

__all__ = ["RenderFlags", "run_render"]


@dataclass(frozen=True, kw_only=True)
class RenderFlags:
    """Make a test set's files again from its manifest.json and plans.npz, which are a few megabytes, and the source.

    No classifier is asked. What is rendered is compared with the checksums of the manifest, bit for bit.

    Examples:
        brinkmap render --plans digits-b --data digits --out digits-again

    Exit codes: 0 fine, 2 bad input, or other bits.
    """

    plans: Path
    """The folder with manifest.json and plans.npz; its samples may be missing."""
    data: str
    """The source of the set, as `brinkmap benchmark` had it."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""
    out: Path = Path("brinkmap-rendered")
    """Folder for the set."""


def run_render(flags: RenderFlags) -> int:
    """Render the set; returns the exit code.

    Raises:
        BrinkmapError: bad input, or other bits.
    """
    manifest = read_manifest(flags.plans)
    clips = clips_of(flags.clips, flags.data, manifest.shape)
    data = data_of(flags.signals, flags.data, None, manifest.rate_hz, clips)
    path = render(flags.plans, data, flags.out)
    rows = sum(part.rows for part in load(flags.out).manifest.parts)
    print(f"{rows:,} samples in {len(manifest.parts)} files, all with the bits that the manifest states")
    print(f"Manifest: {path}")
    return 0
