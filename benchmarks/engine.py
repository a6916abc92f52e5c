"""What the engine costs beside the victim: share of the victim's own peak rate, and memory over a stream of samples.

    python benchmarks/engine.py            both; writes docs/results/engine.json
    python benchmarks/engine.py rates      the shares only
    python benchmarks/engine.py memory     the memory only

The peak is measured by itself, at the best of several batch sizes, right before and right after each attack, so that
attack and peak are compared within one run on one machine. Every figure is a median over repeats.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import brinkmap
from brinkmap.attack import first_of, results_of
from brinkmap.data import digits_heldout
from brinkmap.session import Session
from brinkmap.victims import load_victim
from real_data import cifar_images, cifar_victim

SAMPLES, REPEATS = 256, 3
RUNS = {
    "natural filters, no bound, budget 200": {"budget": 200},
    "tint, L2 <= 1.0, budget 200": {"budget": 200, "max_l2": 1.0, "distortions": ("tint",)},
}
STREAM = (1_000, 10_000, 100_000)


def slow_callable() -> brinkmap.Victim:
    """Spins 0.1 ms a sample, whatever the batch, and answers by the mean; the engine has no core left to hide on."""

    def answer(batch):
        until = time.perf_counter() + 1e-4 * len(batch)
        share = batch.mean(axis=(1, 2, 3))
        while time.perf_counter() < until:
            pass
        steep = 1 / (1 + np.exp(20 * (share - 0.5)))
        return np.stack([steep, 1 - steep], axis=1)

    return brinkmap.wrap(answer, shape=(3, 32, 32), classes=2)


def peak_rate(victim: brinkmap.Victim, x: np.ndarray) -> float:
    """Samples a second at the best batch size, the victim alone."""
    best = 0.0
    for size in (16, 32, 64, 128, 256):
        rounds = []
        for _ in range(4):
            began = time.perf_counter()
            for start in range(0, SAMPLES, size):
                victim.predict(x[start : start + size])
            rounds.append(SAMPLES / (time.perf_counter() - began))
        best = max(best, statistics.median(rounds[1:]))
    return best


def attack_rate(victim: brinkmap.Victim, x: np.ndarray, settings: dict) -> tuple[float, float, int]:
    """Queries a second and the share of time inside the victim, for one attack on all samples."""
    first, samples = first_of(x, None, victim.bounds)
    session = Session(victim, first.shape, brinkmap.Run(agent="random", **settings))
    began = time.perf_counter()
    for _ in results_of(session, samples, None):
        pass
    seconds = time.perf_counter() - began
    ledger = session.metered.ledger
    return ledger.total / seconds, ledger.victim_seconds / seconds, ledger.total


def measure_rates() -> list[dict]:
    """One row for each victim and run."""
    cifar = np.moveaxis(cifar_images()[0][:SAMPLES], -1, 1).astype(np.float32) / 255
    victims = {
        "digits CNN": (load_victim("digits"), digits_heldout()[0][:SAMPLES]),
        "ResNet-20": (cifar_victim("resnet20"), cifar),
        "callable, 0.1 ms a sample": (slow_callable(), cifar),
    }
    rows = []
    for name, (victim, x) in victims.items():
        for what, settings in RUNS.items():
            measured = []
            for _ in range(REPEATS):
                before = peak_rate(victim, x)
                rate, inside, queries = attack_rate(victim, x, settings)
                peak = (before + peak_rate(victim, x)) / 2
                measured.append((rate / peak, inside, rate, peak))
            share, inside, rate, peak = (statistics.median(column) for column in zip(*measured, strict=True))
            spread = [round(min(m[0] for m in measured), 3), round(max(m[0] for m in measured), 3)]
            rows.append(
                {"victim": name, "run": what, "queries": queries, "peak_rate": round(peak),
                 "achieved_rate": round(rate), "share_of_peak": round(share, 3), "share_range": spread,
                 "time_in_victim": round(inside, 3)}
            )  # fmt: skip
            print(f"{name:26s} {what:40s} {share:6.1%} of peak {spread}, {inside:6.1%} in victim", flush=True)
    return rows


def measure_memory() -> list[dict]:
    """Peak resident memory of a fresh process that attacks a stream of so many samples."""
    rows = []
    for count in STREAM:
        done = subprocess.run(
            [sys.executable, __file__, "stream", str(count)], check=True, capture_output=True, text=True
        )
        rows.append(json.loads(done.stdout))
        print(rows[-1], flush=True)
    return rows


def stream(count: int) -> None:
    """Attack generated samples with the random agent, keep nothing, print the peak memory."""
    import resource

    weights = np.random.default_rng(0).standard_normal((3, 16, 16)).astype(np.float32) / 8

    def answer(batch):
        share = 1 / (1 + np.exp(-np.einsum("ncij,cij->n", batch - 0.5, weights)))
        return np.stack([share, 1 - share], axis=1)

    def samples():
        rng = np.random.default_rng(1)
        for _ in range(count):
            yield rng.random((3, 16, 16), dtype=np.float32)

    victim = brinkmap.wrap(answer, shape=(3, 16, 16), classes=2)
    run = brinkmap.Run(agent="random", budget=10)
    began, queries = time.perf_counter(), 0
    for result in brinkmap.attack(victim, samples(), None, run):
        queries += result.queries
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - began
    print(json.dumps({"samples": count, "queries": queries, "peak_mib": round(peak, 1), "seconds": round(seconds, 1)}))


PAGE = """# What the engine costs beside the victim

