"""The learned agent beside its controls, its ablations and its break-even: docs/results/agent.md.

    python benchmarks/agent.py                    all that is not measured yet; hours on two cores
    python benchmarks/agent.py headline parts     these tables only
    python benchmarks/agent.py --again headline   measured anew
    python benchmarks/agent.py --as-is            with the agents that are trained by now, however few seeds
    python benchmarks/agent.py --page             only write the page from docs/results/agent.json

CIFAR-10, the 460 lossless test images, the first 200 that the victim gets right; agents were trained on the 10,000
JPEG training images. Failures count at the full budget. Every row's figures are kept in docs/results/agent.json as soon
as they are measured; trained agents are kept under build/agents and made by scripts/train_agents.py where missing.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import brinkmap
from agent_cases import AGENTS, ROOT, Case, cases, plain
from agent_page import write_page
from brinkmap.errors import InputError
from brinkmap.metrics import bootstrap_interval
from real_data import cifar_images, cifar_victim, correct

RESULTS = ROOT / "docs" / "results" / "agent.json"
EARLY = (2, 3, 5, 10, 20, 50)


def measure(case: Case, seeds: tuple[int, ...]) -> dict[str, Any]:
    """The figures of one row, over these seeds."""
    victim = cifar_victim(case.victim)
    x, y = correct(victim, *cifar_images(), case.samples)
    capped, flipped, rows, seconds, cpu = [], [], [], 0.0, 0.0
    for seed in seeds:
        run = brinkmap.Run(agent=case.agent(seed), seed=seed, **case.settings)
        clock, processor = time.perf_counter(), time.process_time()
        results = sorted(brinkmap.attack(victim, x, y, run), key=lambda result: result.index)
        seconds += time.perf_counter() - clock
        cpu += time.process_time() - processor
        assert all(result.attacked for result in results), [result.error for result in results]
        capped.append([result.queries_to_flip or run.budget for result in results])
        flipped.append([result.success for result in results])
        rows += results
    by_sample = np.mean(capped, axis=0)
    won = [result for result in rows if result.success]
    queries = sum(result.queries for result in rows)
    to_flip = np.array([result.queries_to_flip or np.inf for result in rows])
    return {
        "table": case.table, "title": case.title, "victim": case.victim, "settings": plain(case.settings),
        "seeds": len(seeds), "samples": len(x), "training": case.training,
        "asr": round(float(np.mean(flipped)), 3),
        "asr_by_seed": [round(float(np.mean(one)), 3) for one in flipped],
        "asr_at": {str(count): round(float(np.mean(to_flip <= count)), 3) for count in EARLY},
        "queries_capped_mean": round(float(by_sample.mean()), 1),
        "by_seed": [round(float(np.mean(one)), 1) for one in capped],
        "interval": [round(one, 1) for one in bootstrap_interval(by_sample, seed=0)],
        "capped_by_sample": [round(float(one), 2) for one in by_sample],
        "queries_spent_mean": round(queries / len(rows), 1),
        "l2_mean": round(float(np.mean([one.l2 for one in won])), 3) if won else None,
        "l2_at_flip_mean": _at_flip(won),
        "milliseconds_a_query": round(1000 * seconds / queries, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


def _at_flip(won: list[brinkmap.AttackResult]) -> float | None:
    """The mean L2 at the first flip: the end's where nothing was refined, else as traces have it."""
    found = [one.l2_at_flip for one in won if one.l2_at_flip is not None]
    return round(float(np.mean(found)), 3) if found else None


def agent_file(need: str, seed: int) -> Path:
    """Where a trained agent is."""
    return AGENTS / need.format(seed=seed) / "cifar10.safetensors"


def make_agents(needs: tuple[str, ...], seeds: tuple[int, ...]) -> None:
    """Train what is missing; folders are named [victim-][labels-]q<queries>-s<seed>, with ppo<patch>at<L2>- before."""
    for need in needs:
        for seed in seeds:
            if agent_file(need, seed).is_file():
                continue
            folder = agent_file(need, seed).parent
            name, _, _ = folder.name.rpartition("-s")
            command = [sys.executable, ROOT / "scripts" / "train_agents.py", "cifar10", "--seed", seed, "--out", folder]
            queries = 0
            for part in name.split("-"):
                if part[0] == "q" and part[1:].isdigit():
                    queries = int(part[1:])
                elif part.startswith("ppo"):
                    command += ["--ppo", *part.removeprefix("ppo").split("at")]
                else:
                    command += ["--labels"] if part == "labels" else ["--victim", part]
            command += ["--queries", queries]
            subprocess.run([str(one) for one in command], check=True)


def main() -> None:
    """Measure what is asked for and not known yet, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("tables", nargs="*")
    asked.add_argument("--again", action="store_true")
    asked.add_argument("--as-is", action="store_true")
    asked.add_argument("--seeds", type=int, default=5, help="so many seeds at most")
    asked.add_argument("--page", action="store_true")
    asked.add_argument("--threads", type=int, default=2)
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for case in () if given.page else cases():
        if given.tables and case.table not in given.tables:
            continue
        if not given.as_is:
            make_agents(case.needs, case.seeds[: given.seeds])
        seeds = tuple(seed for seed in case.seeds if all(agent_file(need, seed).is_file() for need in case.needs))
        seeds = seeds[: given.seeds]
        if not seeds or (known.get(case.key, {}).get("seeds", 0) >= len(seeds) and not given.again):
            continue
        try:
            figures = measure(case, seeds)
        except InputError as error:
            print(f"{case.table} | {case.title}: left out: {error}", file=sys.stderr)
            continue
        known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}  # others may be measuring too
        known[case.key] = figures
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        shown = {name: figures[name] for name in ("queries_capped_mean", "interval", "asr", "l2_mean")}
        print(f"{case.table} | {case.victim} | {case.title} | {case.settings.get('max_l2')}: {shown}", flush=True)
    write_page(known, Path(RESULTS).with_suffix(".md"))


if __name__ == "__main__":
    main()
