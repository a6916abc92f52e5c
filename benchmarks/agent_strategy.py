"""Which patches the agent takes with each filter, and whether their order matters: docs/results/agent-strategy.md.

    python benchmarks/agent_strategy.py            all; half an hour on one core; goes on where it was left
    python benchmarks/agent_strategy.py --page     only write the page from docs/results/agent-strategy.json

ResNet-20, the first 100 lossless images that it gets right, natural filters one by one on 4 x 4 patches, 60 queries to
flip and 20 to refine, beside uniform random search: what it ends with tells what a filter does by itself.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import friedmanchisquare

import brinkmap
from agent_cases import BEST, NATURAL, tint
from agent_makers import ROOT, trained
from brinkmap.compare.page import table
from intervals import interval_text
from real_data import cifar_images, cifar_victim, correct

RESULTS = ROOT / "docs" / "results" / "agent-strategy.json"
SAMPLES, PATCH, SIDE, ORDERS = 100, 4, 8, 20
STATISTICS = {
    "cells": "share of the cells", "level": "mean level of 5", "bright": "brightness", "contrast": "contrast",
    "outward": "distance from the centre",
}  # fmt: skip
ORDER_COLUMNS = {
    "cells": "cells", "mean": "share needed", "least": "in the best order", "most": "in the worst order",
    "last": "orders that need all",
}  # fmt: skip
AGENTS: dict[str, Callable[[int], Any]] = {"trained": trained(f"q{BEST}-s{{seed}}"), "random": lambda _: "random"}

INTRO = """# Which patches, and in which order

Made by `python benchmarks/agent_strategy.py`. {what}

## A strategy for each filter?

Of every image that was flipped: how many cells were distorted and how strongly, and where the distorted cells rank
among all 64 of the image in mean brightness, in contrast (the standard deviation of their values) and in distance from
the centre, from 0 to 1; .5 is no preference. Means and 95 % bootstraps over images. Below each agent, a Friedman test
over the images that it flipped with all four filters: p is the chance of differences this large between filters if
there were none. What also differs for random search is the filter's doing, not the agent's.
"""
ORDER = """## Does order matter?

