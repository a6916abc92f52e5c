"""`brinkmap compare`: read a suite or make one from flags, run it, print."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from brinkmap.cli.clip_flags import ClipFlags
from brinkmap.cli.flags import TermFlags, run_of
from brinkmap.cli.signal_flags import SignalFlags
from brinkmap.cli.victim_data import data_for
from brinkmap.compare.comparison import Comparison, compare
from brinkmap.compare.contest import kept_cells
from brinkmap.compare.page import number, spread
from brinkmap.compare.suite import Cell, Contender, Suite, Target
from brinkmap.compare.suite_file import read_suite, target_of
from brinkmap.recorded import versions
from brinkmap.report import publish
from brinkmap.report.wording import command_line
from brinkmap.results import AttackResult
from brinkmap.session import Session
from brinkmap.victims import load_victim

__all__ = ["CompareFlags", "run_compare"]


@dataclass(frozen=True, kw_only=True)
class CompareFlags:
    """Run attacks, ours and others', on the same victims, samples, bound and budget, and say how they did.

    Examples:
        brinkmap compare --attacks credit square simba --max-l2 1 2
        brinkmap compare --victim model.onnx --data photos/ --attacks square simba-dct hopskipjump --max-l2 5
        brinkmap compare --suite benchmarks/suites/digits.toml --out results/digits
        brinkmap compare --suite cifar10-l2.toml --only-victims resnet20 --only-attacks square bandits

    Stopped half-way, the same command goes on where it was. Names of attacks: `brinkmap list`.
    """

    suite: Path | None = None
    """TOML file with victims, attacks and terms; then only --only-victims, --only-attacks and --out are read."""
    only_victims: tuple[str, ...] = ()
    """Of the suite, only these victims."""
    only_attacks: tuple[str, ...] = ()
    """Of the suite, only these attacks."""
    victim: str = "digits"
    """Without a suite: as `brinkmap audit --victim` takes it."""
    data: str = "digits"
    """Without a suite: as `brinkmap audit --data` takes it; labels are needed."""
    attacks: tuple[str, ...] = ("random", "credit", "square", "simba")
    """Without a suite: agents and attacks by name or path."""
    against: str | None = None
    """Without a suite: the attack that differences are taken to; none given means the first."""
    samples: int | None = 100
    """Without a suite: so many samples that the victim gets right."""
    seeds: tuple[int, ...] = (0,)
    """Without a suite: every attack runs with each of these."""
    out: Path = Path("compare-results")
    """Folder for report.html, compare.md, compare.json, compare.parquet and curves; the same command resumes there."""
    signals: tyro.conf.OmitArgPrefixes[SignalFlags] = dataclasses.field(default_factory=SignalFlags)
    """Without a suite: how recordings become samples."""
    clips: tyro.conf.OmitArgPrefixes[ClipFlags] = dataclasses.field(default_factory=ClipFlags)
    """Without a suite: how videos become samples."""
    run: tyro.conf.OmitArgPrefixes[TermFlags] = dataclasses.field(default_factory=TermFlags)
    """The terms that all attacks meet on."""


def run_compare(flags: CompareFlags) -> int:
    """Run the comparison; returns the exit code.

    Raises:
        BrinkmapError: bad input.
    """
    suite = _suite(flags)
    finished = sum(1 for _ in kept_cells(suite, flags.out))
    with _Bar(suite, finished) as bar:
        done = compare(suite, flags.out, bar.watch)
    facts = {"title": suite.title, "note": suite.note, "command": command_line(), "versions": versions()}
    _print(done, publish(flags.out, "compare", facts))
    return 0


def _suite(flags: CompareFlags) -> Suite:
    if flags.suite is not None:
        whole = read_suite(flags.suite)
        return whole.only("victim", flags.only_victims).only("attack", flags.only_attacks)
    return Suite(
        title=f"Attacks on {flags.victim}",
        targets=[_target(flags)],
        contenders=[Contender(name=name, run=run_of(flags.run, agent=name)) for name in flags.attacks],
        seeds=flags.seeds,
        samples=flags.samples,
        against=flags.against,
    )


def _target(flags: CompareFlags) -> Target:
    """Samples from code are as they are; others are read as the flags say."""
    if ":" in flags.data:
        return target_of(flags.victim, flags.victim, flags.data)

    def load() -> tuple[Any, Any, Any]:
        victim = load_victim(flags.victim)
        data = data_for(victim, flags.data, None, flags.signals, flags.clips)
        return victim, [*data], data.labels

    return Target(name=flags.victim, load=load, source=f"{flags.victim}, {flags.data}, {flags.signals}, {flags.clips}")


class _Bar:
    """A bar over all cells with ETA, on standard error."""

    def __init__(self, suite: Suite, finished: int) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("ETA"), TimeRemainingColumn(),
        )  # fmt: skip
        cells, each = sum(1 for _ in suite.cells()), suite.samples
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task("comparing", total=each and each * (cells - finished))
        self._cell: Cell | None = None

    def __enter__(self) -> _Bar:
        if self._bar.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def watch(self, cell: Cell, result: AttackResult, session: Session) -> None:
        """Take note of one more result."""
        if cell != self._cell:
            self._cell = cell
            said = f"{cell.target.name}: {cell.contender.name}, {cell.bound}, seed {cell.run.seed}"
            if not self._bar.console.is_terminal:
                self._bar.console.print(said, markup=False, highlight=False, soft_wrap=True)
            self._bar.update(self._task, description=escape(said))
        self._bar.update(self._task, advance=1)


def _print(done: Comparison, report: Path) -> None:
    console = Console()
    finished = [row for row in done.rows if "left_out" not in row]
    for track, bound in dict.fromkeys((row["track"], row["bound"]) for row in finished):
        table = Table(
            "victim", "attack", "ASR", "capped mean queries", "median", "L2", "queries/s",
            title=escape(f"{track}, {bound}"), title_justify="left",
        )  # fmt: skip
        for row in finished:
            if (row["track"], row["bound"]) == (track, bound):
                table.add_row(
                    escape(row["victim"]), escape(row["attack"]), f"{row['success_rate']:.3f}",
                    spread(row["queries_capped_mean"], row["queries_capped_interval"]), f"{row['queries_median']:.0f}",
                    number(row["l2_mean"], 2), f"{row['queries_a_second']:.0f}",
                )  # fmt: skip
        console.print(table)
    for row in done.rows:
        if "left_out" in row:
            said = f"left out: {row['attack']} on {row['victim']}, {row['bound']}: {row['left_out']}"
            console.print(said, style="yellow", markup=False, soft_wrap=True)
    console.print(f"Report: {report}", soft_wrap=True, markup=False, highlight=False)
