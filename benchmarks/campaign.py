"""What several workers bring, and what a campaign of 100,000 samples costs in memory.

    python benchmarks/campaign.py                both; writes docs/results/campaign.json, .md and .png
    python benchmarks/campaign.py speed          two workers against one, and against a plain audit
    python benchmarks/campaign.py memory         100,000 samples, streamed, with the memory of all processes over time
    python benchmarks/campaign.py ... --quick    a hundredth of it, to see that it works; writes to a temporary folder

Every run is a process of its own; one thread for the victim in all of them. For figures to quote, nothing else may run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")

import numpy as np

import brinkmap
from brinkmap.campaign import Progressed, Scale, campaign
from brinkmap.data import digits_heldout
from brinkmap.victims import load_victim

ROOT = Path(__file__).resolve().parents[1]
SPEED = {"samples": 10_000, "budget": 100, "repeats": 3}
MEMORY = {"samples": 100_000, "budget": 8}
QUICK = 100
MODES = ("audit", "one worker", "two workers")
WATCH_S = 0.5


@dataclass(frozen=True)
class JitteredDigits:
    """The held-out digits over and over, each time moved by up to a pixel and with a little noise, made when read."""

    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[np.ndarray]:
        digits, _ = digits_heldout()
        for index in range(self.count):
            rng = np.random.default_rng(index)
            moved = np.roll(digits[index % len(digits)], rng.integers(-1, 2, 2), axis=(1, 2))
            noisy = moved + rng.normal(0, 0.02, moved.shape)
            yield np.clip(noisy, 0, 1).astype(np.float32)

    @property
    def labels(self) -> np.ndarray:
        return np.resize(digits_heldout()[1], self.count)


def run_one(mode: str, count: int, budget: int, out: Path) -> dict[str, Any]:
    """One run of one mode, timed from when the (first) worker was ready until the last result was there."""
    samples, run = JitteredDigits(count), brinkmap.Run(agent="random", budget=budget)
    make, stamps = partial(load_victim, "digits"), list[tuple[float, float]]()

    def watch(*_: Any) -> None:
        stamps.append((time.perf_counter(), time.process_time()))

    began = time.perf_counter()
    if mode == "audit":
        done = brinkmap.audit(make(), samples, samples.labels, run, out=out, watch=watch)
    else:
        done = campaign(
            make, samples, samples.labels, run, scale_of(mode), out=out, watch=watch, crew=crew_of(mode)
        )  # fmt: skip
    summary, wall = done.summary, time.perf_counter() - began
    return {
        "mode": mode,
        "seconds": summary["seconds"] - (summary.get("start_seconds") or 0.0),
        "start_seconds": summary.get("start_seconds"),
        "wall_seconds": wall,
        "queries": summary["ledger_total"],
        "queries_lost": summary["queries_lost"],
        "driver_cpu_seconds": stamps[-1][1] - stamps[0][1],
        "results_bytes": (out / "results.parquet").stat().st_size,
        "parts_bytes": sum(path.stat().st_size for path in (out / "parts").iterdir()),
        "flipped": summary["successes"],
    }


def scale_of(mode: str) -> Scale:
    return Scale(workers=2 if mode == "two workers" else 1)


def crew_of(mode: str) -> Callable[[], Any]:
    """Ray for one worker too, so that only the number differs."""
    from brinkmap.campaign.ray_crew import RayCrew

    return lambda: RayCrew(scale_of(mode).workers, None)


def in_a_process(*words: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, "one", *words], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def measure_speed(samples: int, budget: int, repeats: int) -> dict[str, Any]:
    """The modes in turn, so that what else the machine does falls on all of them."""
    runs: dict[str, list[dict[str, Any]]] = {mode: [] for mode in MODES}
    for repeat in range(repeats):
        for mode in MODES if repeat % 2 == 0 else reversed(MODES):
            with tempfile.TemporaryDirectory() as folder:
                runs[mode].append(in_a_process(mode, str(samples), str(budget), folder))
            one = runs[mode][-1]
            print(f"{mode:12s} {one['seconds']:7.1f} s, {one['queries'] / one['seconds']:8,.0f} queries/s", flush=True)
    seconds = {mode: statistics.median(one["seconds"] for one in ran) for mode, ran in runs.items()}
    ratios = {
        mode: [one["seconds"] / two["seconds"] for one, two in zip(runs[mode], runs["two workers"], strict=True)]
        for mode in MODES[:2]
    }
    return {
        "samples": samples,
        "budget": budget,
        "runs": runs,
        "seconds": seconds,
        "ratio": {mode: statistics.median(values) for mode, values in ratios.items()},
        "ratio_range": {mode: [min(values), max(values)] for mode, values in ratios.items()},
        "driver_cpu_ms_a_sample": 1e3 * runs["two workers"][-1]["driver_cpu_seconds"] / samples,
        "ms_a_sample_over_audit": 1e3 * (seconds["one worker"] - seconds["audit"]) / samples,
        "load_average": os.getloadavg()[2],
    }


def resident_mib(pids: list[int]) -> float:
    """Resident memory of processes that are still there."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
    return total / 1024


