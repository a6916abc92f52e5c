"""Reinforcement learning inside the response model, where queries are free: the policy's rollouts and its updates.

Some rollouts of every sample start at its clean state and differ by noise alone; what one of them earned beyond the
mean of its group says whether its choices become likelier.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from brinkmap.arrays import Array
from brinkmap.env.observation import Observation
from brinkmap.env.rules import LEAST_GAIN
from brinkmap.env.vector import Reward
from brinkmap.objective import Untargeted
from brinkmap.plan import Canvas, Palette
from brinkmap.response.cells import cell_contents, cell_counts, standings
from brinkmap.response.chunks import CHUNK
from brinkmap.response.correction import Corrections
from brinkmap.response.knapsack import best_codes
from brinkmap.response.margins import margins_for
from brinkmap.response.moments import kept_moments, put_back
from brinkmap.response.net import ResponseNet
from brinkmap.response.planning import slopes
from brinkmap.response.policy import Policy, Sight, price, shared, shares_of_fall
from brinkmap.response.scene import Scene, View
from brinkmap.seeding import training_generator

__all__ = ["Dream", "Dreamed", "Dreaming", "Samples"]

CLIP = 1.0
"""Largest norm of an update's gradient."""
SMOOTHING = 0.98
"""Of the scale that advantages are divided by: how much of it is left an update later."""
BUDGETS = (4, 200)
"""Between which the queries that the policy is told are left are drawn at first."""


BEYOND = 1.0
"""Nats past the flip that still earn something: the model may be wrong by so much."""


class Samples(Protocol):
    """Training samples by number, without end."""

    def __getitem__(self, number: int) -> Array:
        """`(c, *extent)` float32 within the bounds."""


@dataclass(frozen=True, kw_only=True)
class Dreaming:
    """How the policy learns in the model."""

    samples: int = 8
    """Samples in an update."""
    rollouts: int = 8
    """Rollouts of each."""
    steps: int = 4
    """Proposals in a rollout; it ends with the flip."""
    noise: float = 0.15
    """Scale of the Gumbel noise on the scores, which are about 1."""
    rate: float = 1e-3
    """Of Adam."""
    leash: float = 0.003
    """Weight of the squared distance of the scores from what they were before anything was learned, summed over cells:
    without it a policy that has once stopped changing anything never begins again."""
    error: float = 0.5
    """How wrong the model is made at most: a random linear residual, as a share of the last layer's own weights."""
    spread: float = 1.4
    """Bounds are drawn up to this factor around the one that is trained for."""
    reward: Reward = field(default_factory=Reward)


class Dreamed(NamedTuple):
    """What an update's rollouts came to."""

    earned: float
    """Mean reward of a rollout."""
    flipped: float
    """Share of the rollouts."""
    first: float
    """Share that the first proposal flipped."""
    l2: float
    """Mean distance at the end."""


@dataclass
class _State:
    """How every rollout stands, in the world as the model's error makes it."""

    codes: Tensor
    logits: Tensor
    margins: Tensor
    l2: Tensor
    credit: Tensor
    open: Tensor


