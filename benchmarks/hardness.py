"""Proof of hardness: a test set flipped on one victim, put to others, against whole-picture corruptions of its kind.

python benchmarks/hardness.py digits                 embedded, a minute a victim that is attacked
python benchmarks/hardness.py cifar [--attacked A]   ../shared/data, minutes each
python benchmarks/hardness.py page                   writes docs/results/benchmark.md

Every filter makes a set of its own on the victim that is attacked (`brinkmap.benchmark.make`), which the others then
have to read. Beside it, for each sample: `random` has patches of the same filter at the same levels anywhere, up to the
same L2; `whole` has the filter over the whole picture at each of its levels, as in ImageNet-C. The weakest of each
way is faded towards the clean picture too, so that small distances are compared. A victim that is attacked is a row of
docs/results/benchmark/.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import brinkmap
import hardness_page
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.benchmark import Shard, load, make
from brinkmap.benchmark.severity import Spread
from brinkmap.plan import Canvas
from brinkmap.seeding import training_generator
from brinkmap.session import Session
from hardness_cases import CASES, Case, Set

ROOT = Path(__file__).resolve().parents[1]
RESULTS, SETS = ROOT / "docs" / "results" / "benchmark", ROOT / "build" / "hardness"
TIMES = (1, 1.5, 2, 3, 4, 6, 8)
FADED = (0.125, 0.25, 0.5)
"""Shares of the weakest change of each way."""
AT_ONCE = 256


@dataclass(frozen=True)
class Shown:
    """What a way of distorting makes of every sample at one strength."""

    way: str
    strength: str
    x: Array
    l2: Floats


def measured(
    case: Case, name: str, samples: Array, labels: Ints, readers: dict[str, brinkmap.Victim]
) -> dict[str, Any]:
    """One row: what every victim makes of sets flipped on one of them, and of their controls."""
    victim, began, rows, queries = case.victims[name](), time.process_time(), [], 0
    for one in case.sets:
        run = brinkmap.Run(
            agent=one.agent, distortions=(one.distortion,), patch=one.patch, budget=case.budget, seed=0
        )  # fmt: skip
        folder = SETS / case.name / name / one.distortion
        make(victim, samples, labels, folder, run, severities=[f"x{times:g}" for times in TIMES])
        made = load(folder)
        queries += made.manifest.queries
        shards = {f"x{times:g}": next(made.shards(one.distortion, f"x{times:g}")) for times in TIMES}
        flipped = shards["x1"].flipped
        for shown in [*_ours(shards, samples), *_controls(shards, one, samples, victim)]:
            for reader, other in readers.items():
                rows.append({
                    "distortion": one.distortion, "way": shown.way, "strength": shown.strength, "reader": reader,
                    "l2": round(float(shown.l2.mean()), 4), "accuracy": round(_accuracy(other, shown.x, labels), 4),
                    "flipped": round(float(flipped.mean()), 4),
                })  # fmt: skip
    return {
        "case": case.name, "attacked": name, "samples": len(labels), "budget": case.budget, "queries": queries,
        "cpu_seconds": round(time.process_time() - began, 1),
        "clean": {reader: round(_accuracy(other, samples, labels), 4) for reader, other in readers.items()},
        "rows": rows,
    }  # fmt: skip


def _ours(shards: dict[str, Shard], samples: Array) -> list[Shown]:
    found = [Shown("ours", strength, one.x, one.l2.astype(np.float64)) for strength, one in shards.items()]
    return [*_faded(found[0], samples), *found]


def _faded(shown: Shown, samples: Array) -> list[Shown]:
    """The same on its way from the clean samples."""
    return [
        Shown(shown.way, f"{share:g} of {shown.strength}", samples + np.float32(share) * (shown.x - samples),
              share * shown.l2)
        for share in FADED
    ]  # fmt: skip


def _controls(shards: dict[str, Shard], one: Set, samples: Array, victim: brinkmap.Victim) -> list[Shown]:
    """Patches anywhere at our distances, and the whole picture at all levels."""
    run = brinkmap.Run(distortions=(one.distortion,), patch=one.patch, seed=0)
    canvas, anywhere = Session(victim, samples.shape[1:], run).canvas, []
    for strength, plans in shards.items():
        pairs = [
            _scattered(canvas, sample, index, codes, float(l2))
            for index, (sample, codes, l2) in enumerate(zip(samples, plans.plan, plans.l2, strict=True))
        ]
        x, l2 = np.stack([x for x, _ in pairs]), np.array([l2 for _, l2 in pairs])
        anywhere.append(Shown("random", strength, x, l2))
    found = [*_faded(anywhere[0], samples), *anywhere, *_whole("whole", one.distortion, samples, victim)]
    return found + (_whole("beside", one.beside, samples, victim) if one.beside else [])


def _whole(way: str, distortion: str, samples: Array, victim: brinkmap.Victim) -> list[Shown]:
    """The filter over the whole picture; of a family, a member drawn for each sample."""
    shape, covered = samples.shape[1:], []
    run = brinkmap.Run(distortions=(distortion,), patch=max(shape[1:]), seed=0)
    canvas = Session(victim, shape, run).canvas
    members = training_generator(0, "whole", 0).integers(len(canvas.cards.distortions), size=len(samples))
    for level in range(int(canvas.cards.levels.min())):
        codes = canvas.cards.first_of[members] + level
        painted = [canvas.paint(sample, index, int(codes[index]))[0] for index, sample in enumerate(samples)]
        x = np.stack(painted).reshape(samples.shape)
        change = ((x.astype(np.float64) - samples) / canvas.span).reshape(len(x), -1)
        covered.append(Shown(way, f"level:{level + 1}", x, np.sqrt((change**2).sum(axis=1))))
    return [*_faded(covered[0], samples), *covered]


def _scattered(canvas: Canvas, sample: Array, index: int, codes: Ints, l2: float) -> tuple[Array, float]:
    """A sample under as many patches of a plan's own levels as its distance allows, put anywhere."""
    rng = training_generator(0, "scattered", index)
    spread = Spread(canvas, canvas.snap(sample), index, np.zeros_like(codes), l2)
    levels, room = codes[codes > 0], l2**2
    planned = np.zeros_like(codes)
    if len(levels):
        for place, code in zip(rng.permutation(len(codes)), rng.choice(levels, len(codes)), strict=True):
            if 0 < (energy := float(spread.energies[code, place])) <= room:
                planned[place], room = code, room - energy
    return spread.render(planned), spread.distance(planned)


def _accuracy(victim: brinkmap.Victim, x: Array, labels: Ints) -> float:
    answers = [victim.predict(x[i : i + AT_ONCE]).argmax(axis=1) for i in range(0, len(x), AT_ONCE)]
    return float(np.mean(np.concatenate(answers) == labels))


def main() -> None:
    """Measure what is not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=(*CASES, "page"))
    parser.add_argument("--attacked", nargs="*", help="only these")
    given = parser.parse_args()
    if given.case != "page":
        case = CASES[given.case]
        samples, labels = case.samples()
        readers = {name: load() for name, load in case.victims.items() if name not in case.attacked_only}
        for name in given.attacked or case.attacked:
            path = RESULTS / case.name / f"{name}.json"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                row = measured(case, name, samples, labels, readers)
                path.write_text(json.dumps(row) + "\n")
                print(f"{case.name} {name}: {row['queries']} queries, {row['cpu_seconds']} CPU s", flush=True)
    print(hardness_page.write(RESULTS, CASES))


if __name__ == "__main__":
    main()
