"""A response model fitted while an audit goes on, from nothing but the answers that the audit pays for itself."""

from __future__ import annotations

import copy
from typing import final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from brinkmap.arrays import Ints
from brinkmap.response.net import ResponseNet, deepened
from brinkmap.response.precision import bfloat16_pays

__all__ = ["LEAST_LOG_PROBABILITY", "OnlineModel"]

WIDTHS = (16, 32, 64, 128)
"""Smaller than a trained agent's: it is fitted between two queries."""
OWNERS, ANSWERS = 24, 7
"""Samples in a minibatch, and answers to each of them."""
PASSES, EARLY_PASSES, EARLY = 4, 20, 1500
"""How often each answer is looked at on average, and how often the first so many answers are."""
LEAST_CHARGE = OWNERS * ANSWERS // 4
"""Answers that a minibatch counts as at least, or the first samples would be fitted for ever."""
RATE, DECAY = 2e-3, 1e-3
STEEPEST = 5.0
"""Norm that gradients are cut to: the first answers are few and far apart."""
SQUARES = 0.05
"""Weight of squared errors of log-probabilities beside the divergence, which hardly minds the unlikely classes."""
MEMORY = 0.98
"""Of the running mean of the weights, which is what plans are made with."""
LEAST_LOG_PROBABILITY = -20.0
"""Log-probabilities below are as good as this: what is left of them is rounding."""
REPLAY_BYTES, REPLAY_ANSWERS = 2**28, 40_000


class _Replay:
    """Answers by the sample that they are about; when memory is full the oldest make room."""

    def __init__(self, image: torch.Size, classes: int) -> None:
        capacity = max(64, min(REPLAY_ANSWERS, REPLAY_BYTES // (2 * image.numel())))
        self.images = torch.empty((capacity, *image), dtype=torch.float16)
        self.targets = torch.empty(capacity, classes)
        self.owners = np.zeros(capacity, np.int64)
        self.clean: list[Tensor] = []
        self.first: list[Tensor] = []
        self.rows: list[list[int]] = []
        self.seen = 0

    def add(self, owner: int, image: Tensor, target: Tensor) -> None:
        place = self.seen % len(self.images)
        if self.seen >= len(self.images):
            self.rows[self.owners[place]].pop(0)
        self.images[place], self.targets[place], self.owners[place] = image, target, owner
        self.rows[owner].append(place)
        self.seen += 1

    def draw(self, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Clean images, images, answers less the clean ones' part, and whose (n,) each image is."""
        held = min(self.seen, len(self.images))
        owners = np.unique(self.owners[rng.integers(0, held, OWNERS)])
        rows = [rng.choice(self.rows[one], min(ANSWERS, len(self.rows[one])), replace=False) for one in owners]
        whose = torch.from_numpy(np.repeat(np.arange(len(owners)), [len(one) for one in rows]))
        flat = torch.from_numpy(np.concatenate(rows))
        images = torch.cat([torch.stack([self.clean[one] for one in owners]), self.images[flat]]).float()
        return images, torch.stack([self.first[one] for one in owners]), self.targets[flat], whose


@final
class OnlineModel:
    """A network that learns how answers differ from the clean one, and the running mean of its weights.

    For a sample it predicts the clean answer's log-probabilities, which have been paid for, plus the difference that
    the network makes between the two: nothing of it has to know the samples themselves.

    Args:
        shape: `(c, *extent)` of a sample.
        classes: of the victim.
        seed: of weights and minibatches.
    """

    def __init__(self, shape: tuple[int, ...], classes: int, seed: int) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._net = ResponseNet(shape[0], len(shape) - 1, classes, deepened(WIDTHS, shape[1:]))
        self._mean = copy.deepcopy(self._net).eval().requires_grad_(False)
        self._rng = np.random.default_rng(seed)
        self._optimiser = torch.optim.AdamW(self._net.parameters(), lr=RATE, weight_decay=DECAY)
        self._bfloat16 = bfloat16_pays()
        self._replay = _Replay(self._small(torch.zeros(1, *shape)).shape[1:], classes)
        self._due, self._steps = 0, 0

    @property
    def seen(self) -> int:
        """Answers taken in so far, clean ones not counted."""
        return self._replay.seen

    def copy(self) -> ResponseNet:
        """The network as it is now, in eval mode; fitting goes on without touching it."""
        return copy.deepcopy(self._mean)

    def begin(self, image: Tensor, log_probabilities: Tensor) -> int:
        """Take in a clean sample (c, *extent) with its answer (classes,); returns its number."""
        replay = self._replay
        replay.clean.append(self._small(image[None])[0])
        replay.first.append(log_probabilities.clamp(min=LEAST_LOG_PROBABILITY))
        replay.rows.append([])
        return len(replay.rows) - 1

    def add(self, owners: Ints, images: Tensor, log_probabilities: Tensor) -> None:
        """Take in answers (n, classes) to what became (n, c, *extent) of the samples of these numbers (n,)."""
        small, targets = self._small(images), log_probabilities.clamp(min=LEAST_LOG_PROBABILITY)
        for owner, image, target in zip(owners, small, targets, strict=True):
            self._due += EARLY_PASSES if self.seen < EARLY else PASSES
            self._replay.add(int(owner), image, target)

    def fit(self) -> None:
        """The minibatches that are due: what is looked at keeps pace with what is answered."""
        self._net.train()
        while self._due > 0 and self.seen:
            self._due -= self._step()
            self._average()

    def _step(self) -> int:
        images, first, wanted, whose = self._replay.draw(self._rng)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            features = self._net.features(images)
        logits = self._net.head(features.float())
        clean, changed = logits[: len(first)], logits[len(first) :]
        said = functional.log_softmax(first[whose] + changed - clean[whose], dim=1)
        divergence = (wanted.exp() * (wanted - said)).sum(dim=1).mean()
        squares = (said.clamp(min=LEAST_LOG_PROBABILITY) - wanted).square().mean()
        self._optimiser.zero_grad(set_to_none=True)
        (divergence + SQUARES * squares).backward()
        nn.utils.clip_grad_norm_(self._net.parameters(), STEEPEST)
        self._optimiser.step()
        self._steps += 1
        return max(len(wanted), LEAST_CHARGE)

    def _average(self) -> None:
        weight = 1 - min(MEMORY, (self._steps + 1) / (self._steps + 10))
        with torch.no_grad():
            for mean, now in zip(self._mean.state_dict().values(), self._net.state_dict().values(), strict=True):
                if mean.dtype.is_floating_point:
                    mean.lerp_(now, weight)
                else:
                    mean.copy_(now)

    def _small(self, images: Tensor) -> Tensor:
        """Images as the network looks at them, in half precision."""
        with torch.no_grad():
            if self._net.rank < 3:
                return self._net.shrunk(images).half()
            frames = images.transpose(1, 2)
            return self._net.shrunk(frames.flatten(0, 1)).unflatten(0, frames.shape[:2]).transpose(1, 2).half()
