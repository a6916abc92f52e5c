"""The contract checks pass everything that comes with Brinkmap, and name each way of breaking the contract."""

from dataclasses import dataclass

import numpy as np
import pytest

from brinkmap.agents.uniform import RandomAgent
from brinkmap.data import digits_heldout
from brinkmap.distortions import arsenal
from brinkmap.registry import entries, resolve
from brinkmap.testing import CHANNELS, ContractError, check_agent, check_distortion, check_victim

DISTORTIONS = arsenal([entry.name for entry in entries("distortion")], (CHANNELS, 8))


@pytest.mark.parametrize("distortion", DISTORTIONS, ids=lambda one: one.name)
def test_every_distortion_keeps_its_contract(distortion):
    check_distortion(distortion)


@pytest.mark.parametrize("name", [entry.name for entry in entries("agent")])
def test_every_agent_keeps_its_contract(name):
    check_agent(name)


@pytest.mark.parametrize("name", [entry.name for entry in entries("victim")])
def test_every_victim_keeps_its_contract(name):
    pytest.importorskip("torch")
    check_victim(resolve("victim", name)(), digits_heldout()[0][:5])


@dataclass
class Broken:
    """A distortion whose painting is whatever the test says."""

    painting: object
    name: str = "broken"
    levels: int = 2
    ranks: tuple[int, ...] = (1,)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        return self.painting(sample, level, rng)


def writes(sample, level, rng):
    sample[:] = 0
    return sample


@pytest.mark.parametrize(
    ("painting", "said"),
    [
        (writes, "read-only"),
        (lambda s, level, rng: s[..., :-1], "expected float32"),
        (lambda s, level, rng: s.astype(np.float64), "painted float64"),
        (lambda s, level, rng: s * np.float32(np.nan), "painted NaN"),
        (lambda s, level, rng: s + np.float32(0.1 / level), "is weaker than the one below"),
        (lambda s, level, rng: s + np.random.random(s.shape).astype(np.float32), "differs: draw from rng alone"),
    ],
    ids=["writes", "shape", "dtype", "nan", "order", "global-random"],
)
def test_a_broken_distortion_is_named(painting, said):
    with pytest.raises(ContractError, match=said):
        check_distortion(Broken(painting))


def test_all_breaches_are_reported_at_once():
    with pytest.raises(ContractError, match=r"levels is 0(.|\n)*ranks is \(4,\)"):
        check_distortion(Broken(lambda s, level, rng: s, levels=0, ranks=(4,)))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda x: np.full((len(x), 2), 1.5, np.float32), "no distribution"),
        (lambda x: np.full((len(x) + 1, 2), 0.5, np.float32), "expected an answer of shape"),
        (lambda x: np.tile(np.float32([[1 / len(x), 1 - 1 / len(x)]]), (len(x), 1)), "gets another answer"),
    ],
    ids=["sum", "rows", "batch"],
)
def test_a_broken_victim_is_named(answer, said):
    class Victim:
        shape, classes, bounds = (1, 8), 2, (0.0, 1.0)
        predict = staticmethod(answer)

    with pytest.raises(ContractError, match=said):
        check_victim(Victim(), np.full((4, 1, 8), 0.5, np.float32))


class Unseeded(RandomAgent):
    """Draws from a generator of its own."""

    rng = np.random.default_rng(0)

    def propose(self, slots, observation, rngs):
        return super().propose(slots, observation, [self.rng] * len(slots))


class OutOfCards(RandomAgent):
    """Plays a card that there is not."""

    def propose(self, slots, observation, rngs):
        return np.full_like(super().propose(slots, observation, rngs), 999)


@pytest.mark.parametrize(
    ("agent", "said"), [(Unseeded(), "depend on how many"), (OutOfCards(), "expected codes from 0")]
)
def test_a_broken_agent_is_named(agent, said):
    with pytest.raises(ContractError, match=said):
        check_agent(agent)
