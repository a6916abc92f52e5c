"""The `brinkmap` command. Exit codes: 0 fine, 1 a threshold was missed, 2 bad input, 130 interrupted."""

from __future__ import annotations

import argparse
import functools
import inspect
import operator
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import tyro

from brinkmap.cli.audit_command import AuditFlags, run_audit, toml_defaults
from brinkmap.cli.benchmark_command import BenchmarkFlags, LeaderboardFlags, run_benchmark, run_leaderboard
from brinkmap.cli.check_command import CheckFlags, run_check
from brinkmap.cli.compare_command import CompareFlags, run_compare
from brinkmap.cli.demo_command import DemoFlags, run_demo
from brinkmap.cli.explain_command import ExplainFlags, run_explain
from brinkmap.cli.harden_command import HardenFlags, run_harden
from brinkmap.cli.list_command import ListFlags, run_list
from brinkmap.cli.render_command import RenderFlags, run_render
from brinkmap.cli.report_command import ReportFlags, run_report
from brinkmap.cli.serve_command import ServeFlags, run_serve
from brinkmap.cli.status_command import StatusFlags, run_status
from brinkmap.cli.train_command import TrainFlags, run_train
from brinkmap.errors import BrinkmapError

__all__ = ["main"]

COMMANDS: dict[str, tuple[type, Any]] = {
    "audit": (AuditFlags, run_audit),
    "benchmark": (BenchmarkFlags, run_benchmark),
    "leaderboard": (LeaderboardFlags, run_leaderboard),
    "check": (CheckFlags, run_check),
    "compare": (CompareFlags, run_compare),
    "demo": (DemoFlags, run_demo),
    "explain": (ExplainFlags, run_explain),
    "harden": (HardenFlags, run_harden),
    "list": (ListFlags, run_list),
    "render": (RenderFlags, run_render),
    "report": (ReportFlags, run_report),
    "serve": (ServeFlags, run_serve),
    "status": (StatusFlags, run_status),
    "train": (TrainFlags, run_train),
}
"""What each command is told by and what runs it, in the order of the help."""


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = list(sys.argv[1:] if args is None else args)
    try:
        flags = _parsed(args)
        return int(dict(COMMANDS.values())[type(flags)](flags))
    except (BrinkmapError, OSError) as error:  # OSError: a folder that cannot be written, a full disk
        print(f"brinkmap: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("brinkmap: interrupted; what is finished is kept, the same command goes on from there.", file=sys.stderr)
        return 130


def _parsed(args: list[str]) -> Any:
    peek = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    peek.add_argument("--config", type=Path)
    config = peek.parse_known_args(args)[0].config
    given = toml_defaults(config) if config is not None else tyro.MISSING
    commands: list[Any] = [
        Annotated[flags, _command(name, flags, given if name == "audit" else tyro.MISSING)]
        for name, (flags, _) in COMMANDS.items()
    ]
    description = "How little natural distortion makes a classifier change its mind, and where it has to be put."
    return tyro.cli(
        functools.reduce(operator.or_, commands),
        args=args,
        prog="brinkmap",
        description=description,
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )


def _command(name: str, flags: type, default: Any = tyro.MISSING) -> Any:
    """A subcommand whose help has the whole docstring, examples included."""
    said = {} if default is tyro.MISSING else {"default": default}
    return tyro.conf.subcommand(name, description=inspect.getdoc(flags), **said)
