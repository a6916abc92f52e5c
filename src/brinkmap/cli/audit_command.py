"""`brinkmap audit`: load, audit, print."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import tyro

from brinkmap.audit import Audit, Demands, Presentation, audit
from brinkmap.cli.flags import RunFlags, read_toml, run_of
from brinkmap.cli.progress import Progress, print_audit
from brinkmap.cli.signal_flags import SignalFlags, data_of
from brinkmap.cli.victim_flags import VictimFlags, source_of, victim_of
from brinkmap.data import DataSet
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

    Exit codes: 0 fine, 1 a threshold was missed, 2 bad input.
    """

    model: tyro.conf.OmitArgPrefixes[VictimFlags]
    """The victim."""
    data: str
    """An .npz with x and y, a folder with a sub-folder of images for each class, a .csv of file,label, an ECG recording
    (.hea, .edf) or a folder of them, or a name such as `digits`."""
    config: Path | None = None
    """TOML file with any of these flags as keys; flags on the command line go before it."""
    out: Path = Path("brinkmap-results")
    """Folder for results, summary.json and report.html; the same command resumes there."""
    limit: int | None = None
    """Only the first so many samples."""
    min_robust_l2: float | None = None
    """Exit 1 if the median L2 at flip is below this; samples that never flip count as infinitely far."""
    max_success_rate: float | None = None
    """Exit 1 if more than this share of the attacked samples flips."""
    export: str | None = None
    """Write each modified sample as a file and score the files again: png or npy."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """How recordings become samples."""
    run: tyro.conf.OmitArgPrefixes[RunFlags] = dataclasses.field(default_factory=RunFlags)
    """How the samples are attacked."""


def toml_defaults(path: Path) -> AuditFlags:
    """The flags that a TOML file states.

    Raises:
        InputError: it cannot be read, or has a key that is no flag.
    """
    own, of, run = get_type_hints(AuditFlags), get_type_hints(VictimFlags), get_type_hints(RunFlags)
    signals = get_type_hints(SignalFlags)
    del own["run"], own["model"], own["config"], own["signals"]
    values = read_toml(path, own | of | run | signals)
    missing: Any = tyro.MISSING
    return AuditFlags(
        **({"data": missing, "config": path} | {key: values[key] for key in own if key in values}),
        model=VictimFlags(**({"victim": missing} | {key: values[key] for key in of if key in values})),
        signals=SignalFlags(**{key: values[key] for key in signals if key in values}),
        run=RunFlags(**{key: values[key] for key in run if key in values}),
    )


def run_audit(flags: AuditFlags) -> int:
    """Run the audit; returns the exit code.

    Raises:
        BrinkmapError: bad input, or a victim that failed altogether.
    """
    run = run_of(flags.run)
    victim = victim_of(flags.model)
    data = data_of(flags.signals, flags.data, flags.limit, getattr(victim, "rate_hz", None))
    demands = Demands(min_robust_l2=flags.min_robust_l2, max_success_rate=flags.max_success_rate)
    presentation = Presentation(
        title=f"Robustness of {flags.model.victim} on {flags.data}", class_names=data.class_names, export=flags.export
    )
    done = _with_progress(
        victim, data, run, flags.out, demands, presentation, source_of(flags.model, flags.data, data.checksum)
    )
    print_audit(done)
    return 0 if done.passed else 1


def _with_progress(
    victim: Victim, data: DataSet, run: Any, out: Path, demands: Demands, presentation: Presentation,
    source: dict[str, str],
) -> Audit:  # fmt: skip
    with Progress(len(data) * len(run.l2_bounds)) as progress:
        return audit(
            victim, data, data.labels, run,
            out=out, demands=demands, presentation=presentation, source=source, watch=progress.watch,
        )  # fmt: skip
