"""The RLAB slides' ECG tables on victims of ours: noise, segment, queries, L2, success; before and after training.

    python benchmarks/ecg.py train --cases mitbih-beats                  # the model-based agent, on the training data
    python benchmarks/ecg.py attack --cases mitbih-beats --seeds 0 1 2   # rows that are not there yet
    python benchmarks/ecg.py harden --cases mitbih-beats                 # adversarial training, then the same rows
    python benchmarks/ecg.py waves                                       # what lies in P, QRS and T of strips
    python benchmarks/ecg.py page                                        # docs/results/ecg.md

Every sample of every row was read rightly to begin with; classes take turns in the sample list. All agents have the
same samples, bound and budget, and failures count at the full budget. `slides` are the slides' square-edged noises of
1 to 18 values, `natural` the same two as electrodes do them, tapered and of 100 ms and more. A victim is hardened
once for each of the two (samples of its own training data as the agent `credit` leaves them, made anew as it
changes), and attacked with the noises it was hardened on.
"""

from __future__ import annotations

import argparse
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import f1_score

import brinkmap
import ecg_page
import ecg_waves
import real_data
from brinkmap.agents.response import Habits, ResponseAgent
from brinkmap.agents.saved import load_agent
from brinkmap.harden import Attacked, Labelled, Modern, Recipe, fit
from brinkmap.harden.adversaries import Unchanged
from brinkmap.metrics import snr_db
from brinkmap.seeding import training_generator
from brinkmap.training.loop import train
from brinkmap.training.trainer import Training
from brinkmap.victims.networks import load_classifier, save_classifier
from ecg_cases import CASES, Case, chosen, patches
from ecg_page import AFTER, TRACKS

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results" / "ecg"
BUILD = Path(__file__).resolve().parents[1] / "build" / "ecg"
AGENTS = ("random", "greedy", "credit", "trained", "blind")
BUDGET = 100
WIDTHS = (16, 32, 48, 64)
"""Of the agent's network, which learns the labels first: ten minutes a case and track."""
POOL_BUDGET, POOL_SAMPLES, POOL_EPOCHS = 12, 1200, 8
WAVES = ("mitbih-strips",)
"""Cases whose windows are long enough to tell P, QRS and T apart."""
ATTACKED = 200
MEASURED = 2000
"""Held-out windows that accuracy and macro F1 are measured on."""


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("train", "attack", "harden", "waves", "page"))
    parser.add_argument("--cases", nargs="*", choices=CASES, default=list(CASES))
    parser.add_argument("--tracks", nargs="*", choices=TRACKS, default=list(TRACKS))
    parser.add_argument("--agents", nargs="*", choices=AGENTS, default=list(AGENTS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument(
        "--samples", type=int, default=ATTACKED, help="held-out windows; rows of another number stay apart"
    )
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.what == "waves":
        _waves()
    elif given.what != "page":
        for name in given.cases:
            for track in given.tracks:
                if given.what == "train":
                    agent_of(name, track)
                    continue
                state = track if given.what == "harden" else "before"
                if state != "before" and (CASES[name].train is None or not _noises(CASES[name], track)):
                    continue
                _rows(name, track, state, given.agents, given.seeds, given.samples)
    print(ecg_page.write(RESULTS, CASES, BUDGET))


def _rows(name: str, track: str, state: str, agents: list[str], seeds: list[int], count: int) -> None:
    case = CASES[name]
    path = RESULTS / name / "clean.json"
    victim, held = case.victim(), case.held_out()
    _note_clean(path, "before", victim, held)
    x, y = chosen(victim, *held, count)
    if state != "before":
        victim = hardened(name, track)
        _note_clean(path, state, victim, held)
    for noise, named, values in _noises(case, track):
        for agent in agents:
            if state != "before" and agent not in AFTER:
                continue
            for seed in seeds[:1] if agent == "greedy" else seeds:  # a sweep draws nothing
                row_path = RESULTS / name / f"{state}-{noise}-{'+'.join(named)}-{agent}-{len(x)}-{seed}.json"
                if row_path.exists():
                    continue
                whom = _agent(name, track, agent, state)
                # the model-based agent plans with one length: of two, the shorter
                lengths = values if isinstance(whom, str) else (min(values),)
                alike = f"{state}-{noise}-*-{agent}-{len(x)}-{seed}.json"
                row = None if isinstance(whom, str) else _same(row_path.parent, alike, lengths)
                row = row or measured(victim, x, y, noise, lengths, whom, seed, case.max_l2[noise])
                told = {"case": name, "state": state} | row | {"segments": named, "agent": agent}
                row_path.write_text(json.dumps(told) + "\n")
                capped = np.mean([flip or BUDGET for flip in row["to_flip"]])
                print(
                    f"{row_path.name}: ASR {np.mean(row['success']):.2f}, {capped:.1f} q, {row['cpu_seconds']} s",
                    flush=True,
                )


def _same(folder: Path, alike: str, lengths: tuple[int, ...]) -> dict[str, Any] | None:
    """The row of a single segment that planning with the shorter of two would measure once more, where there is one."""
    for path in folder.glob(alike):
        row: dict[str, Any] = json.loads(path.read_text())
        if tuple(row["values"]) == lengths:
            return row
    return None


def _waves() -> None:
    for name in WAVES:
        path = RESULTS / name / "waves.json"
        if not path.is_file():
            told = ecg_waves.measured(CASES[name], partial(_agent, name))
            path.write_text(json.dumps(told, indent=1) + "\n")


def _agent(name: str, track: str, agent: str, state: str = "before") -> ResponseAgent | str:
    """What a run takes; `blind` is the trained one whose model sees no sample, only what is changed: the control."""
    if agent not in ("trained", "blind"):
        return agent
    made = load_agent(agent_of(name, track, state))
    assert isinstance(made, ResponseAgent)
    return ResponseAgent(made.net, Habits(blind=agent == "blind"), made.made_for)


def agent_of(name: str, track: str, state: str = "before") -> Path:
    """The model-based agent of a case and a track, trained where it is not there yet; a hardened victim has its own."""
    folder, case = BUILD / f"agent-{name}-{track}{'' if state == 'before' else '-hardened'}", CASES[name]
    path = folder / "trained.safetensors"
    if not path.is_file():
        victim, lines = case.victim() if state == "before" else hardened(name, track), _noises(case, track)
        x, y = case.train() if case.train else _left(victim, case)
        plan = Training(
            queries=case.training[0], distortions=tuple(dict.fromkeys(noise for noise, *_ in lines)),
            patch=tuple(sorted({min(values) for *_, values in lines})), widths=WIDTHS, passes=case.training[1],
        )  # fmt: skip
        rows = training_generator(0, f"agent {name}", 0).permutation(len(y))
        train(victim, x[rows], plan, labels=y[rows], folder=folder, watch=print)
    return path


def _left(victim: brinkmap.Victim, case: Case) -> tuple[np.ndarray, np.ndarray]:
    """The held-out windows that no row attacks, for victims whose training data are not to be had."""
    x, y = case.held_out()
    attacked = {one.tobytes() for one in chosen(victim, x, y, ATTACKED)[0]}
    kept = [row for row, one in enumerate(x) if one.tobytes() not in attacked]
    return x[kept], y[kept]


Line = tuple[str, tuple[str, ...], tuple[int, ...]]
"""A noise, and its segments as written and in values."""


def _noises(case: Case, track: str) -> list[Line]:
    noises, rate_hz = [noise for noise in TRACKS[track] if noise in case.max_l2], None
    if noises:
        rate_hz = getattr(case.victim(), "rate_hz", None)
    return [(noise, *one) for noise in noises for one in patches(case, noise, rate_hz)]


def measured(
    victim: brinkmap.Victim, x: np.ndarray, y: np.ndarray, noise: str, values: tuple[int, ...], agent: Any, seed: int,
    max_l2: float,
) -> dict[str, Any]:  # fmt: skip
    """One row: every sample's outcome."""
    run = brinkmap.Run(agent=agent, distortions=(noise,), patch=values, budget=BUDGET, max_l2=max_l2, seed=seed)
    started = time.process_time()
    results = sorted(brinkmap.attack(victim, x, y, run), key=lambda one: one.index)
    seconds = time.process_time() - started
    kept = [one for one in results if one.attacked]
    assert all(one.error is None for one in results)
    snr = [snr_db(one.clean, one.adversarial, victim.bounds) if one.success else None for one in kept]
    return {
        "noise": noise, "values": values, "agent": agent, "seed": seed, "max_l2": max_l2, "budget": BUDGET,
        "samples": len(results), "skipped": len(results) - len(kept), "cpu_seconds": round(seconds, 1),
        "unit": getattr(victim, "unit", ""),
        "index": [one.index for one in kept],
        "success": [bool(one.success) for one in kept],
        "to_flip": [one.queries_to_flip for one in kept],
        "queries": [one.queries for one in results],
        "l2": [round(one.l2, 4) for one in kept],
        "l2_raw": [round(one.l2_raw, 4) for one in kept],
        "peak_raw": [round(one.linf_raw, 4) for one in kept],
        "snr_db": [None if one is None else round(one, 2) for one in snr],
        "reference": [int(one.reference) for one in kept],
        "answer": [int(np.argmax(one.after)) for one in kept],
    }  # fmt: skip


def hardened(name: str, track: str) -> brinkmap.Victim:
    """The victim after adversarial training, made where it is not there yet."""
    path = BUILD / f"{name}-hardened-{track}.safetensors"
    if not path.is_file():
        case, before = CASES[name], CASES[name].victim()
        net: Any = before.function.module
        low, high = before.bounds
        assert case.train is not None
        x, y = case.train()
        rows = training_generator(0, f"hardened {name}", 0).permutation(len(y))[:POOL_SAMPLES]
        data = Labelled(((x[rows] - low) / (high - low)).astype(np.float32), y[rows])
        recipe = Recipe(
            adversary=Unchanged(), optimiser=Modern(most=1e-3), epochs=POOL_EPOCHS, check_every=POOL_EPOCHS,
            pool=_Mixed(case, track, before.rate_hz),
        )  # fmt: skip
        started = time.process_time()
        fitted = fit(net, data, Labelled(data.samples[:128], data.labels[:128]), recipe)
        net.load_state_dict(fitted.last)
        told = {"rate_hz": before.rate_hz} if before.rate_hz else {}
        save_classifier(
            net, path, before.bounds, unit=before.unit, class_names=list(case.class_names), hardened=track,
            queries=fitted.best.queries, cpu_seconds=round(time.process_time() - started, 1), **told,
        )  # fmt: skip
        print(f"{path.name}: {fitted.best.queries} queries, {time.process_time() - started:.0f} CPU s", flush=True)
    return load_classifier(path)


class _Mixed:
    """A pool that takes the track's noises and segments in turn, one making each."""

    every = 1

    def __init__(self, case: Case, track: str, rate_hz: float | None) -> None:
        lines = _noises(case, track)
        noises = [[one for one in lines if one[0] == noise] for noise in TRACKS[track]]
        self.turns = [one for row in zip(*noises, strict=False) for one in row]
        self.case, self.rate_hz = case, rate_hz

    def made(self, net: torch.nn.Module, data: Labelled, epoch: int, epochs: int, seed: int) -> Any:
        """The samples of an epoch."""
        noise, _, values = self.turns[epoch % len(self.turns)]
        run = brinkmap.Run(
            agent="credit", distortions=(noise,), patch=values, budget=POOL_BUDGET, max_l2=self.case.max_l2[noise]
        )
        return Attacked(run=run, every=1, share=0.5, rate_hz=self.rate_hz).made(net, data, epoch, epochs, seed)


def _note_clean(path: Path, state: str, victim: brinkmap.Victim, held: tuple[np.ndarray, np.ndarray]) -> None:
    known = json.loads(path.read_text()) if path.is_file() else {}
    if state in known:
        return
    x, y = held[0][:MEASURED], held[1][:MEASURED]
    answers = real_data.answers(victim, x)
    known[state] = {
        "windows": len(y), "accuracy": round(float(np.mean(answers == y)), 4),
        "macro_f1": round(float(f1_score(y, answers, labels=np.unique(y), average="macro", zero_division=0.0)), 4),
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    main()
