"""The sheet that goes with a test set: what it is of, how it was made, what it is for and what it is not."""

from __future__ import annotations

from brinkmap.benchmark.manifest import Manifest

__all__ = ["datasheet"]

SHEET = """# {name}

{samples} samples of shape {shape}, values {low:g} to {high:g}, each as it was and under {distortions} at {severities}:
{rows} samples in {files} files. After Gebru et al. 2021, arXiv:1803.09010.

## What it is for
How much accuracy a classifier keeps under natural distortions that are put where another classifier is weak.
`brinkmap.benchmark.load(folder).evaluate(model)` says.

## Where it is from
- Samples: {source} (sha256 {source_sha256}), licence: {licence}. Labels are the source's.
- Flipped on: {victim} (sha256 {victim_sha256}), with {queries:,} queries in all, by the agent `{agent}`.
- Left out: {left_out}.

## How it was made
Every sample was attacked on that victim with one filter at a time. `level:N` is the filter's level N on the cells where
the sample flipped; `xN` is N times the L2 distance at flip, stronger on those cells and then spreading from them. A
sample that did not flip within the budget has the plan that came nearest and, for `xN`, the median distance of the
others; its `flipped` is false. Settings are in `manifest.json`. Each file holds x, y, index, l2 (on samples scaled to
0..1), flipped and plan; the same plan on the same sample gives the same bits with this version of Brinkmap
({made_with}).

## What it is not
The victim above was attacked, so its own accuracy on this set is low by construction: compare other models, and say
which one was attacked. Distances are L2, not what people notice. Nothing is said of distortions that are not in it.
"""


def datasheet(manifest: Manifest) -> str:
    """The sheet as Markdown."""
    low, high = manifest.bounds
    reasons = (
        f"{len(manifest.left_out)} samples, each with its reason in manifest.json" if manifest.left_out else "none"
    )
    return SHEET.format(
        name=manifest.name, samples=f"{manifest.samples:,}", shape=tuple(manifest.shape), low=low, high=high,
        distortions=", ".join(manifest.distortions), severities=", ".join(manifest.severities),
        rows=f"{sum(part.rows for part in manifest.parts):,}", files=len(manifest.parts), source=manifest.source,
        source_sha256=manifest.source_sha256 or "not stated", licence=manifest.licence, victim=manifest.victim,
        victim_sha256=manifest.victim_sha256 or "not stated", queries=manifest.queries, agent=manifest.agent,
        left_out=reasons, made_with=manifest.made_with,
    )  # fmt: skip
