"""What `benchmarks/agent.py` measures: every row of docs/results/agent.md, as data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import real_data
from agent_makers import also, ceiling, prior_guided, reference, surrogate, trained
from brinkmap.agents.square import SquareAttack
from brinkmap.distortions.gradient import fgsm, pgd

NATURAL = ("gaussian-noise", "gaussian-blur", "dead-pixel", "illuminate")
BEST, FRUGAL, MORE, MOST = 60_000, 20_000, 180_000, 500_000
PPO = 180_000
"""Queries of the reference agent's training: as many as it could use."""
SEEDS = (0, 1, 2, 3, 4)
WHITE = "planning in the victim itself (white box)"
BUDGETS = (FRUGAL, MORE, MOST)


@dataclass(frozen=True)
class Case:
    """One row."""

    table: str
    title: str
    agent: Callable[[int], Any]
    """From a training seed to the agent."""
    settings: dict[str, Any]
    victim: str = "resnet20"
    seeds: tuple[int, ...] = (0,)
    """Training seeds for trained agents, run seeds for the others."""
    samples: int = 200
    training: int = 0
    """Queries that training cost."""
    needs: tuple[str, ...] = field(default=())
    """Folders under build/agents that have to be trained first, with {seed} in their names."""

    @property
    def key(self) -> str:
        """What its figures are kept under."""
        return f"{self.table} | {self.victim} | {self.title} | {sorted(plain(self.settings).items())}"


def plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON can hold them, filters by name."""
    return {
        key: [str(getattr(one, "name", one)) for one in value] if isinstance(value, tuple) else value
        for key, value in settings.items()
    }


def tint(patch: int, max_l2: float, budget: int = 200, **more: Any) -> dict[str, Any]:
    """The norm-matched track."""
    return {"distortions": ("tint",), "patch": patch, "max_l2": max_l2, "budget": budget, **more}


def natural(filters: tuple[Any, ...] = NATURAL, patch: int = 4) -> dict[str, Any]:
    """The natural track: no bound, 60 queries to flip, then 40 to refine."""
    return {"distortions": filters, "patch": patch, "budget": 60, "refine_budget": 40}


def cases() -> Iterator[Case]:
    """All rows, table by table."""
    yield from headline()
    yield from patches()
    yield from victims()
    yield from filters()
    yield from ablations()
    yield from thousand()


def headline() -> Iterator[Case]:
    """CIFAR-10 ResNet-20 under L2 bounds, with all controls."""
    best = f"q{BEST}-s{{seed}}"
    for bound in (1.0, 2.0, 0.5):
        one = tint(1, bound)
        yield Case(
            "headline", f"trained, {BEST:,d} answers", trained(best), one, seeds=SEEDS, training=BEST, needs=(best,)
        )
        yield Case("headline", "square", lambda _: SquareAttack(), {"max_l2": bound, "budget": 200}, seeds=SEEDS)
        yield Case("headline", "uniform random", lambda _: "random", one, seeds=SEEDS)
        yield Case("headline", WHITE, ceiling("resnet20"), one)
        if bound == 0.5:
            continue
        yield Case("headline", "learning, no training", lambda _: "learning", one, seeds=(0, 1))
        yield Case("headline", "cold-start, nothing across samples", lambda _: "cold-start", one, seeds=(0, 1))
        yield Case("headline", "greedy sweep", lambda _: "greedy", one)
        for title, habits in (("image-blind", {"blind": True}), ("uncorrected", {"corrected": False})):
            yield Case(
                "headline", f"trained, {title}", trained(best, **habits), one, seeds=(0, 1), training=BEST,
                needs=(best,),
            )  # fmt: skip
        yield from _knowledge(one)
        yield from _transfers(bound)
    ppo = "ppo1at1.0-q20000-s{seed}"
    yield Case("headline", "PPO, 20,000 queries", reference(ppo), tint(1, 1.0), training=20_000, needs=(ppo,))


def _knowledge(one: dict[str, Any]) -> Iterator[Case]:
    """The same network of labels alone, of fewer answers, and of both."""
    for title, habits in (("labels only, uncorrected", {"corrected": False}), ("labels only, corrected", {})):
        yield Case("headline", title, trained("labels-s{seed}", **habits), one, seeds=(0, 1), needs=("labels-s{seed}",))
    for queries in BUDGETS:
        name = f"q{queries}-s{{seed}}"
        yield Case(
            "headline", f"trained, {queries:,d} answers", trained(name), one, seeds=(0, 1), training=queries,
            needs=(name,),
        )  # fmt: skip
    name = f"labels-q{FRUGAL}-s{{seed}}"
    yield Case(
        "headline", f"trained, labels then {FRUGAL:,d} answers", trained(name), one, seeds=(0, 1), training=FRUGAL,
        needs=(name,),
    )  # fmt: skip


def _transfers(bound: float) -> Iterator[Case]:
    """Attacks of others with our networks as their surrogates."""
    settings, best = {"max_l2": bound, "budget": 200}, f"q{BEST}-s{{seed}}"
    yield Case("headline", "transfer, surrogate of labels", surrogate("labels-s{seed}"), settings)
    yield Case("headline", "P-RGF, surrogate of labels", prior_guided("labels-s{seed}"), settings)
    yield Case("headline", "transfer, surrogate of the answers", surrogate(best), settings, training=BEST)
    yield Case(
        "headline", "transfer, surrogate of the answers, four looks", surrogate(best, looks=4), settings, training=BEST
    )


def patches() -> Iterator[Case]:
    """The same under coarser patches."""
    best = f"q{BEST}-s{{seed}}"
    for patch in (2, 4):
        for bound in (1.0, 2.0):
            yield Case(
                "patches", f"trained, {BEST:,d} answers", trained(best), tint(patch, bound), seeds=(0, 1),
                training=BEST, needs=(best,),
            )  # fmt: skip
            yield Case("patches", "uniform random", lambda _: "random", tint(patch, bound), seeds=(0, 1))
            yield Case("patches", "learning, no training", lambda _: "learning", tint(patch, bound), seeds=(0, 1))
            yield Case("patches", WHITE, ceiling("resnet20"), tint(patch, bound))
    more = f"q{MORE}-s{{seed}}"
    yield Case(
        "patches", f"trained, {MORE:,d} answers", trained(more), tint(4, 2.0), seeds=(0, 1), training=MORE,
        needs=(more,),
    )  # fmt: skip
    ppo = f"ppo4at2.0-q{PPO}-s{{seed}}"
    yield Case(
        "patches", f"PPO, {PPO:,d} queries", reference(ppo), tint(4, 2.0), seeds=(0, 1), training=PPO, needs=(ppo,)
    )


def victims() -> Iterator[Case]:
    """Victims that training never asked, and robust ones."""
    best = f"q{BEST}-s{{seed}}"
    for victim, bound in (("resnet56", 1.0), ("resnet56", 2.0), ("resnet4b_adv", 1.0), ("cnn_a_mix", 1.0)):
        yield Case(
            "victims", f"trained on resnet20, {BEST:,d} answers", trained(best), tint(1, bound), victim, (0, 1),
            training=BEST, needs=(best,),
        )  # fmt: skip
        yield Case("victims", "square", lambda _: SquareAttack(), {"max_l2": bound, "budget": 200}, victim, (0, 1))
        yield Case("victims", "learning, no training", lambda _: "learning", tint(1, bound), victim, (0, 1))
        yield Case("victims", WHITE, ceiling(victim), tint(1, bound), victim)
        if victim in ("resnet4b_adv", "cnn_a_mix"):
            for title, name in (
                ("labels only", "labels-s{seed}"),
                ("labels only, made robust", "robust-labels-s{seed}"),
            ):
                yield Case("victims", title, trained(name), tint(1, bound), victim, (0, 1), needs=(name,))
            for queries, seeds in ((BEST, (0, 1)), (MORE, (0,))):
                name = f"{victim}-q{queries}-s{{seed}}"
                yield Case(
                    "victims", f"trained on it, {queries:,d} answers", trained(name), tint(1, bound), victim, seeds,
                    training=queries, needs=(name,),
                )  # fmt: skip


def filters() -> Iterator[Case]:
    """Natural filters, without a bound."""
    best = f"q{BEST}-s{{seed}}"
    yield from _beside_untrained("all four", trained(best), NATURAL, 200, (0, 1))
    yield Case("natural", f"all four: {WHITE}", ceiling("resnet20"), natural())
    for queries, seeds in ((MORE, (0, 1)), (MOST, (0,))):
        name = f"q{queries}-s{{seed}}"
        yield Case(
            "natural", f"all four: trained, {queries:,d} answers", trained(name), natural(), seeds=seeds,
            training=queries, needs=(name,),
        )  # fmt: skip
    for one in NATURAL:
        yield from _beside_untrained(one, trained(best), (one,))
    yield Case("natural", "all four: labels only", trained("labels-s{seed}"), natural(), needs=("labels-s{seed}",))
    for kind in (fgsm, pgd):
        signs = kind(_surrogate())
        title = f"{signs.name}, signs of ResNet-56, not natural"
        yield from _beside_untrained(title, also(best, distortions=signs.name), (signs,))


def _beside_untrained(
    title: str, agent: Callable[[int], Any], chosen: tuple[Any, ...], samples: int = 100, seeds: tuple[int, ...] = (0,)
) -> Iterator[Case]:
    """The best agent, random search and credit with the same filters."""
    best = f"q{BEST}-s{{seed}}"
    common: dict[str, Any] = {"samples": samples, "seeds": seeds}
    yield Case("natural", f"{title}: trained", agent, natural(chosen), training=BEST, needs=(best,), **common)
    for other in ("random", "credit", "learning"):
        yield Case("natural", f"{title}: {other}", lambda _, other=other: other, natural(chosen), **common)


@cache
def _surrogate() -> Any:
    """Whose gradients' signs are filters: asked once an image, and never counted as a query of the victim."""
    return real_data.shared_module("models_cifar").load("resnet56")


