"""`brinkmap audit`: load, audit, print."""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from brinkmap.audit import Audit, Demands, Presentation, audit
from brinkmap.campaign import Scale, campaign, is_campaign, is_url
from brinkmap.cli.clip_flags import ClipFlags
from brinkmap.cli.flags import RunFlags, read_toml, run_of
from brinkmap.cli.progress import Progress, print_audit
from brinkmap.cli.signal_flags import SignalFlags
from brinkmap.cli.victim_data import data_for
from brinkmap.cli.victim_flags import VictimFlags, source_of, victim_of
from brinkmap.data import DataSet
from brinkmap.observing import observed
from brinkmap.summary import Meaning, meaning_of
from brinkmap.victims import Victim

__all__ = ["AuditFlags", "run_audit", "toml_defaults"]


@dataclass(frozen=True, kw_only=True)
class AuditFlags:
    """Attack a classifier with natural distortions and report how robust it is.

    Examples:
        brinkmap audit --victim digits --data digits --budget 200
        brinkmap audit --victim model.onnx --mean .485 .456 .406 --std .229 .224 .225 --data photos/
        brinkmap audit --victim my_model.py:factory --data test.npz --max-success-rate 0.2
        brinkmap audit --config audit.toml --out results/night
        brinkmap audit --victim model.onnx --data photos/ --workers 8 --total-queries 1000000

    Exit codes: 0 fine, 1 a threshold was missed, 2 bad input.
    """

    model: tyro.conf.OmitArgPrefixes[VictimFlags]
    """The victim."""
    data: str
    """An .npz with x and y, a folder with a sub-folder of images for each class, a .csv of file,label, an ECG recording
    (.hea, .edf), a video (.mp4, .avi, .webm) or a folder of them, or a name such as `digits`."""
    config: Path | None = None
    """TOML file with any of these flags as keys; flags on the command line go before it."""
    out: str = "brinkmap-results"
    """Folder for results, summary.json and report.html; the same command resumes there. Or a URL that fsspec reaches,
    such as s3://bucket/night (extra `ray`)."""
    limit: int | None = None
    """Only the first so many samples."""
    min_robust_l2: float | None = None
    """Exit 1 if the median L2 at flip is below this; samples that never flip count as infinitely far."""
    max_success_rate: float | None = None
    """Exit 1 if more than this share of the attacked samples flips."""
    normal_classes: tuple[str, ...] = ()
    """Classes, by name or number, that mean that all is well; with them the summary tells dangerous flips (a finding
    becomes normal) from alarms."""
    unclassifiable_classes: tuple[str, ...] = ()
    """Classes that mean that a sample cannot be judged: flips into them are reported apart, as rejected."""
    export: str | None = None
    """Write each modified sample as a file and score the files again: png or npy."""
    log: Path | None = None
    """Append what happens to this file, one JSON object a line: progress, parts, failures, with counters."""
    metrics_port: int | None = None
    """Serve counters for Prometheus on this port, on this machine only (extra `prometheus`)."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """How videos become samples."""
    scale: tyro.conf.OmitArgPrefixes[Scale] = dataclasses.field(default_factory=Scale)
    """By how many workers, and up to what total."""
    run: tyro.conf.OmitArgPrefixes[RunFlags] = dataclasses.field(default_factory=RunFlags)
    """How the samples are attacked."""


def toml_defaults(path: Path) -> AuditFlags:
    """The flags that a TOML file states.

    Raises:
        InputError: it cannot be read, or has a key that is no flag.
    """
    own, of, run = get_type_hints(AuditFlags), get_type_hints(VictimFlags), get_type_hints(RunFlags)
    signals, clips = get_type_hints(SignalFlags), get_type_hints(ClipFlags)
    scale = get_type_hints(Scale)
    del own["run"], own["model"], own["config"], own["signals"], own["clips"], own["scale"]
    values = read_toml(path, own | of | run | signals | clips | scale)
    missing: Any = tyro.MISSING
    return AuditFlags(
        **({"data": missing, "config": path} | {key: values[key] for key in own if key in values}),
        model=VictimFlags(**({"victim": missing} | {key: values[key] for key in of if key in values})),
        signals=SignalFlags(**{key: values[key] for key in signals if key in values}),
        clips=ClipFlags(**{key: values[key] for key in clips if key in values}),
        scale=Scale(**{key: values[key] for key in scale if key in values}),
        run=RunFlags(**{key: values[key] for key in run if key in values}),
    )


def run_audit(flags: AuditFlags) -> int:
    """Run the audit; returns the exit code.

    Raises:
        BrinkmapError: bad input, or a victim that failed altogether.
    """
    run = run_of(flags.run)
    victim = victim_of(flags.model)
    data = data_for(victim, flags.data, flags.limit, flags.signals, flags.clips)
    demands = Demands(min_robust_l2=flags.min_robust_l2, max_success_rate=flags.max_success_rate)
    meaning = _meaning(flags, data)
    presentation = Presentation(
        title=f"Robustness of {flags.model.victim} on {flags.data}", class_names=data.class_names, export=flags.export
    )
    source = source_of(flags.model, flags.data, data.checksum)
    how = {"demands": demands, "presentation": presentation, "source": source, "meaning": meaning}
    with observed(flags.log, flags.metrics_port, str(flags.out)), Progress(len(data) * len(run.l2_bounds)) as progress:
        done = _audited(flags, victim, data, run, progress, how)
    print_audit(done)
    return 0 if done.passed else 1


def _audited(
    flags: AuditFlags, victim: Victim, data: DataSet, run: Any, progress: Progress, how: dict[str, Any]
) -> Audit:
    """By one process, or by a campaign where the flags, or what is in the folder, ask for one."""
    if flags.scale == Scale() and not is_url(flags.out) and not is_campaign(flags.out):
        return audit(victim, data, data.labels, run, out=flags.out, watch=progress.watch, **how)
    make = functools.partial(victim_of, flags.model)
    return campaign(
        make, data, data.labels, run, flags.scale, out=flags.out, watch=progress.advance, victim=victim, **how
    )


def _meaning(flags: AuditFlags, data: DataSet) -> Meaning | None:
    """What the classes mean, where the flags say so."""
    if not flags.normal_classes and not flags.unclassifiable_classes:
        return None
    return meaning_of(flags.normal_classes, flags.unclassifiable_classes, data.class_names)
