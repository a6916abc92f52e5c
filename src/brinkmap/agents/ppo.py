"""The reference agent: a network trained by plain PPO, which looks at a sample and draws a change for each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from brinkmap.agents.draws import uniforms
from brinkmap.agents.saved import write_agent
from brinkmap.arrays import Array, Floats, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.errors import InputError
from brinkmap.plan import Canvas

if TYPE_CHECKING:
    from torch import Tensor

    from brinkmap.response.cells import CellNet

__all__ = ["KIND", "PpoAgent", "filters_of"]

KIND = "ppo"
CHUNK = 32
"""Rows the network is run on at once, the last repeated where there are fewer, so that no answer depends on how many
samples are attacked at a time."""


class PpoAgent:
    """Draws every cell's change from a trained network; learns nothing during an attack.

    Args:
        net: the network.
        card: what it was made for: kind, distortions and patch as a run states them, filters (name and levels of
            each, in card order), rank, channels, victims, training_queries, seed, width, blocks, removes.
    """

    needs_scores = True

    def __init__(self, net: CellNet, card: Mapping[str, Any]) -> None:
        self.card = dict(card)
        self._net = net.eval()
        self._canvas: Canvas | None = None
        self._contents = np.zeros((0, 0), np.float32)

    def start(self, slots: Ints, samples: Array, references: Ints, answers: Array, context: Context) -> None:
        """Look at the clean samples, cell by cell.

        Raises:
            InputError: other filters, channels or axes than it was made for, or several patch sizes.
        """
        from brinkmap.response.cells import CONTENTS, cell_contents, cell_counts

        canvas = context.canvas
        if self._canvas is not canvas:  # another run begins
            counts = cell_counts(canvas)
            _check_made_for(self.card, canvas)
            self._canvas = canvas
            self._contents = np.zeros((context.slots, CONTENTS * canvas.shape[0], *counts), np.float32)
        for slot, sample in zip(slots, samples, strict=True):
            self._contents[slot] = cell_contents(canvas, sample)

    def propose(self, slots: Ints, observation: Observation, rngs: Sequence[np.random.Generator]) -> Ints:
        """One draw a cell, each independent of the others given what the network sees."""
        from brinkmap.response.cells import standings

        logits = self._logits(self._contents[slots], observation.codes.astype(np.int64), standings(observation))
        return _drawn(logits, uniforms(rngs, observation.codes.shape[1]))

    def learn(self, slots: Ints, plans: Ints, answers: Array, accepted: np.ndarray) -> None:
        """Nothing: the next observation says how the sample stands."""

    def stop(self, slots: Ints) -> None:
        """Nothing: what was seen of a sample is overwritten by the next."""

    def save(self, path: str | Path) -> None:
        """Write weights and card into one safetensors file, whole or not at all."""
        write_agent(path, self._net.state_dict(), self.card)

    @classmethod
    def from_file(cls, card: dict[str, Any], weights: dict[str, Tensor]) -> PpoAgent:
        """The agent that `save` wrote."""
        from brinkmap.response.cells import CellNet
        from brinkmap.victims.weights import network_with

        cards = sum(levels for _, levels in card["filters"])
        sizes = (card["channels"], card["rank"], cards, card["width"], card["blocks"])
        removes = card.get("removes", True)  # files from before that could be chosen do not say
        net = network_with(lambda: CellNet(*sizes, removes=removes), weights, card)
        return cls(net, card)

    def _logits(self, contents: Array, codes: Ints, standings: Array) -> Array:
        """(n, cells, cards + 2) the network's, in whole chunks."""
        import torch

        found = []
        with torch.inference_mode():
            for start in range(0, len(codes), CHUNK):
                rows = np.minimum(np.arange(start, start + CHUNK), len(codes) - 1)
                told = (torch.from_numpy(one[rows]) for one in (contents, codes, standings))
                found.append(self._net(*told)[0][: len(codes) - start].numpy())
        return np.concatenate(found)


def filters_of(canvas: Canvas) -> list[list[Any]]:
    """Name and levels of each distortion, in card order."""
    return [[one.name, int(one.levels)] for one in canvas.cards.distortions]


def _drawn(logits: Array, u: Floats) -> Ints:
    """(n, cells) int16: the choice at which the probabilities (of the last axis) add up to more than u."""
    weights = np.exp(logits.astype(np.float64) - logits.max(axis=2, keepdims=True))
    climbed = np.cumsum(weights, axis=2)
    climbed /= climbed[..., -1:]  # ends at exactly 1, so that what has no probability is never reached
    return (climbed <= u[..., None]).sum(axis=2).astype(np.int16)


def _check_made_for(card: Mapping[str, Any], canvas: Canvas) -> None:
    made = (card["channels"], card["rank"], [list(one) for one in card["filters"]])
    got = (canvas.shape[0], len(canvas.shape) - 1, filters_of(canvas))
    for what, ours, theirs in zip(("channels", "rank", "filters"), made, got, strict=True):
        if ours != theirs:
            raise InputError(f"agent ppo: it was trained for {what} {ours}, got {theirs}. Train one for these.")
