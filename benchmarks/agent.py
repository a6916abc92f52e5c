"""The learned agent beside its controls, its ablations and its break-even: docs/results/agent.md.

    python benchmarks/agent.py                    all that is not measured yet; hours on two cores
    python benchmarks/agent.py headline parts     these tables only
    python benchmarks/agent.py --again headline   what is known of these rows is forgotten first
    python benchmarks/agent.py --as-is            with the agents that are trained by now, however few seeds
    python benchmarks/agent.py --page             only write the page from docs/results/agent.json
    python benchmarks/agent.py --card             only write figures from there into the card of the agent `cifar10`

CIFAR-10, the 460 lossless test images, the first 200 that the victim gets right; agents were trained on the 10,000
JPEG training images. Failures count at the full budget. Every run, one row with one seed, is kept in
docs/results/agent.json as soon as it is measured; a trained agent is made by scripts/train_agents.py under build/agents
where one is missing and a run of its is not known.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import brinkmap
from agent_cases import BEST, Case, cases, plain
from agent_makers import AGENTS, ROOT, agent_file
from agent_page import summary, write_page
from brinkmap.agents.response import ResponseAgent
from brinkmap.agents.saved import SUFFIX, load_agent
from brinkmap.agents.shipped import WEIGHTS
from brinkmap.errors import InputError
from real_data import cifar_images, cifar_victim, correct

CARD_NOTE = (
    "Queries are means over 200 lossless test images, the clean look included, failures counted at the budget of 200; "
    "docs/results/agent.md has intervals, other seeds and controls."
)
RESULTS = ROOT / "docs" / "results" / "agent.json"
COSTS = RESULTS.with_name("agent-costs.json")
FLAGS = {"labels": ["--labels"], "robust": ["--robust-l2", "0.5"]}
"""Of training, for parts of a folder's name."""


def measure(case: Case, seed: int) -> dict[str, Any]:
    """What one row's run with one seed came to."""
    victim = cifar_victim(case.victim)
    x, y = correct(victim, *cifar_images(), case.samples)
    run = brinkmap.Run(agent=case.agent(seed), seed=seed, **case.settings)
    Path("/proc/self/clear_refs").write_text("5")  # the peak below is of this run alone
    clock, processor = time.perf_counter(), time.process_time()
    results = sorted(brinkmap.attack(victim, x, y, run), key=lambda result: result.index)
    seconds, cpu = time.perf_counter() - clock, time.process_time() - processor
    assert all(result.attacked for result in results), [result.error for result in results]
    won = [result for result in results if result.success]
    return {
        "to_flip": [result.queries_to_flip for result in results],
        "queries": sum(result.queries for result in results),
        "l2": [round(one.l2, 3) for one in won],
        "l2_at_flip": [round(one.l2_at_flip, 3) for one in won if one.l2_at_flip is not None],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(cpu, 1),
        "peak_mib": _peak_kib() // 1024,
        "threads": torch.get_num_threads(),
    }


def _peak_kib() -> int:
    """Most memory this process has had resident."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1])


def keep(case: Case, seed: int, found: dict[str, Any]) -> dict[str, Any]:
    """Put one run beside what is known, others' of this moment too, and return the whole of its row."""
    known = load()
    row = known.setdefault(case.key, {})
    row |= {
        "table": case.table, "title": case.title, "victim": case.victim, "settings": plain(case.settings),
        "training": case.training, "samples": len(found["to_flip"]),
    }  # fmt: skip
    row.setdefault("runs", {})[str(seed)] = found
    _write(known)
    return row


def forget(case: Case) -> None:
    """Take a row's runs away, before it is measured anew: left half done it must not mix new ones with old."""
    known = load()
    if known.pop(case.key, None) is not None:
        _write(known)


def _write(known: dict[str, Any]) -> None:
    lines = (f"{json.dumps(key)}: {json.dumps(known[key])}" for key in sorted(known))
    new = RESULTS.with_suffix(".new")
    new.write_text("{\n" + ",\n".join(lines) + "\n}\n")
    os.replace(new, RESULTS)


