"""The `brinkmap` command. Exit codes: 0 fine, 1 a threshold was missed, 2 bad input, 130 interrupted."""

from __future__ import annotations

import argparse
import inspect
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

COMMANDS: dict[type, Any] = {
    AuditFlags: run_audit,
    BenchmarkFlags: run_benchmark,
    CheckFlags: run_check,
    CompareFlags: run_compare,
    DemoFlags: run_demo,
    ExplainFlags: run_explain,
    HardenFlags: run_harden,
    LeaderboardFlags: run_leaderboard,
    ListFlags: run_list,
    RenderFlags: run_render,
    ReportFlags: run_report,
    ServeFlags: run_serve,
    StatusFlags: run_status,
    TrainFlags: run_train,
}


def main(args: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    args = list(sys.argv[1:] if args is None else args)
    try:
        flags = _parsed(args)
        return int(COMMANDS[type(flags)](flags))
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
    audit: Any = Annotated[AuditFlags, _command("audit", AuditFlags, default=given)]
    benchmarking: Any = Annotated[BenchmarkFlags, _command("benchmark", BenchmarkFlags)]
    boarding: Any = Annotated[LeaderboardFlags, _command("leaderboard", LeaderboardFlags)]
    checking: Any = Annotated[CheckFlags, _command("check", CheckFlags)]
    comparing: Any = Annotated[CompareFlags, _command("compare", CompareFlags)]
    demo: Any = Annotated[DemoFlags, _command("demo", DemoFlags)]
    explaining: Any = Annotated[ExplainFlags, _command("explain", ExplainFlags)]
    train: Any = Annotated[TrainFlags, _command("train", TrainFlags)]
    hardening: Any = Annotated[HardenFlags, _command("harden", HardenFlags)]
    rendering: Any = Annotated[RenderFlags, _command("render", RenderFlags)]
    reporting: Any = Annotated[ReportFlags, _command("report", ReportFlags)]
    serving: Any = Annotated[ServeFlags, _command("serve", ServeFlags)]
    status: Any = Annotated[StatusFlags, _command("status", StatusFlags)]
    listing: Any = Annotated[ListFlags, _command("list", ListFlags)]
    description = "How little natural distortion makes a classifier change its mind, and where it has to be put."
    return tyro.cli(
        audit
        | benchmarking
        | boarding
        | checking
        | comparing
        | demo
        | explaining
        | hardening
        | listing
        | rendering
        | reporting
        | serving
        | status
        | train,
        args=args,
        prog="brinkmap",
        description=description,
        config=(tyro.conf.OmitSubcommandPrefixes,),
    )


def _command(name: str, flags: type, default: Any = tyro.MISSING) -> Any:
    """A subcommand whose help has the whole docstring, examples included."""
    said = {} if default is tyro.MISSING else {"default": default}
    return tyro.conf.subcommand(name, description=inspect.getdoc(flags), **said)
