"""Fitting the response model: minibatches of answers, on full log-probabilities rather than one margin."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from brinkmap.response.looks import drawn_look
from brinkmap.response.moments import kept_moments, put_back
from brinkmap.response.muon import Muon
from brinkmap.response.net import ResponseNet
from brinkmap.response.precision import bfloat16_pays
from brinkmap.training.hardened import moved_against
from brinkmap.training.replay import LEAST_LOG_PROBABILITY, Replay

__all__ = ["BATCH", "Learner"]

BATCH = 64
RATE, OTHER_RATE = 1.2e-3, 3e-3
"""Of kernels and of all other weights."""
WARM_UP, LEAST = 0.05, 0.003
"""Share of all steps over which the rates rise; then they fall as a cosine to that share of themselves."""
DECAY = 1e-3
SQUARES = 0.05
"""Weight of squared errors of log-probabilities beside the divergence, which hardly minds the unlikely classes."""
MEMORY = 0.9987
"""Of the running mean of the weights, which is what plans are made with."""


class Learner:
    """A network under training and the running mean of its weights.

    Answers are looked at again and again, and a network soon knows them by heart. So each minibatch is moved before it
    is looked at, where the training's samples may be: what the victim says of the moved samples is nearly the same.

    Args:
        net: to be trained in place.
        steps: minibatches in all, which the learning rate is spread over.
        rng: draws the minibatches, and how they are moved.
        shift: whether they are shifted.
        flip: whether half of them are mirrored.
        robust_l2: how far each is moved against the network before it is fitted.
    """

    def __init__(
        self, net: ResponseNet, steps: int, rng: np.random.Generator, *, shift: bool = False, flip: bool = False,
        robust_l2: float = 0.0,
    ) -> None:  # fmt: skip
        self._moves = {"shift": shift, "flip": flip}
        self.net, self.steps, self.done = net.train(), steps, 0
        self.mean = copy.deepcopy(net).eval().requires_grad_(False)
        self.rng, self._robust_l2 = rng, robust_l2
        self._optimiser = Muon(net, RATE, OTHER_RATE, DECAY)
        self._bfloat16 = bfloat16_pays()

    def fit(self, replay: Replay, until: int) -> float:
        """Minibatches up to the until-th; returns the mean loss."""
        losses = []
        while self.done < min(until, self.steps):
            images, targets = replay.draw(BATCH, self.rng)
            look = drawn_look(self.rng, images.shape[2:], **self._moves)
            losses.append(self.step(look.of(images), targets))
        return float(np.mean(losses)) if losses else math.nan

    def step(self, images: Tensor, targets: Tensor) -> float:
        """One minibatch: images (n, c, *extent) and log-probabilities (n, classes); returns its loss."""
        self._optimiser.at(self._share())
        if self._robust_l2:
            images = moved_against(
                images, self._robust_l2, self.rng, lambda moved: _divergence(self._said(moved), targets).sum()
            )
        said = self._said(images)
        squares = (said.clamp(min=LEAST_LOG_PROBABILITY) - targets).square().mean()
        loss = _divergence(said, targets).mean() + SQUARES * squares
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()
        self.done += 1
        self._average()
        return loss.item()

    def _said(self, images: Tensor) -> Tensor:
        """(members, n, classes) log-probabilities."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            logits = self.net.each(images)
        return functional.log_softmax(logits.float(), dim=2)

    def forget(self) -> None:
        """Begin the running mean anew from the weights as they are now."""
        self.mean.load_state_dict(self.net.state_dict())

    def state(self) -> dict[str, Any]:
        """All that goes on from a checkpoint needs, as tensors by name."""
        kept = {f"net.{name}": values for name, values in self.net.state_dict().items()}
        kept |= {f"mean.{name}": values for name, values in self.mean.state_dict().items()}
        return kept | kept_moments(self._optimiser) | {"done": torch.tensor(self.done)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        for name, net in (("net.", self.net), ("mean.", self.mean)):
            net.load_state_dict({key.removeprefix(name): one for key, one in state.items() if key.startswith(name)})
        put_back(self._optimiser, state)
        self.done = int(state["done"])

    def _share(self) -> float:
        """Of the full rates, at the next step."""
        share = self.done / max(self.steps, 1)
        if share < WARM_UP:
            return (share + 1 / max(self.steps, 1)) / WARM_UP
        return LEAST + 0.5 * (1 + math.cos(math.pi * (share - WARM_UP) / (1 - WARM_UP)))

    def _average(self) -> None:
        weight = 1 - min(MEMORY, (self.done + 1) / (self.done + 10))
        with torch.no_grad():
            for mean, now in zip(self.mean.state_dict().values(), self.net.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, weight)
                else:
                    mean.copy_(now)


def _divergence(said: Tensor, targets: Tensor) -> Tensor:
    """(members, n) of log-probabilities (members, n, classes) from those that are to be, (n, classes)."""
    return (targets.exp() * (targets - said)).sum(dim=2)
