"""Training a classifier by a recipe: goes on bit for bit, and picks its best checkpoint on a validation split."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from brinkmap.errors import InputError
from brinkmap.harden.adversaries import Adversary
from brinkmap.harden.blend import blended
from brinkmap.harden.history import scalars_of
from brinkmap.harden.labelled import Labelled
from brinkmap.harden.objectives import PolicyGradient
from brinkmap.harden.recipe import Checked, Recipe
from brinkmap.harden.rewards import Baseline, Constant, NoBaseline, RewardSchedule
from brinkmap.harden.taken_up import Kept, keep, take_up
from brinkmap.seeding import training_generator
from brinkmap.training.scalars import Scalars

__all__ = ["Fitted", "accuracy", "fit", "policy_gradient"]

LOOK = 256
"""Samples at once when accuracies are looked at."""


@dataclass(frozen=True)
class Fitted:
    """What came of a training."""

    net: nn.Module
    """With the weights of the best look, in evaluation mode."""
    last: dict[str, Tensor]
    """The weights after the last epoch."""
    history: tuple[Checked, ...]
    """Every look in order."""
    best: Checked
    """The look that was picked: the first one with the highest judged accuracy on the validation split, or the one at a
    mixture of weights."""
    ended: str
    """What ended it: epochs, seconds or patience, by the recipe's `epochs`, `max_seconds` or `patience`."""
    share: float = 1.0
    """Of the hardened weights in the network's; the rest are those it began with, by the recipe's `blend`."""


def policy_gradient(
    net: nn.Module, data: Labelled, validation: Labelled, recipe: Recipe | None = None, *,
    rewards: RewardSchedule | None = None, baseline: Baseline | None = None, **more: Any,
) -> Fitted:  # fmt: skip
    """Train a classifier by rewards for answers that it draws from its own softmax.

    Args:
        net: to logits; trained in place.
        data: what to train on.
        validation: what checkpoints are picked by.
        recipe: adversary, optimiser, epochs and the like; its objective gives way to this one.
        rewards: +1 and -1 where none is given.
        baseline: taken off the rewards; nothing, as in the paper.
        more: `watched`, `folder` and `watch` of `fit`.

    Source: Gupta 2020 (SVRHM workshop, NeurIPS).
    """
    objective = PolicyGradient(rewards or Constant(), baseline or NoBaseline())
    return fit(net, data, validation, replace(recipe or Recipe(), objective=objective), **more)


def fit(
    net: nn.Module, data: Labelled, validation: Labelled, recipe: Recipe, *,
    watched: dict[str, Labelled] | None = None, folder: Path | None = None,
    watch: Callable[[Checked], None] | None = None,
) -> Fitted:  # fmt: skip
    """Train a classifier by a recipe; the same call in the same folder goes on where it was left, to the same bits.

    Args:
        net: to logits; trained in place, and left with the best weights.
        data: what to train on.
        validation: what checkpoints are picked by.
        recipe: how.
        watched: more sets whose accuracies are noted at each look; nothing is picked by them.
        folder: for the checkpoint and TensorBoard scalars (extra `rl`); nothing is kept without one.
        watch: called with each look as it is taken.

    Raises:
        InputError: the network does not fit the samples or has too few classes, the folder's training was begun
            otherwise, or the loss is no number any more.
    """
    for one in (data, validation, *(watched or {}).values()):
        _check_fits(net, one)
    # accuracy on training samples is not worth more time than that on the others
    looked_at = {"train": _first(data, len(validation)), "validation": validation, **(watched or {})}
    training = _Training(net, data, recipe)
    first = copy.deepcopy(net.state_dict()) if recipe.blend else {}
    history, best = _looks(training, looked_at, folder, watch)
    last, picked, share = copy.deepcopy(net.state_dict()), _picked(history, recipe), 1.0
    if recipe.blend:
        least = _least(history, recipe)
        made = blended(
            net, first, last,
            lambda: accuracy(net, validation) >= least, lambda: _judged(net, validation, recipe),
        )  # fmt: skip
        if made is not None and made.judged > picked.judged["validation"]:
            best, _, share = made
    net.load_state_dict(best)
    if share < 1:
        natural, judged = _accuracies(net, looked_at, recipe)
        picked = replace(history[-1], natural=natural, judged=judged)
    return Fitted(net.eval(), last, tuple(history), picked, _ended(history, recipe), share)