def processes_below(pid: int) -> dict[int, str]:
    """All descendants with their names."""
    parents, names = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = path.read_text().split("(", 1)[1].rsplit(")", 1)
        except OSError:
            continue
        parents[int(path.parent.name)], names[int(path.parent.name)] = int(rest.split()[1]), name
    found, last = {pid}, 0
    while len(found) != last:
        last = len(found)
        found |= {one for one, parent in parents.items() if parent in found}
    return {one: names[one] for one in found - {pid}}


def measure_memory(samples: int, budget: int) -> dict[str, Any]:
    """One campaign of two workers in this process, with the memory of all its processes every second."""
    digits, run = JitteredDigits(samples), brinkmap.Run(agent="random", budget=budget)
    rows: list[dict[str, float]] = []
    stop, began = threading.Event(), time.perf_counter()
    finished = 0

    def watch(brought: Progressed) -> None:
        nonlocal finished
        finished += brought.finished

    def look() -> None:
        while not stop.wait(WATCH_S):
            below = processes_below(os.getpid())
            hands = [pid for pid, name in below.items() if name.startswith("ray::_Hand")]
            rows.append({
                "seconds": round(time.perf_counter() - began, 1), "finished": finished,
                "driver": round(resident_mib([os.getpid()]), 1), "workers": round(resident_mib(hands), 1),
                "count": len(hands), "ray": round(resident_mib([pid for pid in below if pid not in hands]), 1),
            })  # fmt: skip

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = campaign(
                partial(load_victim, "digits"), digits, digits.labels, run, Scale(workers=2), out=folder, watch=watch
            )
            bytes_a_row = (Path(folder) / "results.parquet").stat().st_size / samples
    finally:
        stop.set()
        watcher.join()
    summary, wall = done.summary, time.perf_counter() - began
    started = [row for row in rows if row["count"] == 2]
    attacking = [row for row in started if 0.1 * samples <= row["finished"] < samples] or started
    fifth = max(1, len(attacking) // 5)
    early, late = attacking[:fifth], attacking[-fifth:]
    growth = {
        who: statistics.median(row[who] for row in late) - statistics.median(row[who] for row in early)
        for who in ("driver", "workers")
    }
    return {
        "samples": samples, "budget": budget, "queries": summary["ledger_total"], "lost": summary["queries_lost"],
        "attack_seconds": summary["seconds"] - summary["start_seconds"], "start_seconds": summary["start_seconds"],
        "wall_seconds": wall, "bytes_a_row": bytes_a_row, "rows": rows, "growth_mib": growth,
        "peak_mib": {
            "driver": max(row["driver"] for row in attacking),
            "driver with merge and report": max(row["driver"] for row in rows),
            "workers": max(row["workers"] for row in rows),
            "ray": max(row["ray"] for row in rows),
        },
        "load_average": os.getloadavg()[2],
    }  # fmt: skip


def draw(memory: dict[str, Any], path: Path) -> None:
    """Memory over time."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = memory["rows"]
    figure = Figure(figsize=(6.4, 3.2), dpi=110, layout="constrained")
    axes = figure.add_subplot()
    for who, said in (("driver", "driver"), ("workers", "both workers together"), ("ray", "Ray's own processes")):
        axes.plot([row["seconds"] for row in rows], [row[who] for row in rows], label=said, linewidth=1.4)
    over = max(row["seconds"] for row in rows if row["finished"] < memory["samples"])
    axes.axvline(over, color="0.6", linestyle=":", linewidth=1)
    axes.text(over, 0, " merge,\n report", va="bottom", fontsize=8, color="0.3")
    axes.set(xlabel="seconds", ylabel="resident MiB", ylim=(0, None), title=f"{memory['samples']:,} samples")
    axes.legend(frameon=False, fontsize=8)
    FigureCanvasAgg(figure).print_png(path)


PAGE = """# Campaigns: what workers bring, and what they cost

Made by `python benchmarks/campaign.py` (figures in `campaign.json`), on {machine}. The victim is the shipped digits
CNN on one thread, in every mode; the samples are the held-out digits, moved and with noise, made as they are read; the
agent is `random`.

{speed}{memory}"""
SPEED_PART = """## Two workers against one

{samples:,} samples, budget {budget}; {repeats} repeats, the modes in turn; medians. Seconds run from the moment the
first worker is ready to the last result, the driver's work on the same cores included. Making the workers takes
{start:.1f} s before that, once. Load of the machine during the runs: {load:.1f}.

| mode | seconds | queries a second |
|---|---|---|
{rows}
Two workers on Ray are {one:.2f} times as fast as one on Ray ({one_range}), and {audit:.2f} times as fast as a plain
audit ({audit_range}). Goal: 1.6.

Overhead: the driver's own processor time is {cpu:.2f} ms a sample; one worker on Ray takes {over:+.2f} ms a sample more
than a plain audit. Merged, a result takes {bytes_:.0f} bytes.

"""
MEMORY_PART = """## {samples:,} samples

Two workers, budget {budget}, {queries:,} queries in {seconds:.0f} s ({rate:,.0f} a second), {wall:.0f} s with start,
merge and report; {lost} queries lost. Load of the machine: {load:.1f}.

![Memory over time](campaign.png)

From the first fifth to the last fifth of the attack (from a tenth of the samples on), the driver's memory changes by
{driver:+.0f} MiB, that of both workers together by {workers:+.0f} MiB. Peaks: driver {attacking:.0f} MiB while
attacking and {merging:.0f} MiB in merge and report, which hold one row a sample without answers and plans; both workers
{both:.0f} MiB; Ray's own processes {ray:.0f} MiB. A merged result takes {bytes_:.0f} bytes.
"""


def page(figures: dict[str, Any]) -> str:
    """The results page."""
    speed, memory = figures.get("speed"), figures.get("memory")
    machine = f"{os.cpu_count()} cores ({platform.machine()})"
    return PAGE.format(machine=machine, speed=_speed(speed) if speed else "", memory=_memory(memory) if memory else "")


def _speed(speed: dict[str, Any]) -> str:
    runs, seconds = speed["runs"], speed["seconds"]
    rows = "".join(
        f"| {mode} | {seconds[mode]:.1f} | {runs[mode][-1]['queries'] / seconds[mode]:,.0f} |\n" for mode in MODES
    )
    ranges = speed["ratio_range"]
    one, audit = (" to ".join(f"{value:.2f}" for value in ranges[mode]) for mode in ("one worker", "audit"))
    return SPEED_PART.format(
        samples=speed["samples"], budget=speed["budget"], repeats=len(runs["audit"]), rows=rows,
        start=statistics.median(run["start_seconds"] for run in runs["two workers"]), load=speed["load_average"],
        one=speed["ratio"]["one worker"], audit=speed["ratio"]["audit"], one_range=one, audit_range=audit,
        cpu=speed["driver_cpu_ms_a_sample"], over=speed["ms_a_sample_over_audit"],
        bytes_=runs["audit"][-1]["results_bytes"] / speed["samples"],
    )  # fmt: skip


def _memory(memory: dict[str, Any]) -> str:
    return MEMORY_PART.format(
        samples=memory["samples"], budget=memory["budget"], queries=memory["queries"], seconds=memory["attack_seconds"],
        rate=memory["queries"] / memory["attack_seconds"], wall=memory["wall_seconds"], lost=memory["lost"],
        load=memory["load_average"], driver=memory["growth_mib"]["driver"], workers=memory["growth_mib"]["workers"],
        attacking=memory["peak_mib"]["driver"], merging=memory["peak_mib"]["driver with merge and report"],
        both=memory["peak_mib"]["workers"], ray=memory["peak_mib"]["ray"], bytes_=memory["bytes_a_row"],
    )  # fmt: skip


def main() -> None:
    """Measure what is asked for, keep the rest as it was."""
    if sys.argv[1:2] == ["one"]:
        mode, samples, budget, out = sys.argv[2:]
        print(json.dumps(run_one(mode, int(samples), int(budget), Path(out))))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["speed", "memory", []], help="none given means both")
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    what, part = asked.what or ["speed", "memory"], QUICK if asked.quick else 1
    folder = Path(tempfile.mkdtemp()) if asked.quick else ROOT / "docs" / "results"
    out = folder / "campaign.json"
    figures = json.loads(out.read_text()) if out.exists() else {}
    if "speed" in what:
        repeats = 1 if asked.quick else SPEED["repeats"]
        figures["speed"] = measure_speed(SPEED["samples"] // part, SPEED["budget"], repeats)
    if "memory" in what:
        figures["memory"] = measure_memory(MEMORY["samples"] // part, MEMORY["budget"])
        draw(figures["memory"], folder / "campaign.png")
    out.write_text(json.dumps(figures, indent=1) + "\n")
    out.with_suffix(".md").write_text(page(figures))
    print(f"written: {out}, campaign.md and campaign.png")


if __name__ == "__main__":
    main()
