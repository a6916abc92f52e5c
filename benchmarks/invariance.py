"""How far results of a float network depend on how many samples are attacked at once, each difference traced.

    python benchmarks/invariance.py         ResNet-20, 200 images; writes docs/results/invariance.json

Attacks the same images with 1, 7 and 256 slots. Where a sample ends differently, its two traces are followed to the
first decision that differs, and that decision is scored again: how far was it from the threshold, in nats?
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

import brinkmap
from brinkmap.attack import first_of, results_of
from brinkmap.env.rules import LEAST_GAIN
from brinkmap.session import Session
from real_data import cifar_images, cifar_victim, correct

SLOTS, SAMPLES = (1, 7, 256), 200
RUNS = {
    "natural filters, no bound": {"budget": 200},
    "tint, L2 <= 2.0": {"budget": 100, "max_l2": 2.0, "distortions": ("tint",)},
}


def attacked(victim, x, y, settings, slots):
    first, samples = first_of(x, y, victim.bounds)
    session = Session(victim, first.shape, brinkmap.Run(agent="random", slots=slots, trace=True, **settings))
    results = sorted(results_of(session, samples, y), key=lambda result: result.index)
    return results, session.canvas


def outcome(result) -> tuple:
    return result.success, result.queries, result.plan.tobytes()


def first_difference(victim, canvas, one, other) -> dict:
    """The first decision on which two traces of a sample part, and its distance from the threshold."""
    codes = np.zeros(canvas.grid.cells, np.int16)
    for here, there in zip(one.trace, other.trace, strict=False):
        proposed = codes.copy()
        proposed[here.cells] = here.codes
        same = np.array_equal(here.cells, there.cells) and np.array_equal(here.codes, there.codes)
        if not same:
            return {"sample": one.index, "query": here.query, "why": "another proposal", "nats": None}
        if here.accepted != there.accepted or (here is one.trace[-1]) != (there is other.trace[-1]):
            margins = []
            for plan in (codes, proposed):
                image, _ = canvas.render(one.clean, one.index, plan)
                logs = np.log(victim.predict(image[None])[0].astype(np.float64))
                margins.append(logs[one.reference] - np.delete(logs, one.reference).max())
            gap = min(abs(margins[1]), abs(margins[0] - margins[1] - LEAST_GAIN))
            return {"sample": one.index, "query": here.query, "why": "accepted or not", "nats": float(gap)}
        if here.accepted:
            codes = proposed
    return {"sample": one.index, "query": None, "why": "traces agree, lengths differ", "nats": None}


PAGE = """# How far results depend on how many samples are attacked at once

Made by `python benchmarks/invariance.py` (figures in `invariance.json`). ResNet-20, the first {samples} lossless
CIFAR-10 images it gets right, random agent; a sample differs if its success, its queries or a single cell of its plan
do. Goal: at most 1 %, each traced to a decision within 1e-4 nats of the threshold. Victims whose answers do not depend
on the batch give equal bits for slots 1, 7 and 256 for every agent: `tests/test_attack_laws.py`.

| run | slots | samples | differ | distance of the first differing decision, nats |
|---|---|---|---|---|
{rows}"""


def page(rows: list[dict]) -> str:
    """The results page."""
    lines = "".join(
        f"| {r['run']} | {r['slots'][0]} and {r['slots'][1]} | {r['samples']} | {r['differ']} ({r['share']:.1%}) | "
        f"{', '.join(str(t['nats']) for t in r['traced']) or 'none'} |\n"
        for r in rows
    )
    return PAGE.format(samples=SAMPLES, rows=lines)


def main() -> None:
    """Attack with each number of slots, compare, trace."""
    victim = cifar_victim("resnet20")
    x, y = correct(victim, *cifar_images(), SAMPLES)
    rows = []
    for title, settings in RUNS.items():
        runs = {slots: attacked(victim, x, y, settings, slots) for slots in SLOTS}
        reference, canvas = runs[SLOTS[-1]]
        for slots in SLOTS[:-1]:
            pairs = zip(runs[slots][0], reference, strict=True)
            traced = [first_difference(victim, canvas, a, b) for a, b in pairs if outcome(a) != outcome(b)]
            rows.append(
                {"run": title, "slots": [slots, SLOTS[-1]], "samples": len(x), "differ": len(traced),
                 "share": len(traced) / len(x), "traced": traced}
            )  # fmt: skip
            print(rows[-1], flush=True)
    out = Path(__file__).resolve().parents[1] / "docs" / "results" / "invariance.json"
    out.write_text(json.dumps(rows, indent=1) + "\n")
    out.with_suffix(".md").write_text(page(rows))
    print(f"written: {out} and invariance.md")


if __name__ == "__main__":
    main()
