"""The white-box ceiling: what gradient descent in the victim itself reaches under the restriction that our plans have.

    python benchmarks/ceiling.py               all; writes docs/results/ceiling.json and .md
    python benchmarks/ceiling.py --quick       48 images of two victims, one restart, 20 steps; prints only

As `tint` does, the change is constant over each patch x patch cell and channel, within the L2 bound; the result is
clipped to 0..1. Amplitudes are free, where tint has five. A flip found with coarser cells or under a smaller bound is
a flip of the finer cells and the larger bound too, so it is inherited and not looked for again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from brinkmap.arrays import as_samples
from brinkmap.metrics import bootstrap_interval
from real_data import cifar_images, cifar_victim, correct, shared_module

RESULTS = Path(__file__).resolve().parents[1] / "docs" / "results"
ROUNDING = 1e-6
"""Relative room below the bound for float32."""
HALVINGS = 10
"""Of the interval in which the longest change that the bound allows is looked for."""


@dataclass(frozen=True)
class Plan:
    """What is measured."""

    victims: tuple[str, ...] = ("resnet20", "resnet56", "resnet4b_adv", "cnn_a_mix")
    patches: tuple[int, ...] = (8, 4, 2, 1)
    bounds: tuple[float, ...] = (0.5, 1.0, 2.0)
    samples: int = 200
    steps: int = 60
    restarts: int = 3


QUICK = Plan(victims=("resnet20", "cnn_a_mix"), samples=48, steps=20, restarts=1)


@dataclass(frozen=True)
class Descent:
    """L2 PGD (Madry et al. 2018, arXiv:1706.06083) on the logit margin, in cells."""

    net: torch.nn.Module
    patch: int
    radius: float
    steps: int

    def flips(self, x: torch.Tensor, y: torch.Tensor, start: torch.Tensor) -> torch.Tensor:
        """(n,) whether a step met a flip within the bound, from a start (n, c, *cells) for samples (n, c, h, w)."""
        flipped = torch.zeros(len(x), dtype=torch.bool, device=x.device)
        cells = self.within(x, start)
        for step in range(self.steps + 1):
            left = torch.nonzero(~flipped)[:, 0]
            if not len(left):
                break
            here = cells[left].requires_grad_()
            changed = (x[left] + self.spread(here)).clamp(0, 1)
            margins = lead(self.net(changed), y[left])
            (slope,) = torch.autograd.grad(margins.sum(), here)
            # the bound is held by what is shown: float64 length of the clipped float32 picture's change
            lengths = (changed.detach().double() - x[left].double()).flatten(1).norm(dim=1)
            flipped[left] = (margins < 0) & (lengths <= self.radius)
            pace = 0.25 * self.radius * (1 - step / (self.steps + 1))
            cells[left] = self.within(x[left], here.detach() - pace * slope / (self.length(slope) + 1e-30))
        return flipped

    def spread(self, cells: torch.Tensor) -> torch.Tensor:
        """Each cell's value at all its pixels."""
        return cells.repeat_interleave(self.patch, dim=2).repeat_interleave(self.patch, dim=3)

    def length(self, cells: torch.Tensor) -> torch.Tensor:
        """(n, 1, 1, 1) the L2 of the pixels that cells stand for."""
        return self.patch * cells.flatten(1).norm(dim=1)[:, None, None, None]

    def within(self, x: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """Scaled back so far that what is shown, after clipping, is within the radius, and hardly farther."""
        radius, cells = self.radius * (1 - ROUNDING), cells.clamp(-1, 1)
        least = (radius / (self.length(cells) + 1e-30)).clamp(max=1)  # clipping only shortens
        most = torch.ones_like(least)
        for _ in range(HALVINGS):
            middle = (least + most) / 2
            change = (x + self.spread(cells * middle)).clamp(0, 1) - x
            fits = change.flatten(1).norm(dim=1)[:, None, None, None] <= radius
            least, most = torch.where(fits, middle, least), torch.where(fits, most, middle)
        return cells * least


def lead(logits: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """(n,) by how many nats the right class leads."""
    others = logits.scatter(1, y[:, None], -torch.inf).amax(dim=1)
    return logits.gather(1, y[:, None])[:, 0] - others


def flipped(net: torch.nn.Module, x: torch.Tensor, y: torch.Tensor, known: Any, case: tuple, plan: Plan) -> Any:
    """(n,) which samples flip, given those known to; the first start is the clean sample, the others are random."""
    patch, bound = case
    descent, found = Descent(net, patch, bound, plan.steps), known.copy()
    for restart in range(plan.restarts):
        left = np.flatnonzero(~found)
        shape = (len(x), x.shape[1], x.shape[2] // patch, x.shape[3] // patch)
        drawn = torch.randn(shape, generator=torch.Generator().manual_seed(restart)).to(x.device)
        start = drawn * bound / descent.length(drawn) * (restart > 0)
        for part in np.array_split(left, -(-len(left) // 50)) if len(left) else ():
            found[part] = descent.flips(x[part], y[part], start[part]).cpu().numpy()
    return found


def measure(name: str, plan: Plan) -> Iterator[dict]:
    """One row a bound and patch for one victim."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images, labels = correct(cifar_victim(name), *cifar_images(), plan.samples)
    x, y = torch.from_numpy(as_samples(images)).to(device), torch.from_numpy(labels).long().to(device)
    net = shared_module("models_cifar").load(name).to(device).requires_grad_(False)
    at_smaller = dict.fromkeys(plan.patches, np.zeros(len(x), bool))
    for bound in sorted(plan.bounds):
        known = np.zeros(len(x), bool)
        for patch in sorted(plan.patches, reverse=True):
            known = at_smaller[patch] = flipped(net, x, y, known | at_smaller[patch], (patch, bound), plan)
            low, high = bootstrap_interval(known.astype(float), seed=0)
            yield {
                "victim": name,
                "patch": patch,
                "max_l2": bound,
                "samples": len(x),
                "asr": round(float(known.mean()), 3),
                "interval": [round(low, 3), round(high, 3)],
            }


PAGE = """# White-box ceilings: what could be reached with every gradient at hand

L2 PGD on the logit margin, {steps} steps, {restarts} restarts, the first {samples} lossless CIFAR-10 test images that
each victim gets right, untargeted, distances on pixels scaled to 0..1. The change is constant over each cell and
channel, as with `tint`, and of any amplitude. Flips found with coarser cells or under a smaller bound count for the
finer and the larger. Intervals are 95 % bootstraps over samples. Descent may miss a flip: the true ceiling is no lower
than this. Made by `python benchmarks/ceiling.py` (figures in `ceiling.json`).

{table}"""


def table(rows: list[dict]) -> str:
    """Success rates, one line a victim and bound, one column a patch."""
    patches = sorted({row["patch"] for row in rows})
    heads = " | ".join(f"{patch} x {patch}" for patch in patches)
    lines: dict[tuple, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["patch"]):
        cell = f"{row['asr']:.3f} ({row['interval'][0]:.3f} to {row['interval'][1]:.3f})"
        lines.setdefault((row["victim"], row["max_l2"]), []).append(cell)
    body = "".join(f"| {victim} | {bound} | {' | '.join(cells)} |\n" for (victim, bound), cells in lines.items())
    return f"| victim | L2 bound | {heads} |\n|{'---|' * (len(patches) + 2)}\n{body}"


def main() -> None:
    """Measure every victim; write the page unless the run is a quick one."""
    plan = QUICK if sys.argv[1:] == ["--quick"] else Plan()
    rows = []
    for name in plan.victims:
        for row in measure(name, plan):
            rows.append(row)
            print(row, flush=True)
    if plan is QUICK:
        print(table(rows))
        return
    out = RESULTS / "ceiling.json"
    out.write_text(json.dumps({"plan": asdict(plan), "rows": rows}, indent=1) + "\n")
    out.with_suffix(".md").write_text(PAGE.format(**asdict(plan), table=table(rows)))
    print(f"written: {out.with_suffix('.md')}")


if __name__ == "__main__":
    main()