def _looks(
    training: _Training, sets: dict[str, Labelled], folder: Path | None, watch: Callable[[Checked], None] | None
) -> tuple[list[Checked], dict[str, Tensor]]:
    """All looks until the training has ended, those of before included, and the weights of the one that is picked."""
    net, recipe = training.net, training.recipe
    kept = take_up(folder, recipe, net, training.optimiser)
    training.mistakes = kept.mistakes if len(kept.mistakes) else training.mistakes
    history, best = list(kept.history), kept.best
    with Scalars.anew(folder) as scalars:

        def taken(checked: Checked) -> None:
            scalars.add(scalars_of(checked), checked.epoch)
            if watch is not None:
                watch(checked)

        for checked in history:
            taken(checked)
        if recipe.tolerance is not None and not history:
            history, best = [_look(0, 0.0, training, sets)], copy.deepcopy(net.state_dict())
            taken(history[0])
        epoch, seconds = training.at(history, folder)
        while not _ended(history, recipe):
            started = time.process_time()
            training.epoch(epoch)
            epoch, seconds = epoch + 1, seconds + time.process_time() - started
            if not _is_due(epoch, seconds, recipe):
                continue
            checked = _look(epoch, seconds, training, sets)
            history.append(checked)
            if _picked(history, recipe) is checked:
                best = copy.deepcopy(net.state_dict())
            keep(folder, recipe, net, training.optimiser, Kept(training.mistakes, tuple(history), best))
            taken(checked)
    assert best is not None
    return history, best


def _is_due(epoch: int, seconds: float, recipe: Recipe) -> bool:
    """Whether to look after so many epochs: at the stated ones, and where the training may end."""
    over = recipe.max_seconds is not None and seconds >= recipe.max_seconds
    made = recipe.pool is None or epoch % recipe.pool.every == 0  # only there can it be taken up again
    return epoch % recipe.check_every == 0 or epoch >= recipe.epochs or (over and made)


def _ended(history: Sequence[Checked], recipe: Recipe) -> str:
    """What has ended the training by its last look, or an empty text; a function of the looks, so that it resumes."""
    if not history:
        return ""
    since = len(history) - 1 - history.index(_picked(history, recipe))
    reached = {
        "epochs": history[-1].epoch >= recipe.epochs,
        "seconds": recipe.max_seconds is not None and history[-1].seconds >= recipe.max_seconds,
        "patience": recipe.patience is not None and since >= recipe.patience,
    }
    return next((name for name, is_reached in reached.items() if is_reached), "")


def _picked(history: Sequence[Checked], recipe: Recipe) -> Checked:
    """The first look with the highest judged accuracy, of those that gave up no more than is tolerated."""
    least = _least(history, recipe)
    return max((one for one in history if one.natural["validation"] >= least), key=lambda one: one.judged["validation"])


def _least(history: Sequence[Checked], recipe: Recipe) -> float:
    """Natural accuracy on the validation split that is to be kept."""
    return -math.inf if recipe.tolerance is None else history[0].natural["validation"] - recipe.tolerance


