"""`brinkmap explain`: load, explain, and say where."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console

from brinkmap.cli.clip_flags import ClipFlags
from brinkmap.cli.flags import ExplainRunFlags, run_of
from brinkmap.cli.progress import training_bar
from brinkmap.cli.signal_flags import SignalFlags
from brinkmap.cli.victim_data import data_for
from brinkmap.cli.victim_flags import VictimFlags, source_of, victim_of
from brinkmap.data import DataSet
from brinkmap.explain import Explanation, explanations
from brinkmap.explain.explaining import DEFAULT
from brinkmap.explain.kept import Kept
from brinkmap.explain.overlay import Scene
from brinkmap.recorded import versions
from brinkmap.report import publish
from brinkmap.report.wording import command_line
from brinkmap.victims.protocol import Victim, unit_of

__all__ = ["ExplainFlags", "run_explain"]

SHOWN = 10
"""Samples whose regions are printed; all are in explanations.json."""
TOLD = 3
"""Regions of each that are printed."""


@dataclass(frozen=True, kw_only=True)
class ExplainFlags:
    """Say where a classifier's decisions come from: a map, a mask and the regions in words, for every sample.

    posterior asks 300 questions of its own; trace reads the map off the queries of an attack, which is coarser. Others
    are listed by `brinkmap list`; those that need the network's gradients take a PyTorch victim.

    Examples:
        brinkmap explain --victim digits-on-textures --data digits-on-textures --limit 8
        brinkmap explain --victim model.onnx --data photo.png --queries 500
        brinkmap explain --victim digits --data digits --limit 20 --method trace --refine-budget 100
        brinkmap explain --victim my_model.py:factory --data photos/ --method grad-cam

    Exit codes: 0 fine, also where nothing was found; 2 bad input.
    """

    model: tyro.conf.OmitArgPrefixes[VictimFlags]
    """The victim."""
    data: str
    """One image, a folder of images, an .npz with x, a .csv of file,label, an ECG recording (.hea, .edf), a video
    (.mp4, .avi, .webm) or a folder of them, or a name such as `digits`."""
    method: str = DEFAULT
    """An explainer of `brinkmap list`, or trace."""
    queries: int | None = None
    """What a sample may cost beside the clean look and the attack: 300 for an explainer that asks, 0 for trace."""
    target: int | None = None
    """The class to be explained; none given means the victim's own answer."""
    limit: int | None = None
    """Only the first so many samples."""
    picture: str = "png"
    """What the overlays are written as: png or svg."""
    out: Path = Path("brinkmap-explanations")
    """Folder for report.html, maps, pictures and explanations.json; the same command goes on there."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""
    run: tyro.conf.OmitArgPrefixes[ExplainRunFlags] = dataclasses.field(default_factory=ExplainRunFlags)
    """The attack that trace reads, and the seed."""


def run_explain(flags: ExplainFlags) -> int:
    """Explain; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    run, victim = run_of(flags.run), victim_of(flags.model)
    data = data_for(victim, flags.data, flags.limit, flags.signals, flags.clips)
    settings = dataclasses.asdict(flags.run) | {
        "method": flags.method,
        "queries": flags.queries,
        "target": flags.target,
    }
    kept = Kept(flags.out, settings | source_of(flags.model, flags.data, data.checksum), flags.picture)
    done = kept.done
    ready = explanations(
        victim, data, flags.target, method=flags.method, queries=flags.queries, run=run, done=done
    )  # fmt: skip
    samples = {index: sample for index, sample in enumerate(data.stacked(victim.bounds)) if index not in done}
    with training_bar() as bar:
        task = bar.add_task("explaining", total=len(data), completed=len(done), so_far="samples")
        spent = 0
        for one in ready:
            kept.keep(one, _scene(one, samples.pop(one.index), data, victim))
            spent += one.queries
            bar.update(task, advance=1, so_far=f"samples, {spent:,} queries")
    told = kept.finish(data.names)
    _print(told, data, flags)
    facts = _facts(flags, data, victim)
    print(f"Report: {publish(flags.out, 'explain', facts)}")
    return 0


def _facts(flags: ExplainFlags, data: DataSet, victim: Victim) -> dict[str, Any]:
    """What a report says beside the explanations."""
    names = None if data.class_names is None else list(data.class_names)
    return {
        "title": f"Where {flags.model.victim} looks in {flags.data}", "command": command_line(), "versions": versions(),
        "class_names": names, "bounds": list(victim.bounds), "unit": unit_of(victim),
        "rate_hz": getattr(victim, "rate_hz", None), "method": flags.method,
    }  # fmt: skip


def _scene(one: Explanation, sample: Any, data: DataSet, victim: Victim) -> Scene:
    answer = "" if one.answer is None else f", answered {_called(one.reference, data)} at {one.answer.max():.0%}"
    found = "" if one.found else ": nothing that was tried moved the victim"
    title = f"{data.names[one.index]}: {one.method} for {_called(one.target, data)}{answer}{found}"
    return Scene(sample, victim.bounds, title, unit_of(victim), getattr(victim, "rate_hz", None))


def _called(label: int | None, data: DataSet) -> str:
    names = data.class_names
    return "nothing" if label is None else names[label] if names and label < len(names) else f"class {label}"


def _print(told: list[dict[str, Any]], data: DataSet, flags: ExplainFlags) -> None:
    console = Console()

    def say(text: str) -> None:
        console.print(text, soft_wrap=True, markup=False, highlight=False)

    for one in told[:SHOWN]:
        regions = "; ".join(region["said"] for region in one["regions"][:TOLD])
        nothing = "no mask found, the victim never moved"
        say(f"{one['name']}: {_called(one['target'], data)}: {one['error'] or regions or nothing}")
    if len(told) > SHOWN:
        say(f"... and {len(told) - SHOWN} more in explanations.json")
    queries, missed = sum(one["queries"] for one in told), sum(not one["found"] for one in told)
    say(f"{len(told)} samples, {queries:,} queries in all, {missed} without a map")
    say(f"Pictures: {flags.out / 'pictures'}")
    say(f"Explanations: {flags.out / 'explanations.json'}")