class Dream:
    """A response model as a world to practise in, with an error of its own for each sample.

    Args:
        net: the model; frozen.
        policy: trained in place.
        canvas: shape, bounds, grid, cards.
        max_l2: the bound trained for; None for none.
        settings: how it learns.
        seed: of every draw.
    """

    def __init__(
        self, net: ResponseNet, policy: Policy, canvas: Canvas, max_l2: float | None, settings: Dreaming, seed: int = 0
    ) -> None:
        self._net, self.policy, self._canvas, self._settings = net.eval(), policy, canvas, settings
        self._max_l2, self._seed, self._scale, self.updates = max_l2, seed, 0.0, 0
        self._palette, self._scene = Palette(canvas, settings.samples), Scene(canvas, settings.samples)
        rows = settings.samples * settings.rollouts
        self._corrections = Corrections(rows, net.head.in_features, net.head.out_features)
        self._optimiser = torch.optim.Adam(policy.parameters(), lr=settings.rate)

    def updated(self, samples: Samples, updates: int) -> Iterator[Dreamed]:
        """Learn from so many batches of samples, each seen once."""
        for _ in range(updates):
            made = self._update(samples, training_generator(self._seed, "dream", self.updates))
            self.updates += 1
            yield made

    def state(self) -> dict[str, Tensor]:
        """All that going on needs, as tensors by name."""
        kept = {f"policy.{name}": values for name, values in self.policy.state_dict().items()}
        kept |= kept_moments(self._optimiser)
        return kept | {"scale": torch.tensor(self._scale, dtype=torch.float64), "updates": torch.tensor(self.updates)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Go on from what `state` gave."""
        own = {key.removeprefix("policy."): one for key, one in state.items() if key.startswith("policy.")}
        self.policy.load_state_dict(own)
        put_back(self._optimiser, state)
        self._scale, self.updates = float(state["scale"]), int(state["updates"])

    def _update(self, samples: Samples, rng: np.random.Generator) -> Dreamed:
        settings, rewards, chances, alive = self._settings, [], [], []
        strayed = torch.zeros(())
        world = self._load(samples, rng)
        state = world.state
        for step in range(settings.steps):
            alive.append(state.open.clone())
            chance, earned, away = self._step(world, rng, step)
            chances.append(chance)
            strayed = strayed + away / settings.steps
            rewards.append(torch.where(alive[-1], earned, 0))
        self._learn(torch.stack(chances), torch.stack(rewards), torch.stack(alive), strayed)
        later = alive[1] if settings.steps > 1 else state.open
        return Dreamed(
            float(torch.stack(rewards).sum(dim=0).mean()), float((~state.open).float().mean()),
            float((~later).float().mean()), float(state.l2.mean()),
        )  # fmt: skip

    def _load(self, samples: Samples, rng: np.random.Generator) -> _World:
        settings, canvas = self._settings, self._canvas
        contents = []
        for slot in range(settings.samples):
            number = self.updates * settings.samples + slot
            sample = canvas.snap(samples[number])
            self._palette.load(slot, sample, number)
            self._scene.load(slot, self._palette)
            contents.append(cell_contents(canvas, sample))
        bounds = np.full(settings.samples, np.inf)
        if self._max_l2 is not None:
            bounds = self._max_l2 * settings.spread ** rng.uniform(-1, 1, settings.samples)
        budgets = np.exp(rng.uniform(np.log(BUDGETS[0]), np.log(BUDGETS[1]), settings.samples)).astype(np.int64)
        each = torch.arange(settings.samples).repeat_interleave(settings.rollouts)
        world = _World(
            self._net, self._corrections, self._scene.view(each), torch.from_numpy(np.stack(contents))[each],
            torch.from_numpy(bounds[each]), budgets[each], self._residual(rng)[each],
        )  # fmt: skip
        world.begin()
        return world

    def _residual(self, rng: np.random.Generator) -> Tensor:
        """(samples, features, classes) what the model does not know of each sample's world."""
        weights = self._net.head.weight.detach().T
        share = rng.uniform(0, self._settings.error, (self._settings.samples, 1, 1))
        drawn = rng.standard_normal((self._settings.samples, *weights.shape)) * share
        return torch.from_numpy(drawn.astype(np.float32)) * weights.square().mean().sqrt()

    def _step(self, world: _World, rng: np.random.Generator, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """One proposal of every rollout: the logarithm of its chance, what it earned, how far the scores strayed."""
        settings, state = self._settings, world.state
        before, l2, open_ = state.margins, state.l2, state.open
        sight = world.sight(step)
        scores = self.policy(sight)
        strayed = (scores - self.policy.unlearned(sight)).square().mean(dim=1).sum(dim=1).mean()
        noise = self._noise(scores.shape, rng)
        noisy = scores.detach() + settings.noise * noise
        view, bound = world.view, world.max_l2.float()
        asked = best_codes(noisy, view.energy, bound, view.levels).codes
        paid = price(noisy, view.energy, bound)[:, None, None] * view.energy
        chance = ((scores - paid) / settings.noise).log_softmax(dim=1).gather(1, asked[:, None])[:, 0].sum(dim=1)
        world.ask(asked)
        fall = before.clamp(min=-BEYOND) - state.margins.clamp(min=-BEYOND)
        flipped = (open_ & ~state.open).numpy()
        earned = settings.reward.of(fall.numpy(), (state.l2 - l2).numpy(), np.ones(len(fall)), flipped)
        return chance, torch.from_numpy(np.asarray(earned)).float(), strayed

    def _noise(self, shape: tuple[int, ...], rng: np.random.Generator) -> Tensor:
        """(rollouts, codes, cells) Gumbel noise, shared as the policy's heads are."""
        noise, heads = torch.from_numpy(rng.gumbel(size=shape).astype(np.float32)), self.policy.heads
        by_frame = torch.from_numpy(rng.random(shape[0]) < 0.5) if heads == "joint" else torch.ones(0) > 0
        return shared(noise, heads, cell_counts(self._canvas), by_frame)

    def _learn(self, chances: Tensor, rewards: Tensor, alive: Tensor, strayed: Tensor) -> None:
        """Make likelier what earned more than its group on average; (steps, rollouts) each, `strayed` one number."""
        to_go = rewards.flip(0).cumsum(0).flip(0)
        grouped = (len(to_go), self._settings.samples, self._settings.rollouts)
        weight = alive.float().view(grouped)
        mean = (to_go.view(grouped) * weight).sum(dim=2, keepdim=True) / weight.sum(dim=2, keepdim=True).clamp(min=1)
        advantage = ((to_go.view(grouped) - mean) * weight).view_as(to_go)
        spread = float((advantage.square().sum() / alive.sum().clamp(min=1)).sqrt())
        self._scale = max(SMOOTHING * self._scale, spread)  # batches with little at stake weigh little
        loss = self._settings.leash * strayed
        loss = loss - (advantage / max(self._scale, 1e-6) * chances).sum() / alive.sum().clamp(min=1)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.policy.parameters(), CLIP)
        self._optimiser.step()


@dataclass
class _World:
    """The rollouts of one update: samples, bounds, what the answers really are, and what the model knows of them."""

    net: ResponseNet
    corrections: Corrections
    view: View
    contents: Tensor
    max_l2: Tensor
    budgets: np.ndarray
    residual: Tensor
    state: _State = field(init=False)

    def begin(self) -> None:
        """The clean looks."""
        n, cells = len(self.contents), self.view.energy.shape[2]
        self.rows, codes = torch.arange(n), torch.zeros(n, cells, dtype=torch.long)
        self.clean, answers = self._looked(codes)  # the residual is nothing at the clean sample
        self.margin, own = margins_for(Untargeted(), answers.argmax(dim=1).numpy(), np.arange(n))
        self.own = torch.from_numpy(own)
        self.corrections.begin(self.rows, self.clean, torch.zeros_like(answers))
        zero = torch.zeros(n, cells)
        self.state = _State(codes, answers, self.margin(answers, self.own), zero[:, 0], zero, torch.ones(n) > 0)

    def _looked(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """The model's features (n, features) and its own logits."""
        with torch.no_grad():
            parts = self.view.render(codes).split(CHUNK)
            features = torch.cat([self.net.features(part) for part in parts])
            return features, self.net.head(features)

    def ask(self, codes: Tensor) -> None:
        """Put codes (n, cells) to the world; the better ones become the incumbents, and the model is corrected."""
        state = self.state
        features, said = self._looked(codes)
        answers = said + torch.bmm((features - self.clean)[:, None], self.residual)[:, 0]
        self.corrections.learn(self.rows, features, answers.log_softmax(dim=1) - said.log_softmax(dim=1))
        margins = self.margin(answers, self.own)
        state.credit = shares_of_fall(state.credit, state.codes, codes, state.margins - margins)
        take = state.open & (margins < state.margins - LEAST_GAIN)
        l2 = self.view.squared(codes).sum(dim=1).sqrt()
        state.codes = torch.where(take[:, None], codes, state.codes)
        state.logits = torch.where(take[:, None], answers, state.logits)
        state.margins, state.l2 = torch.where(take, margins, state.margins), torch.where(take, l2, state.l2)
        state.open = state.open & (state.margins >= 0)

    def sight(self, step: int) -> Sight:
        """What the policy is shown after so many proposals."""
        state = self.state
        known = self.corrections.of(self.rows)
        images, parts = self.view.render(state.codes), self.rows.split(CHUNK)
        gradient = torch.cat(
            [slopes(self.net, known.rows(rows), self.margin, self.own[rows], images[rows])[1] for rows in parts]
        )
        seen = Observation(
            state.codes.numpy(), state.logits.softmax(dim=1).numpy(), state.margins.numpy(), state.l2.numpy(),
            self.max_l2.numpy(), self.budgets - step, ~state.open.numpy(),
        )  # fmt: skip
        told = torch.from_numpy(standings(seen))
        return Sight(self.contents, told, state.codes, state.credit, self.view.gains(gradient), self.view.energy)