def ablations() -> Iterator[Case]:
    """Each habit by itself: ResNet-20, 100 samples, budget 200."""
    best = f"q{BEST}-s{{seed}}"
    common: dict[str, Any] = {"samples": 100, "training": BEST, "needs": (best,)}
    for changes in (None, 1, 2, 4, 8, 16):
        title = "dynamic N" if changes is None else f"N = {changes}"
        yield Case("changes", title, trained(best, changes=changes), tint(4, 2.0), **common)
    for title, habits, refine in (
        ("add only", {"removes": False}, 0), ("dual", {}, 0), ("dual and refine", {}, 40),
    ):  # fmt: skip
        yield Case("dual", title, trained(best, **habits), {**natural(), "refine_budget": refine}, **common)
        yield Case("dual", f"{title}, L2 <= 2", trained(best, **habits), tint(4, 2.0, refine_budget=refine), **common)
    for title, part in (("dual", ""), ("adding only", "add-")):
        name = f"ppo4at2.0-{part}q20000-s{{seed}}"
        yield Case(
            "dual", f"PPO, 20,000 queries, {title}, L2 <= 2", reference(name), tint(4, 2.0), seeds=(0, 1), samples=100,
            training=20_000, needs=(name,),
        )  # fmt: skip
    for patch in (1, 2, 4, 8, 16):
        yield Case("patch size", f"patch {patch}", also(best, patches=str(patch)), tint(patch, 2.0), **common)
        yield Case(
            "patch size", f"patch {patch}, natural", also(best, patches=str(patch)), natural(patch=patch), **common
        )
    for title, habits in (
        ("as it is", {}), ("one look", {"looks": 1}), ("2 looks", {"looks": 2}),
        ("towards any class alone", {"aims": False}),
        ("no exploration", {"plan_every": 1}), ("4 steps", {"steps": 4}), ("16 steps", {"steps": 16}),
        ("uncorrected", {"corrected": False}),
        ("uncorrected, no exploration", {"corrected": False, "plan_every": 1}),
    ):  # fmt: skip
        yield Case("parts", title, trained(best, **habits), tint(1, 0.5), **common)


def thousand() -> Iterator[Case]:
    """Budget 1000."""
    best = f"q{BEST}-s{{seed}}"
    for bound in (1.0, 2.0):
        yield Case(
            "thousand", f"trained, {BEST:,d} answers", trained(best), tint(1, bound, 1000), seeds=(0, 1), training=BEST,
            needs=(best,),
        )  # fmt: skip
        yield Case("thousand", "square", lambda _: SquareAttack(), {"max_l2": bound, "budget": 1000}, seeds=(0, 1))
        yield Case("thousand", "uniform random", lambda _: "random", tint(1, bound, 1000), seeds=(0,))
