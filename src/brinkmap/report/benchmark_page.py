"""The report of a test set that was made: what is in it, how far it goes, and how it looks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.benchmark.manifest import Manifest, Part, read_manifest
from brinkmap.data.archive import read_arrays
from brinkmap.report.audit_page import made_with, repeat_section
from brinkmap.report.document import (
    Block,
    Bullets,
    Cases,
    Cell,
    Column,
    Document,
    Figure,
    Figures,
    Picture,
    Section,
    ShownCase,
    Table,
)
from brinkmap.report.pictures import fitted, plain_shots
from brinkmap.report.signals import Strip, stacked
from brinkmap.report.wording import count, percent

__all__ = ["page_of"]

GUIDE = (
    "brinkmap leaderboard puts any models to this set, and so does brinkmap.benchmark.load(folder).evaluate(model).",
    "Distortions were put where the attacked victim is weak, so that its own accuracy here is low by construction.",
    "level:N is the filter's level N on the cells where a sample flipped; xN is N times the distance of the flip. A "
    "sample that did not flip within the budget has the plan that came nearest.",
    "Plans are in the files: the same version of Brinkmap renders the same bits from them. More is in DATASHEET.md.",
)


def page_of(folder: Path, facts: Mapping[str, Any]) -> Document:
    """The document of a test set's folder.

    Args:
        folder: with `manifest.json` and its files.
        facts: title, command, versions.
    """
    manifest = read_manifest(folder)
    versions = facts.get("versions") or {}
    source = {
        "victim": manifest.victim, "victim_sha256": manifest.victim_sha256, "samples": manifest.source,
        "samples_sha256": manifest.source_sha256, "licence": manifest.licence, "agent": manifest.agent,
        "agent_sha256": manifest.agent_sha256,
    }  # fmt: skip
    return Document(
        title=facts["title"],
        about="Benchmark set",
        lead=[_figures(manifest)],
        sections=[
            Section("What is in it", [_table(folder, manifest)]),
            Section("How it looks", _examples(folder, manifest)),
            Section("How to use this", [Bullets(GUIDE)]),
            repeat_section(
                facts["command"], manifest.settings, versions, {name: one for name, one in source.items() if one}
            ),
        ],
        made=made_with(versions, facts.get("made", "")),
        moving=len(manifest.shape) == 4,
    )


def _figures(manifest: Manifest) -> Figures:
    rows = sum(part.rows for part in manifest.parts)
    left_out = f"{len(manifest.left_out)} were left out, each with its reason in the manifest"
    return Figures([
        Figure("Samples", count(manifest.samples), left_out if manifest.left_out else "none was left out"),
        Figure("Rows", count(rows), f"in {len(manifest.parts)} files, clean ones included"),
        Figure("Distortions", count(len(manifest.distortions)), ", ".join(manifest.distortions)),
        Figure("Severities", count(len(manifest.severities)), ", ".join(manifest.severities)),
        Figure("Queries", count(manifest.queries), f"to {manifest.victim}, all counted"),
    ])  # fmt: skip


def _pairs(manifest: Manifest) -> dict[tuple[str, str], list[Part]]:
    pairs: dict[tuple[str, str], list[Part]] = {}
    for part in manifest.parts:
        pairs.setdefault((part.distortion, part.severity), []).append(part)
    return pairs


def _table(folder: Path, manifest: Manifest) -> Table:
    rows: list[list[str | Cell]] = []
    for (distortion, severity), parts in _pairs(manifest).items():
        l2, flipped = (np.concatenate([_array(folder, part, name) for part in parts]) for name in ("l2", "flipped"))
        share = float(flipped.mean())
        rows.append(
            [f"{distortion}, {severity}" if distortion else "clean", count(len(l2)), f"{l2.mean():.3f}",
             f"{np.median(l2):.3f}", Cell(percent(share), share) if distortion else "none"]
        )  # fmt: skip
    columns = (
        Column("distortion, severity"), Column("samples", True), Column("L2, mean", True), Column("L2, median", True),
        Column("flipped the victim within the budget"),
    )  # fmt: skip
    return Table("Every part; distances are on samples scaled to 0..1", columns, rows)


def _examples(folder: Path, manifest: Manifest) -> list[Block]:
    """The first sample of the set under each distortion, at every severity."""
    pairs, signals = _pairs(manifest), len(manifest.shape) == 2
    clean = _array(folder, pairs["", ""][0], "x")[0]
    titles, rows = [], []
    for distortion in manifest.distortions:
        here = {severity: parts[0] for (kind, severity), parts in pairs.items() if kind == distortion}
        samples = {"clean": clean} | {
            f"{severity} (L2 {_array(folder, part, 'l2')[0]:.2f})": _array(folder, part, "x")[0]
            for severity, part in here.items()
        }
        titles.append(distortion)
        rows.append(samples)
    pictures: Sequence[Sequence[Picture]]
    if signals:
        pictures = [[stacked(f"set-{place}", samples, Strip())] for place, samples in enumerate(rows)]
    else:
        low, high = manifest.bounds
        pictures, _ = fitted([plain_shots(samples, (low, high)) for samples in rows])
    cases = [ShownCase(title, "the first sample of the set", row) for title, row in zip(titles, pictures, strict=True)]
    return [Cases("", cases, wide=signals)]


def _array(folder: Path, part: Part, name: str) -> np.ndarray:
    return read_arrays(folder / part.file, [name])[name]
