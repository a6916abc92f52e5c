"""The contract checks pass everything that comes with Brinkmap, and name each way of breaking the contract."""

import time
from dataclasses import dataclass

import numpy as np
import pytest

from attacks_known import SLOW
from brinkmap.agents.uniform import RandomAgent
from brinkmap.data import load_data
from brinkmap.errors import InputError
from brinkmap.registry import entries, resolve
from brinkmap.testing import ContractError, check_agent, check_distortion, check_victim


@pytest.mark.parametrize("name", [entry.name for entry in entries("distortion")])
def test_every_distortion_keeps_its_contract(name):
    check_distortion(name)


@pytest.mark.parametrize(
    "name",
    [pytest.param(one.name, marks=[pytest.mark.slow] * (one.name in SLOW)) for one in entries("agent")],
)
def test_every_agent_keeps_its_contract(name):
    check_agent(name)


SETS = {name: name for name in ("digits", "abnormal-beats", "digits-on-textures", "moving-digits", "ecg-rhythms")}
SETS["moving-digits-tsm"] = "moving-digits"
"""What the victims that come with data of their own are asked about."""


@pytest.mark.parametrize("name", [entry.name for entry in entries("victim")])
def test_every_victim_keeps_its_contract(name):
    pytest.importorskip("torch")
    victim = resolve("victim", name)()
    if name in SETS:
        samples = load_data(SETS[name], limit=5).stacked(victim.bounds)
    else:
        samples = np.random.default_rng(0).uniform(*victim.bounds, (5, *victim.shape)).astype(np.float32)
    check_victim(victim, samples)


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
        (lambda s, level, rng: (s - s.mean()) / s.std(), "flat sample, level 1: painted NaN"),
        (lambda s, level, rng: s + rng.random((level, *s.shape), np.float32).sum(axis=0), r"level \[2\] draws more or"),
        (lambda s, level, rng: s, "changes nothing at any level"),
        (lambda s, level, rng: [s], "painted list, expected float32"),
        (lambda s, level, rng: time.sleep(0.02 * level) or s * np.float32(0.5), "takes 0.0[4-9] s, expected at most"),
    ],
    ids=["writes", "shape", "dtype", "nan", "order", "global-random", "flat", "draws", "nothing", "list", "slow"],
)
def test_a_broken_distortion_is_named(painting, said):
    with np.errstate(all="ignore"), pytest.raises(ContractError, match=said):
        check_distortion(Broken(painting), slowest_s=0.02)


@dataclass(frozen=True)
class Edged:
    """Darkens each cell's first value: reads the grid, and says so only if told to."""

    reads_grid: bool
    name: str = "edged"
    levels: int = 1
    ranks: tuple[int, ...] = (1,)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        painting = sample.copy()
        painting[:, :: grid.sizes[0][0]] = 0
        return painting


def test_reading_the_grid_has_to_be_said():
    check_distortion(Edged(reads_grid=True))
    with pytest.raises(ContractError, match="paints by the grid: say so with reads_grid = True"):
        check_distortion(Edged(reads_grid=False))


@dataclass(frozen=True)
class Choosy:
    """Refuses cells shorter than it says."""

    least: int
    name: str = "choosy"
    levels: int = 1
    ranks: tuple[int, ...] = (1,)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        if grid.sizes[0][0] < self.least:
            raise InputError(f"cells of at least {self.least}")
        return sample * np.float32(0.5)


def test_a_distortion_may_refuse_cells_of_a_size_and_not_of_all():
    check_distortion(Choosy(20))
    with pytest.raises(ContractError, match=r"refuses every patch size: .*cells of at least 1000"):
        check_distortion(Choosy(1000))


def test_functions_and_classes_are_checked_like_objects():
    check_distortion(lambda content, level, rng: content * np.float32(1 - level / 10))
    with pytest.raises(ContractError, match="level 1, cell 0: expected float32 of shape"):
        check_distortion(lambda content, level, rng: content.astype(float))
    with pytest.raises(ContractError, match=r"making it for shape \(3, 60\) raised InputError: .*expected a function"):
        check_distortion(lambda content, level: content)


def test_the_state_of_global_generators_is_put_back():
    np.random.seed(5)
    expected = np.random.RandomState(5).random()
    check_distortion("gaussian-noise")
    assert np.random.random() == expected


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


class UnseededLearner(Unseeded):
    """May depend on the slots, but does on the run as well."""

    learns_across = True


class OutOfCards(RandomAgent):
    """Plays a card that there is not."""

    def propose(self, slots, observation, rngs):
        return np.full_like(super().propose(slots, observation, rngs), 999)


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (Unseeded(), "depend on how many"),
        (UnseededLearner(), "change from run to run"),
        (OutOfCards(), "expected codes from 0"),
    ],
)
def test_a_broken_agent_is_named(agent, said):
    with pytest.raises(ContractError, match=said):
        check_agent(agent)
