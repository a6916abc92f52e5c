"""Explanations against known reasons: every method, every score, at stated queries.

python benchmarks/explain.py abnormal-beats digits-on-textures moving-digits     embedded, three seeds; goes on
python benchmarks/explain.py imagenet davis-frames davis-clips                   ../shared/data, one seed
python benchmarks/explain.py page                                                writes docs/results/explain.md

A case, a method, a number of queries and a seed are a row of docs/results/explain/, written as it is measured. The
class of the label is explained: the victim's own answer, but for some sequences of DAVIS. Faithfulness asks the victim
more, which is not the method's cost.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import explain_page
from brinkmap import Run, explain
from brinkmap.explain.agreement import randomisation
from brinkmap.explain.faithfulness import Cells, Explained, deletion, insertion, removals
from brinkmap.explain.fills import Blurred, Flat
from brinkmap.explain.localisation import localisation
from brinkmap.explain.network import network_of, randomised
from brinkmap.seeding import training_generator
from brinkmap.victims.wrap import wrap
from explain_cases import CASES, MANY, Case, Setting

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "results" / "explain"
MAPS = ROOT / "build" / "explain"
WHITE = ("grad-cam", "ablation-cam", "score-cam", "integrated-gradients", "smoothgrad")
ONCE = ("centre", "occlusion", *WHITE[:3])
"""Methods without anything random."""
SANITY = 30
"""Samples whose maps are compared with those of a network of random weights."""
DIGITS = 5


def measured(case: Case, setting: Setting, method: str, queries: int, seed: int) -> dict[str, Any]:
    """One row: every score of every sample."""
    count = case.few if queries > MANY else case.samples
    samples, labels, truths = setting.samples[:count], setting.labels[:count], setting.truths[:count]
    began = time.process_time()
    target = None if method == "trace" else labels
    found = explain(_victim(setting, method), samples, target, method=method, queries=queries or None, run=_run(seed))
    seconds = time.process_time() - began
    assert all(one.error is None and one.target == label for one, label in zip(found, labels, strict=True))
    maps = np.stack([one.map for one in found])
    path = MAPS / case.name / f"{method}-{queries}-{seed}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, maps=maps.astype(np.float16))
    scores = {name: values.tolist() for name, values in vars(localisation(maps, truths)).items()}
    scores |= _faithful(setting, samples, maps, labels, seed)
    if method in (*WHITE, "posterior", "rise") and queries in (0, 300) and seed == 0:
        scores["randomised"] = _sanity(setting, method, queries, samples, labels, maps)
    rounded = {name: [round(float(one), DIGITS) for one in values] for name, values in scores.items()}
    return {
        "case": case.name, "method": method, "asked": queries, "seed": seed, "samples": len(samples),
        "cpu_seconds": round(seconds, 1), "queries": [one.queries for one in found],
        "found": [one.found for one in found], "scores": rounded,
    }  # fmt: skip


def _run(seed: int) -> Run:
    return Run(seed=seed, budget=300)


def _victim(setting: Setting, method: str) -> Any:
    return setting.network if method in WHITE else setting.victim


def _faithful(setting: Setting, samples: Any, maps: Any, labels: Any, seed: int) -> dict[str, Any]:
    """Deletion under the sample's mean, insertion from its blur, and what removing random cells does."""
    explained, ask = Explained(_floats(samples), maps, labels), setting.victim.predict
    cells = removals(ask, explained, Flat(), Cells(), [_rng(seed, index) for index in range(len(maps))])
    return {
        "deletion": deletion(ask, explained, Flat()).auc.tolist(),
        "insertion": insertion(ask, explained, Blurred()).auc.tolist(),
        "sensitivity": cells.sensitivity.tolist(), "infidelity": cells.infidelity.tolist(),
    }  # fmt: skip


def _floats(samples: Any) -> Any:
    return np.float32(np.moveaxis(samples, -1, 1) / 255) if samples.dtype == np.uint8 else samples


def _rng(seed: int, index: int) -> np.random.Generator:
    return training_generator(seed, "removals", index)


def _sanity(setting: Setting, method: str, queries: int, samples: Any, labels: Any, maps: Any) -> Any:
    """Rank correlations with the maps of the same network, its weights drawn at random (Adebayo et al. 2018)."""
    network = network_of(setting.network)
    assert network is not None
    other = randomised(network, np.random.default_rng(0))
    victim = wrap(
        other.module, shape=setting.network.shape, bounds=setting.network.bounds,
        mean=getattr(setting.network, "mean", None), std=getattr(setting.network, "std", None),
    )  # fmt: skip
    found = explain(victim, samples[:SANITY], labels[:SANITY], method=method, queries=queries or None, run=_run(0))
    return randomisation(maps[:SANITY], np.stack([one.map for one in found])).tolist()


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="+", choices=(*CASES, "page"))
    parser.add_argument("--methods", nargs="*", help="only these")
    parser.add_argument("--seeds", nargs="*", type=int, help="only these")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.cases:
        if name != "page":
            _measure(CASES[name], given.methods, given.seeds)
    print(explain_page.write(RESULTS, MAPS, CASES))


def _measure(case: Case, methods: list[str] | None, seeds: list[int] | None) -> None:
    setting = case.make(case.samples)
    for seed in seeds or range(case.seeds):
        for method in methods or case.methods:
            for queries in case.methods[method]:
                path = RESULTS / case.name / f"{method}-{queries}-{seed}.json"
                if path.exists() or (seed and (queries >= MANY or method in ONCE)):
                    continue  # what is not random is measured once, and what takes long
                path.parent.mkdir(parents=True, exist_ok=True)
                row = measured(case, setting, method, queries, seed)
                path.write_text(json.dumps(row) + "\n")
                scores = {key: round(float(np.mean(values)), 3) for key, values in row["scores"].items()}
                print(f"{case.name}/{path.name}: {row['cpu_seconds']} s {scores}", flush=True)


if __name__ == "__main__":
    main()