def gather_costs() -> dict[str, Any]:
    """What trainings took, those made here beside those that are known, by folder."""
    known: dict[str, Any] = json.loads(COSTS.read_text()) if COSTS.is_file() else {}
    for path in sorted(AGENTS.glob("*/cost.json")):
        if (path.parent / "cifar10.safetensors").is_file():
            known[path.parent.name] = json.loads(path.read_text())
    COSTS.write_text(json.dumps(dict(sorted(known.items())), indent=0) + "\n")
    return known


def load() -> dict[str, Any]:
    """Rows by key."""
    known: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    return known


def make_agents(needs: tuple[str, ...], seeds: tuple[int, ...]) -> None:
    """Train what is missing.

    Folders are named [victim-][robust-][labels-]q<queries>-s<seed>, with ppo<patch>at<L2>-[add-] before for the
    reference agent.
    """
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
                elif part == "add":
                    command += ["--add-only"]
                elif part.startswith("ppo"):
                    command += ["--ppo", *part.removeprefix("ppo").split("at")]
                else:
                    command += FLAGS.get(part, ["--victim", part])
            command += ["--queries", queries]
            subprocess.run([str(one) for one in command], check=True)


def write_card() -> None:
    """What the shipped agent's rows came to, in its card: it is the one of the first training seed."""
    path, figures = WEIGHTS / f"cifar10{SUFFIX}", {}
    title = f"trained, {BEST:,d} answers"
    for row in load().values():
        settings = row["settings"]
        if row["table"] in ("headline", "patches") and row["title"] == title and settings["budget"] == 200:
            of = summary(row | {"runs": {"0": row["runs"]["0"]}})
            track = f"tint_patch_{settings['patch']}_l2_{settings['max_l2']:g}"
            figures |= {f"{track}_queries": of["queries_capped_mean"], f"{track}_asr": round(of["asr"], 3)}
    agent = load_agent(path)
    assert isinstance(agent, ResponseAgent)
    assert agent.made_for is not None
    card = agent.made_for
    agent.made_for = replace(card, figures=card.figures | figures, notes=CARD_NOTE)
    agent.save(path)


def main() -> None:
    """Measure what is asked for and not known yet, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("tables", nargs="*")
    asked.add_argument("--again", action="store_true")
    asked.add_argument("--as-is", action="store_true")
    asked.add_argument("--like", default="", help="only rows whose titles hold this text")
    asked.add_argument("--seeds", type=int, default=5, help="so many seeds at most")
    asked.add_argument("--page", action="store_true")
    asked.add_argument("--card", action="store_true")
    asked.add_argument("--threads", type=int, default=2)
    given = asked.parse_args()
    torch.set_num_threads(given.threads)
    for case in () if given.page or given.card else cases():
        if (not given.tables or case.table in given.tables) and given.like in case.title:
            if given.again:
                forget(case)
            _fill(case, case.seeds[: given.seeds], given.as_is)
    if given.card:
        write_card()
    else:
        write_page(load(), gather_costs(), RESULTS.with_suffix(".md"))


def _fill(case: Case, seeds: tuple[int, ...], as_is: bool) -> None:
    """Measure the runs of a row that are not known."""
    known = load().get(case.key, {}).get("runs", {})
    wanted = tuple(seed for seed in seeds if str(seed) not in known)
    if not as_is:
        make_agents(case.needs, wanted)
    for seed in wanted:
        if not all(agent_file(need, seed).is_file() for need in case.needs):
            continue
        try:
            row = summary(keep(case, seed, measure(case, seed)))
        except InputError as error:
            print(f"{case.table} | {case.title}: left out: {error}", file=sys.stderr)
            return
        shown = {name: row[name] for name in ("seeds", "queries_capped_mean", "interval", "asr", "l2_mean")}
        print(f"{case.table} | {case.victim} | {case.title} | {case.settings.get('max_l2')}: {shown}", flush=True)


if __name__ == "__main__":
    main()
