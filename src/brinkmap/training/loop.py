"""Training the model-based agent: buy answers with the current policy, fit all of them, plan with what was learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from brinkmap.agents.response import ResponseAgent
from brinkmap.arrays import Array, as_samples, check_bounds, check_sample
from brinkmap.errors import InputError
from brinkmap.plan import in_values
from brinkmap.response.card import AgentCard
from brinkmap.training.checkpoint import begun, resume, save
from brinkmap.training.curve import draw_curve, scalars_of, write_progress
from brinkmap.training.labels import fit_labels
from brinkmap.training.scalars import Scalars
from brinkmap.training.trainer import Progress, Trainer, Training
from brinkmap.victims.protocol import Victim, has_scores

__all__ = ["train"]

LABEL_PASSES = 18


def train(
    victim: Victim, samples: Any, plan: Training | None = None, *, labels: Any = None, folder: str | Path | None = None,
    name: str = "trained", watch: Callable[[Progress], None] | None = None,
) -> ResponseAgent:  # fmt: skip
    """Train the model-based agent against a victim.

    In turns answers are bought and all answers are fitted. The first are to random plans; then most are to plans made
    in the model itself, at distances where about half of them succeed.

    Args:
        victim: the classifier; it must answer scores. Where it does not state its classes, one query tells them.
        samples: (n, c, *extent) float or (n, *extent, c) uint8: training samples, none of which is audited later.
        plan: budget, filters, patch sizes, network; None for the defaults.
        labels: (n,) true classes. Where given, the network is fitted to them first, which costs no query.
        folder: where answers, checkpoints, the agent, progress.csv, learning-curve.png and TensorBoard scalars are
            kept; a training that was begun there goes on.
        name: the agent's.
        watch: called after each round.

    Returns:
        The agent; its `card` says what was spent.

    Raises:
        InputError: bad samples, settings that cannot work, or a folder begun with others.
    """
    plan = plan or Training()
    samples = as_samples(samples, check_bounds(victim.bounds))
    _check_shape(victim, samples)
    if not has_scores(victim):
        raise InputError("training: this victim answers labels only, and a model of it is fitted to probabilities.")
    if plan.queries == 0 and labels is None:
        raise InputError("queries: 0 needs labels to fit. Give labels, or a budget.")
    patch: Any = in_values(plan.patch, samples.ndim - 2, getattr(victim, "rate_hz", None))
    plan, folder = replace(plan, patch=patch), None if folder is None else Path(folder)
    if folder is not None:
        (folder / "answers").mkdir(parents=True, exist_ok=True)
    trainer = Trainer(victim, samples, plan, folder)
    if labels is not None and not begun(trainer):
        fit_labels(trainer.net, trainer.variants, np.asarray(labels), LABEL_PASSES, plan.robust_l2)
        trainer.learner.forget()
    resume(trainer)
    with Scalars(folder) as scalars:
        while trainer.left > 0:
            made = trainer.round()
            save(trainer)
            scalars.add(scalars_of(made), made.queries)
            if folder is not None:
                write_progress(trainer.history, folder / "progress.csv")
            if watch is not None:
                watch(made)
    trainer.polish()
    save(trainer)
    agent = ResponseAgent(trainer.learner.mean, card=_card(trainer, name, labels is not None))
    if folder is not None:
        draw_curve(trainer.history, folder / "learning-curve.png")
        agent.save(folder / f"{name}.safetensors")
    return agent


def _check_shape(victim: Victim, samples: Array) -> None:
    if victim.shape is not None and tuple(victim.shape) != samples.shape[1:]:
        raise InputError(f"samples: expected the victim's shape {tuple(victim.shape)}, got {samples.shape[1:]}.")
    for sample in samples:
        check_sample(sample, samples.shape[1:], check_bounds(victim.bounds))


def _card(trainer: Trainer, name: str, labels: bool) -> AgentCard:
    plan, net, victim = trainer.plan, trainer.net, trainer.victim
    return AgentCard(
        name=name,
        channels=net.channels,
        rank=net.rank,
        classes=net.classes,
        widths=net.widths,
        temporal_shift=net.temporal_shift,
        members=net.members,
        shift=plan.shift,
        flip=plan.flip,
        distortions=tuple(plan.distortions),
        default=trainer.tracks.get(True) or trainer.tracks[False],
        patches=tuple(dict.fromkeys(map(str, plan.patch))),
        rate_hz=getattr(victim, "rate_hz", None),
        victims=(str(getattr(victim, "name", None) or type(victim).__name__),),
        training_queries=trainer.spent,
        labels=labels,
        robust_l2=plan.robust_l2,
        seed=plan.seed,
        figures=_figures(trainer.history),
    )


def _figures(history: list[Progress]) -> dict[str, float]:
    """What the last planned rounds of each track achieved on variants never seen before."""
    last = {one.natural: one for one in history if one.planned}
    figures: dict[str, float] = {}
    for natural, one in last.items():
        track = "natural" if natural else "norm"
        figures |= {
            f"{track}_plans_that_changed_the_answer": round(one.left, 3),
            f"{track}_max_l2": round(one.max_l2, 3),
        }
    return figures