Made by `python benchmarks/engine.py` (figures in `engine.json`), on {machine}.

## Share of the victim's own peak rate

{samples} samples, random agent, 4 x 4 patches (digits: 1 x 1). The peak is the victim alone at its best batch size,
measured right before and right after each attack; medians of {repeats} repeats, least and greatest share in brackets.
"In victim" is the share of the attack's time spent inside `predict`; what is missing between the two is the victim
working on smaller batches than its best, above all once most samples have flipped.

| victim | run | queries | peak /s | achieved /s | share of peak | in victim |
|---|---|---|---|---|---|---|
{rates}
## Memory over a stream

Samples 3 x 16 x 16 from a generator, linear victim, random agent, budget 10, results dropped as they come.

| samples | queries | peak resident MiB | seconds |
|---|---|---|---|
{memory}"""


def page(figures: dict) -> str:
    """The results page."""
    rates = "".join(
        f"| {r['victim']} | {r['run']} | {r['queries']:,} | {r['peak_rate']:,} | {r['achieved_rate']:,} | "
        f"{r['share_of_peak']:.1%} ({r['share_range'][0]:.1%} to {r['share_range'][1]:.1%}) | "
        f"{r['time_in_victim']:.1%} |\n"
        for r in figures.get("rates", ())
    )
    memory = "".join(
        f"| {r['samples']:,} | {r['queries']:,} | {r['peak_mib']} | {r['seconds']} |\n"
        for r in figures.get("memory", ())
    )
    machine = f"{os.cpu_count()} cores ({platform.machine()})"
    return PAGE.format(machine=machine, samples=SAMPLES, repeats=REPEATS, rates=rates, memory=memory)


def main() -> None:
    """Measure what is asked for, keep the rest as it was."""
    if sys.argv[1:2] == ["stream"]:
        stream(int(sys.argv[2]))
        return
    wanted = sys.argv[1:] or ["rates", "memory"]
    out = Path(__file__).resolve().parents[1] / "docs" / "results" / "engine.json"
    figures = json.loads(out.read_text()) if out.exists() else {}
    if "rates" in wanted:
        figures["rates"] = measure_rates()
    if "memory" in wanted:
        figures["memory"] = measure_memory()
    out.write_text(json.dumps(figures, indent=1) + "\n")
    out.with_suffix(".md").write_text(page(figures))
    print(f"written: {out} and engine.md")


if __name__ == "__main__":
    main()