class _Training:
    """The weights, the optimiser, and how often in a row each sample was answered wrongly."""

    def __init__(self, net: nn.Module, data: Labelled, recipe: Recipe) -> None:
        self.net, self.recipe, self.data = net, recipe, data
        self.samples, self.labels = data.tensors()
        self.queries, self.flipped = 0, 0.0
        self.optimiser = recipe.optimiser.begin(net.parameters())
        self.mistakes = torch.zeros(len(data), dtype=torch.int64)
        self.losses: list[float] = []
        self.earned: list[float] = []

    def at(self, history: Sequence[Checked], folder: Path | None) -> tuple[int, float]:
        """Take up the counts of the last look; returns its epoch and seconds.

        Raises:
            InputError: it was an end between two makings of the pool, so that their samples are gone.
        """
        if not history:
            return 0, 0.0
        last, pool = history[-1], self.recipe.pool
        self.queries, self.flipped = last.queries, last.flipped
        if pool is not None and last.epoch % pool.every and not _ended(history, self.recipe):
            raise InputError(
                f"training: {folder} ended at epoch {last.epoch}, between two makings of {pool.every} epochs, so it "
                f"cannot go on. Give another folder, and epochs that are a multiple of {pool.every}."
            )
        return last.epoch, last.seconds

    def epoch(self, number: int) -> None:
        """One pass; all that is random in it follows from the recipe's seed and the number."""
        recipe = self.recipe
        if recipe.pool is not None and number % recipe.pool.every == 0:
            made = recipe.pool.made(self.net, self.data, number, recipe.epochs, recipe.seed)
            self.samples, self.flipped = torch.from_numpy(made.samples), made.flipped
            self.queries += made.queries
        drawn = training_generator(recipe.seed, "epoch", number)
        generator = torch.Generator().manual_seed(int(drawn.integers(2**62)))
        batches = torch.from_numpy(drawn.permutation(len(self.labels))).split(recipe.batch)
        self.net.train()
        with torch.random.fork_rng(devices=[]):  # dropout draws from torch's own generator
            torch.manual_seed(generator.initial_seed())
            for place, rows in enumerate(batches):
                for group in self.optimiser.param_groups:
                    group["lr"] = recipe.optimiser.rate(number * len(batches) + place, recipe.epochs * len(batches))
                self._step(rows, generator)

    def _step(self, rows: Tensor, generator: torch.Generator) -> None:
        labels = self.labels[rows]
        shown = self.recipe.adversary(self.net, self.samples[rows], labels, generator)
        outcome = self.recipe.objective(self.net(shown), labels, self.mistakes[rows], generator)
        self.optimiser.zero_grad(set_to_none=True)
        outcome.loss.backward()
        self.optimiser.step()
        self.mistakes[rows] = torch.where(outcome.right, 0, self.mistakes[rows] + 1)
        self.losses.append(outcome.loss.item())
        self.earned.append(outcome.reward)
        if not math.isfinite(self.losses[-1]):
            raise InputError(
                f"training: the loss is {self.losses[-1]} after {len(self.losses)} steps. Lower the learning rate; "
                "the last checkpoint is kept."
            )


def _check_fits(net: nn.Module, data: Labelled) -> None:
    """That the network takes such samples and knows all of their classes."""
    net.eval()  # batch statistics have nothing to say of one sample
    samples, highest = data.tensors()[0][:1], int(data.labels.max())
    try:
        with torch.inference_mode():
            answer = net(samples)
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise InputError(f"network: cannot take samples of shape {data.samples.shape[1:]}: {reason}.") from error
    if answer.ndim != 2 or answer.shape[1] <= highest or data.labels.min() < 0:
        raise InputError(
            f"network: expected logits for the labels {data.labels.min()} to {highest}, got {tuple(answer.shape)} for "
            "one sample. Give it an output for every class, and number these from 0."
        )


def _look(epoch: int, seconds: float, training: _Training, sets: dict[str, Labelled]) -> Checked:
    loss, reward = (float(np.mean(some)) if some else 0.0 for some in (training.losses, training.earned))
    training.losses, training.earned = [], []
    natural, judged = _accuracies(training.net, sets, training.recipe)
    return Checked(epoch, seconds, loss, reward, natural, judged, training.queries, training.flipped)


def _accuracies(net: nn.Module, sets: dict[str, Labelled], recipe: Recipe) -> tuple[dict[str, float], dict[str, float]]:
    """Of each set, on the samples as they are and on what the judge makes of them."""
    natural = {name: accuracy(net, one) for name, one in sets.items()}
    return natural, {name: _judged(net, one, recipe) for name, one in sets.items()}


def _judged(net: nn.Module, data: Labelled, recipe: Recipe) -> float:
    return accuracy(net, _first(data, recipe.judged), recipe.judge, recipe.seed)


def accuracy(net: nn.Module, data: Labelled, adversary: Adversary | None = None, seed: int = 0) -> float:
    """The share that a network gets right, of samples as they are or as an adversary changes them against it."""
    net.eval()
    generator = torch.Generator().manual_seed(seed)
    samples, labels = data.tensors()
    right = 0
    for shown, classes in zip(samples.split(LOOK), labels.split(LOOK), strict=True):
        if adversary is not None:
            shown = adversary(net, shown, classes, generator)
        with torch.inference_mode():
            right += int((net(shown).argmax(dim=1) == classes).sum())
    return right / len(data)


def _first(data: Labelled, count: int | None) -> Labelled:
    return data if count is None else Labelled(data.samples[:count], data.labels[:count])