What a plan shows is a function of the plan: each cell comes from the clean image, so that the last of all orders is
the same picture to the bit (checked below for every order). What can differ is the way there. The final set of each
flipped image, added a cell at a time in {orders} random orders: how much of the set is on the image when the answer
first changes. Sets of one cell are left out.
"""


def results_of(agent: str, settings: Mapping[str, Any]) -> list[brinkmap.AttackResult]:
    """The attack on every image, in order."""
    victim = cifar_victim("resnet20")
    x, y = correct(victim, *cifar_images(), SAMPLES)
    run = brinkmap.Run(agent=AGENTS[agent](0), seed=0, **settings)
    return sorted(brinkmap.attack(victim, x, y, run), key=lambda one: one.index)


def habits(one: brinkmap.AttackResult) -> dict[str, float] | None:
    """The statistics of one flipped image."""
    if not one.success or one.plan is None or one.clean is None:
        return None
    levels = one.plan[:, 1]
    chosen = levels > 0
    cells = one.clean.reshape(3, SIDE, PATCH, SIDE, PATCH).transpose(1, 3, 0, 2, 4).reshape(SIDE * SIDE, -1)
    away = np.hypot(*(np.indices((SIDE, SIDE)) - (SIDE - 1) / 2)).ravel()
    values = {"bright": cells.mean(axis=1), "contrast": cells.std(axis=1), "outward": away}
    ranked = {name: _ranks(value)[chosen].mean() for name, value in values.items()}
    return {"cells": chosen.mean(), "level": levels[chosen].mean(), **ranked}


def _ranks(values: np.ndarray) -> np.ndarray:
    """From 0 to 1, ties sharing the middle of their places."""
    below = (values[:, None] > values).sum(axis=1) + ((values[:, None] == values).sum(axis=1) - 1) / 2
    return np.asarray(below / (len(values) - 1))


def shuffled(results: Sequence[brinkmap.AttackResult]) -> list[dict[str, float]]:
    """Of each flipped image with more than one cell: what share of its set it takes, over random orders."""
    victim, rng, found = cifar_victim("resnet20"), np.random.default_rng(0), []
    for one in results:
        if not one.success or one.plan is None or (one.plan[:, 1] > 0).sum() < 2:
            continue
        clean, adversarial = one.clean, one.adversarial
        assert clean is not None
        assert adversarial is not None
        chosen = np.flatnonzero(one.plan[:, 1])
        shares = []
        for _ in range(ORDERS):
            order = rng.permutation(chosen)
            on = np.cumsum(order[:, None] == np.arange(SIDE * SIDE), axis=0).astype(bool)
            masks = np.kron(on.reshape(-1, SIDE, SIDE), np.ones((PATCH, PATCH), bool))[:, None]
            ways = np.where(masks, adversarial, clean)
            assert np.array_equal(ways[-1], adversarial)
            flipped = victim.predict(ways).argmax(axis=1) != one.reference
            shares.append(float(flipped.argmax() + 1) / len(chosen))
        found.append({
            "cells": len(chosen), "mean": float(np.mean(shares)), "least": min(shares), "most": max(shares),
            "last": float(np.mean(np.array(shares) == 1)),
        })  # fmt: skip
    return found


def measure(known: dict[str, Any]) -> None:
    """What is not there yet."""
    for agent in AGENTS:
        for filters in (*((one,) for one in NATURAL), NATURAL, ("tint",)):
            name = f"{agent} | {filters[0] if len(filters) == 1 else 'all four'}"
            if name in known:
                continue
            natural = {"distortions": filters, "patch": PATCH, "budget": 60, "refine_budget": 20}
            results = results_of(agent, tint(PATCH, 2.0, budget=100) if filters == ("tint",) else natural)
            order = shuffled(results) if len(filters) > 1 or filters == ("tint",) else []
            known[name] = {"habits": [habits(one) for one in results], "order": order}
            RESULTS.write_text(json.dumps(known) + "\n")
            print(name, sum(one.success for one in results), flush=True)


def page(known: Mapping[str, Any]) -> str:
    """All tables of which something is known."""
    parts = [INTRO.format(what=(__doc__ or "").split("\n\n")[-1].strip())]
    for agent in AGENTS:
        rows = {one: known.get(f"{agent} | {one}", {}).get("habits", []) for one in NATURAL}
        if all(rows.values()):
            parts.append(f"### {agent}\n\n{_strategies(rows)}")
    lines = [
        [name, len(held["order"]), *(f"{np.mean([one[key] for one in held['order']]):.2f}" for key in ORDER_COLUMNS)]
        for name, held in known.items() if held["order"]
    ]  # fmt: skip
    head = ("attack", "images", *ORDER_COLUMNS.values())
    return "\n".join([*parts, ORDER.format(orders=ORDERS), table(head, lines)])


def _strategies(rows: Mapping[str, Sequence[dict[str, float] | None]]) -> str:
    lines = []
    for name, of in rows.items():
        flipped = [one for one in of if one is not None]
        lines.append([name, len(flipped), *(interval_text([one[key] for one in flipped], 2) for key in STATISTICS)])
    every = [each for each in zip(*rows.values(), strict=True) if all(each)]
    by_key = {key: [[one[key] for one in each if one is not None] for each in every] for key in STATISTICS}
    tests = [friedmanchisquare(*zip(*values, strict=True)).pvalue for values in by_key.values()]
    lines.append(["Friedman, p", len(every), *(f"{p:.1e}" if p < 0.001 else f"{p:.3f}" for p in tests)])
    return table(("filter", "images", *STATISTICS.values()), lines)


def main() -> None:
    """Measure what is missing, and write the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--page", action="store_true")
    given = asked.parse_args()
    torch.set_num_threads(1)
    known = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if not given.page:
        measure(known)
    RESULTS.with_suffix(".md").write_text(page(known))


if __name__ == "__main__":
    main()
