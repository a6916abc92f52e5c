"""Attacks side by side, and the tables of the papers redone: docs/results/compare.md.

    python benchmarks/compare.py                       every suite that is not finished, then the page; hours
    python benchmarks/compare.py --suites cifar10-l2   these only
    python benchmarks/compare.py --page                only the page, from what is finished

Each suite is `brinkmap compare --suite benchmarks/suites/NAME.toml --out build/compare/NAME`, resumable; figures, pages
and curves of each are kept in docs/results/compare/NAME.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from brinkmap.compare.comparison import write_comparison
from brinkmap.compare.page import figure_table, number, spread, table
from brinkmap.compare.suite_file import read_suite
from published import FLAWS, TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_5

ROOT = Path(__file__).resolve().parents[1]
SUITES, BUILD, RESULTS = ROOT / "benchmarks" / "suites", ROOT / "build" / "compare", ROOT / "docs" / "results"
ORDER = (
    "digits", "cifar10-l2", "cifar10-robust", "cifar10-linf", "cifar10-natural", "imagenet-l2-5", "patch-size",
    "fixed-n", "architectures",
)  # fmt: skip
Row = dict[str, Any]


def rows_of(name: str) -> list[Row]:
    """The figures of a suite, those left out excepted; none where it has not been run."""
    path = RESULTS / "compare" / name / "compare.json"
    found = json.loads(path.read_text())["rows"] if path.is_file() else []
    return [row for row in found if "left_out" not in row]


def keep(name: str) -> None:
    """Keep of a suite what is small enough for the repository."""
    if not (BUILD / name / "compare.json").is_file():
        return
    folder = RESULTS / "compare" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for path in sorted(BUILD.joinpath(name).glob("*")):
        if path.suffix in (".json", ".md", ".png", ".parquet"):
            shutil.copy(path, folder)


def picked(rows: Sequence[Row], head: Sequence[str], cells: Callable[[Row], Sequence[Any]]) -> str:
    """Some columns of some rows."""
    return table(head, [cells(row) for row in rows]) if rows else "Not measured yet.\n"


def measured(row: Row) -> list[str]:
    """Queries, L2, success and visibility of one row."""
    return [
        spread(row["queries_capped_mean"], row["queries_capped_interval"]), number(row["published_steps_mean"], 1),
        f"{row['success_rate'] * 100:.1f}", number(row["l2_mean"], 2), number(row["ssim_mean"], 3),
        number(row["psnr_db_mean"], 1), f"{row['samples']}",
    ]  # fmt: skip


OURS = ["capped mean queries (95 %)", "published steps", "ASR %", "L2", "SSIM", "PSNR dB", "samples"]


def tables() -> str:
    """The papers' five tables, published and redone."""
    imagenet, cifar = rows_of("imagenet-l2-5"), rows_of("cifar10-l2")
    natural, sizes, fixed = rows_of("cifar10-natural"), rows_of("patch-size"), rows_of("fixed-n")
    parts = [
        "## Tables 1 and 2: ImageNet\n",
        "Ours: L2 <= 5 on pixels 0..1, budget 1,000, failures at the full budget.\n",
        picked(imagenet, ["attack", "victim", *OURS], lambda row: [row["attack"], row["victim"], *measured(row)]),
        "As published, ResNet-50 (table 1):\n", table(["attack", "AVG.Q", "L2", "ASR %"], TABLE_1),
        "As published, Inception-v3 and VGG-16 (table 2):\n",
        table(["attack", "ASR % Inception-v3", "AVG.Q", "ASR % VGG-16", "AVG.Q"], TABLE_2),
        "## Table 3: CIFAR-10\n",
        "Ours: under a bound, budget 200; then natural filters without a bound, budget 200 and up to 40 to refine.\n",
        picked(cifar, ["attack", "victim", "bound", *OURS],
               lambda row: [row["attack"], row["victim"], row["bound"], *measured(row)]),
        picked(natural, ["attack, natural filters", "victim", *OURS],
               lambda row: [row["attack"], row["victim"], *measured(row)]),
        "As published, ResNet-50, no norm stated (table 3):\n", table(["attack", "AVG.Q", "S. rate %"], TABLE_3),
        "## Table 4: how many patches a step\n",
        "Ours: ResNet-20, natural filters, no bound, budget 200, the trained agent; N cells change at most at once.\n",
        picked(fixed, ["N", *OURS], lambda row: [row["attack"], *measured(row)]),
        "As published, ImageNet, ResNet-50 (table 4):\n", table(["approach", "AVG.Q", "L2"], TABLE_4),
        "## Table 5: patch size\n",
        "Ours: MobileNet v2, Gaussian noise, no bound, budget 1,000 and up to 100 to refine.\n",
        picked(sizes, ["attack", *OURS], lambda row: [row["attack"], *measured(row)]),
        "As published, ImageNet, ResNet-50 (table 5):\n", table(["patch", "AVG.Q", "L2", "ASR %"], TABLE_5),
    ]  # fmt: skip
    return "\n".join(parts)


def architectures() -> str:
    """One unchanged agent against every kind of victim."""
    rows = rows_of("architectures")
    facts = {target.name: target.facts for target in read_suite(SUITES / "architectures.toml").targets}
    head = ["victim", "kind", "parameters", "clean accuracy", "attack", *OURS]

    def cells(row: Row) -> list[Any]:
        known = facts[row["victim"]]
        shown = [row["victim"], known.get("kind", "-"), known.get("parameters", "-"), f"{row['clean_accuracy']:.3f}"]
        return [*shown, row["attack"], *measured(row)]

    return picked(rows, head, cells)


def page() -> None:
    """docs/results/compare.md, from what is finished."""
    notes = RESULTS / "compare-notes.md"
    whole = [name for name in ORDER if rows_of(name)]
    links = "".join(f"- [{name}](compare/{name}/compare.md)\n" for name in whole)
    queries = sum(row["ledger_total"] for name in whole for row in rows_of(name))
    text = f"""# Attacks side by side, and the papers' tables redone

Made by `python benchmarks/compare.py` from the suites in `benchmarks/suites`; every query went through the same meter
({queries:,d} in all) and the sum of all samples' queries equals the ledger in every row. Distances are on pixels scaled
to 0..1; L2, SSIM and PSNR are means over flips. One seed an attack unless a suite's page says otherwise.

Suites, with success and distance against queries, paired differences and times:

{links}
## What is wrong with the published figures

{FLAWS}

{tables()}
## Does success hold across architectures?

One agent with the same settings against every victim: natural filters, no bound, budget 200, up to 40 to refine.

{architectures()}
## Digits

{figure_table([row for row in rows_of("digits") if row["track"] != "natural"])}
{figure_table([row for row in rows_of("digits") if row["track"] == "natural"])}
{notes.read_text() if notes.is_file() else ""}"""
    (RESULTS / "compare.md").write_text(text.rstrip() + "\n")
    print(f"written: {RESULTS / 'compare.md'}")


def main() -> None:
    """Run what is asked for, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--suites", nargs="*", default=ORDER)
    asked.add_argument("--page", action="store_true")
    given = asked.parse_args()
    for name in given.suites:
        if given.page and (BUILD / name / "cells").is_dir():
            write_comparison(read_suite(SUITES / f"{name}.toml"), BUILD / name)
        elif not given.page:
            command = ["-m", "brinkmap", "compare", "--suite", SUITES / f"{name}.toml", "--out", BUILD / name]
            subprocess.run([sys.executable, *map(str, command)], check=True)
        keep(name)
    page()


if __name__ == "__main__":
    main()
