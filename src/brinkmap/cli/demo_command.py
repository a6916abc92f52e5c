"""`brinkmap demo`: an audit of a real classifier with nothing to download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from brinkmap.cli.audit_command import AuditFlags, run_audit
from brinkmap.cli.flags import RunFlags
from brinkmap.cli.victim_flags import VictimFlags

__all__ = ["DemoFlags", "run_demo"]


@dataclass(frozen=True, kw_only=True)
class DemoFlags:
    """Audit a small CNN on held-out handwritten digits, with natural distortions. Seconds, no network.

    Examples:
        brinkmap demo
        brinkmap demo --samples 300 --budget 500
    """

    out: Path = Path("demo-results")
    """Folder for results, summary.json and report.html."""
    samples: int = 100
    """How many of the 540 held-out digits."""
    budget: int = 200
    """Queries a digit may cost."""
    refine_budget: int = 50
    """Queries on top for taking distortion away again."""


def run_demo(flags: DemoFlags) -> int:
    """Run the demo; returns the exit code."""
    run = RunFlags(patch=("1", "2"), budget=flags.budget, refine_budget=flags.refine_budget)
    victim = VictimFlags(victim="digits")
    return run_audit(AuditFlags(model=victim, data="digits", out=str(flags.out), limit=flags.samples, run=run))
