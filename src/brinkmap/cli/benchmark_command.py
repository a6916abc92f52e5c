"""`brinkmap benchmark` makes a test set out of labelled data; `brinkmap leaderboard` puts models to it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from brinkmap.benchmark import Origin, load, make
from brinkmap.benchmark.board import keep_board
from brinkmap.benchmark.manifest import Manifest
from brinkmap.benchmark.severity import DEFAULTS
from brinkmap.cli.clip_flags import ClipFlags
from brinkmap.cli.flags import BenchmarkRunFlags, run_of
from brinkmap.cli.progress import training_bar
from brinkmap.cli.signal_flags import SignalFlags
from brinkmap.cli.victim_data import data_for
from brinkmap.cli.victim_flags import VictimFlags, source_of, victim_of
from brinkmap.distortions import NATURAL
from brinkmap.errors import InputError
from brinkmap.recorded import versions
from brinkmap.report import publish
from brinkmap.report.wording import command_line
from brinkmap.victims import load_victim

__all__ = ["BenchmarkFlags", "LeaderboardFlags", "run_benchmark", "run_leaderboard"]


@dataclass(frozen=True, kw_only=True)
class BenchmarkFlags:
    """Make a harder test set: distortions put where a classifier is weak, at stated severities, with their plans.

    Examples:
        brinkmap benchmark --victim digits --data digits --distortions gaussian-noise illuminate --out digits-b
        brinkmap benchmark --victim model.onnx --data photos/ --severities level:3 x4 --licence "CC BY 4.0"
        brinkmap leaderboard --benchmark digits-b --models digits other.onnx

    Exit codes: 0 fine, 2 bad input.
    """

    model: tyro.conf.OmitArgPrefixes[VictimFlags]
    """Whom the samples are flipped on."""
    data: str
    """Labelled samples: an .npz with x and y, a folder with a sub-folder of images or videos for each class, a .csv of
    file,label, ECG recordings with annotations (--label-by), or a name such as `digits`."""
    severities: tuple[str, ...] = DEFAULTS
    """level:N for the filter's level N where a sample flipped, xN for N times the distance there."""
    name: str = "benchmark"
    """What the set is called."""
    licence: str = "not stated"
    """Of the samples, as the manifest says it."""
    limit: int | None = None
    """Only the first so many samples."""
    out: Path = Path("brinkmap-benchmark")
    """Folder for the set, its manifest and its datasheet; the same command goes on there."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""
    run: tyro.conf.OmitArgPrefixes[BenchmarkRunFlags] = dataclasses.field(default_factory=BenchmarkRunFlags)
    """How the samples are attacked, each filter by itself."""


def run_benchmark(flags: BenchmarkFlags) -> int:
    """Make the set; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    run, victim = run_of(flags.run), victim_of(flags.model)
    data = data_for(victim, flags.data, flags.limit, flags.signals, flags.clips)
    if data.labels is None:
        raise InputError(
            f"data: {flags.data} has no labels, which a test set needs. Give an .npz with x and y, or --label-by for "
            "recordings with annotations."
        )
    source = source_of(flags.model, flags.data, data.checksum)
    origin = Origin(
        name=flags.name, source=flags.data, source_sha256=data.checksum, licence=flags.licence,
        victim=flags.model.victim, victim_sha256=source.get("victim_sha256", ""), classes=data.class_names,
    )  # fmt: skip
    with training_bar() as bar:
        names = run.distortions or NATURAL
        task = bar.add_task("attacking", total=len(data) * len(names), so_far="")
        spent = 0

        def watch(distortion: str, result: Any) -> None:
            nonlocal spent
            spent += result.queries
            bar.update(task, advance=1, so_far=f"{distortion}, {spent:,} queries")

        path = make(victim, data, data.labels, flags.out, run, severities=flags.severities, origin=origin, watch=watch)
    manifest = load(flags.out).manifest
    rows = sum(part.rows for part in manifest.parts)
    print(f"{manifest.samples:,} samples, {len(manifest.parts)} files, {rows:,} rows, {manifest.queries:,} queries")
    if manifest.left_out:
        print(f"left out: {len(manifest.left_out)}, each with its reason in the manifest")
    facts = {"title": f"Test set {flags.name}", "command": command_line(), "versions": versions()}
    report = publish(flags.out, "benchmark", facts)
    print(f"Datasheet: {flags.out / 'DATASHEET.md'}\nManifest: {path}\nReport: {report}")
    return 0


@dataclass(frozen=True, kw_only=True)
class LeaderboardFlags:
    """Put any number of models to a test set of `brinkmap benchmark`, and write a page that compares them.

    Examples:
        brinkmap leaderboard --benchmark digits-b --models digits hardened/model.safetensors
        brinkmap leaderboard --benchmark photos-b --models a.onnx b.onnx my_models.py:third

    Exit codes: 0 fine, 2 bad input.
    """

    benchmark: Path
    """The folder of the set."""
    models: tuple[str, ...]
    """Victims as for `brinkmap audit`; errors are also given as shares of the first one's."""
    mean: tuple[float, ...] = ()
    """Per channel, subtracted before a model sees a sample; the same for all of them."""
    std: tuple[float, ...] = ()
    """Per channel, divided by."""
    out: Path = Path("brinkmap-leaderboard")
    """Folder for report.html and leaderboard.csv."""


def run_leaderboard(flags: LeaderboardFlags) -> int:
    """Put the models to the set; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    held = load(flags.benchmark)
    if len(set(flags.models)) != len(flags.models) or not flags.models:
        raise InputError(f"models: expected one or more different ones, got {', '.join(flags.models) or 'none'}.")
    victims = {name: load_victim(name, mean=flags.mean or None, std=flags.std or None) for name in flags.models}
    tables = {}
    with training_bar() as bar:
        task = bar.add_task("evaluating", total=len(victims), so_far="models")
        for name, victim in victims.items():
            tables[name] = held.evaluate(victim)
            bar.advance(task)
    keep_board(flags.out, tables)
    page = publish(flags.out, "leaderboard", _facts(held.manifest))
    console = Console()
    for name, table in tables.items():
        rows = table[table["severity"] != ""]
        clean, distorted = table["clean_accuracy"].iloc[0], rows["accuracy"].mean()
        console.print(f"{name}: clean {clean:.1%}, distorted {distorted:.1%}", markup=False, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, markup=False, highlight=False)
    return 0


def _facts(manifest: Manifest) -> dict[str, Any]:
    """What the page says of the set."""
    about = (
        f"{manifest.samples:,} samples of {manifest.source}, under {', '.join(manifest.distortions)} at "
        f"{', '.join(manifest.severities)}. Distortions were put where {manifest.victim} is weak "
        f"({manifest.queries:,} queries by the agent {manifest.agent}): its own row is low by construction."
    )
    source = {
        "set": manifest.name, "samples": manifest.source, "samples_sha256": manifest.source_sha256,
        "licence": manifest.licence, "attacked victim": manifest.victim, "made with": manifest.made_with,
    }  # fmt: skip
    return {
        "title": f"Leaderboard: {manifest.name}", "about": about, "command": command_line(), "versions": versions(),
        "source": {name: one for name, one in source.items() if one},
    }  # fmt: skip
