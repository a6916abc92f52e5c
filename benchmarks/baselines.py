"""The baselines that every later agent has to beat: CIFAR-10 ResNet-20, 200 correct lossless images, budget 200.

    python benchmarks/baselines.py             all; writes docs/results/baselines.json and .md
    python benchmarks/baselines.py greedy      only these agents again, the other rows kept

Natural filters are attacked without a bound, the norm track (tint) and Square under L2 <= 1.0 and <= 2.0; the two are
never in one table. Failures count at the full budget. Intervals are bootstraps over samples, seeds averaged first.
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path

import numpy as np

import brinkmap
from brinkmap.metrics import bootstrap_interval, perceptibility
from real_data import cifar_images, cifar_victim, correct

BUDGET, SAMPLES, SEEDS = 200, 200, (0, 1, 2)
RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
FILTERS = ("gaussian-noise", "gaussian-blur", "dead-pixel", "illuminate")
NATURAL = [
    {"title": title, "agent": agent, "settings": {"distortions": filters, "patch": 4, "refine_budget": 40}}
    for agent in ("random", "greedy", "credit")
    for title, filters in [("all four", FILTERS), *(((one, (one,)) for one in FILTERS) if agent == "random" else ())]
]
NORM = [
    *(
        {"title": f"tint, patch {patch}", "agent": agent,
         "settings": {"distortions": ("tint",), "patch": patch, "max_l2": bound}}
        for bound in (1.0, 2.0) for patch in (1, 4) for agent in ("random", "greedy", "credit")
    ),
    *({"title": "squares", "agent": "square", "settings": {"max_l2": bound}} for bound in (1.0, 2.0)),
]  # fmt: skip


def measure(victim: brinkmap.Victim, x: np.ndarray, y: np.ndarray, case: dict) -> dict:
    """One row: an agent under one setting, over all seeds."""
    capped, flipped, l2, at_flip, ssim, psnr = ([] for _ in range(6))
    for seed in SEEDS:
        run = brinkmap.Run(agent=case["agent"], budget=BUDGET, seed=seed, **case["settings"])
        results = sorted(brinkmap.attack(victim, x, y, run), key=lambda result: result.index)
        assert all(result.attacked for result in results)
        capped.append([result.queries_to_flip or BUDGET for result in results])
        flipped.append([result.success for result in results])
        won = [result for result in results if result.success]
        l2 += [result.l2 for result in won]
        seen = [perceptibility(result.clean, result.adversarial, (0.0, 1.0)) for result in won[:60]]
        ssim += [one["ssim"] for one in seen]
        psnr += [one["psnr_db"] for one in seen]
        at_flip.append([result.queries for result in results])
    by_sample = np.mean(capped, axis=0)
    low, high = bootstrap_interval(by_sample, seed=0)
    return {
        "filters": case["title"],
        "agent": case["agent"],
        "max_l2": case["settings"].get("max_l2"),
        "asr": round(float(np.mean(flipped)), 3),
        "asr_by_seed": [round(float(np.mean(one)), 3) for one in flipped],
        "queries_capped_mean": round(float(np.mean(capped)), 1),
        "interval": [round(low, 1), round(high, 1)],
        "queries_median": float(np.median(capped)),
        "queries_spent_mean": round(float(np.mean(at_flip)), 1),
        "l2_mean": round(float(np.mean(l2)), 2) if l2 else None,
        "ssim_mean": round(float(np.mean(ssim)), 3) if ssim else None,
        "psnr_db_mean": round(float(np.mean(psnr)), 1) if psnr else None,
    }


HEAD = """| filters | agent | L2 bound | ASR | capped mean queries (95 %) | median | L2 of flips | SSIM | PSNR dB |
|---|---|---|---|---|---|---|---|---|
"""
PAGE = """# Baselines: what every later agent has to beat

CIFAR-10 ResNet-20 (akamaster, BSD-2), the first {samples} lossless test images it gets right, untargeted, budget
{budget} queries with the clean look, seeds {seeds}; distances on pixels scaled to 0..1. Intervals are bootstraps over
samples. Made by `python benchmarks/baselines.py` (figures in `baselines.json`).

## Natural filters, 4 x 4 patches, no distance bound

Up to 40 more queries refine each flip; L2, SSIM and PSNR are those after refining.

{natural}
## Norm track (unnatural, norm-matched)

{norm}
"""


def lines(rows: list[dict]) -> str:
    """The rows of one table."""
    return HEAD + "".join(
        f"| {r['filters']} | {r['agent']} | {r['max_l2'] or 'none'} | {r['asr']:.3f} | "
        f"{r['queries_capped_mean']:.1f} ({r['interval'][0]:.1f} to {r['interval'][1]:.1f}) | "
        f"{r['queries_median']:.0f} | {r['l2_mean']} | {r['ssim_mean']} | {r['psnr_db_mean']} |\n"
        for r in rows
    )


def main() -> None:
    """Measure both tables."""
    victim = cifar_victim("resnet20")
    x, y = correct(victim, *cifar_images(), SAMPLES)
    out = RESULTS / "baselines.json"
    kept = json.loads(out.read_text()) if len(sys.argv) > 1 else {"natural": [], "norm": []}
    tables = []
    for name, cases in (("natural", NATURAL), ("norm", NORM)):
        rows = {(row["filters"], row["agent"], row["max_l2"]): row for row in kept[name]}
        for case in cases:
            key = (case["title"], case["agent"], case["settings"].get("max_l2"))
            if key not in rows or case["agent"] in sys.argv[1:]:
                rows[key] = measure(victim, x, y, case)
                print(rows[key], flush=True)
        tables.append(list(rows.values()))
    figures = {"machine": platform.processor() or platform.machine(), "natural": tables[0], "norm": tables[1]}
    out.write_text(json.dumps(figures, indent=1) + "\n")
    notes = RESULTS / "baselines-notes.md"
    page = PAGE.format(
        samples=SAMPLES,
        budget=BUDGET,
        seeds=", ".join(map(str, SEEDS)),
        natural=lines(tables[0]),
        norm=lines(tables[1]),
    )
    (RESULTS / "baselines.md").write_text(page + (notes.read_text() if notes.exists() else ""))
    print(f"written: {RESULTS / 'baselines.md'}")


if __name__ == "__main__":
    main()
