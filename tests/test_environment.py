"""The environments: gymnasium's own check, and that they do what the runner does."""

import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import brinkmap
from brinkmap.agents.uniform import RandomAgent
from brinkmap.environment import make_env, make_vector_env
from brinkmap.errors import InputError
from brinkmap.victims.metered import Metered

RANKS = [(1, 24), (3, 6, 5), (1, 4, 6, 6)]


def mean_victim(shape):
    """Class 1 where the mean is above .5; exact, for each row is summed by itself in float64."""

    def probabilities(batch):
        share = np.array([np.sum(row, dtype=np.float64) / row.size for row in batch])
        steep = 1 / (1 + np.exp(-40 * (share - 0.5)))
        return np.stack([1 - steep, steep], axis=1).astype(np.float32)

    return brinkmap.wrap(probabilities, shape=shape, classes=2)


def samples_of(shape, count=6):
    rng = np.random.default_rng(0)
    return (0.44 + 0.1 * rng.random((count, *shape))).astype(np.float32)


@pytest.mark.parametrize("shape", RANKS, ids=str)
def test_passes_gymnasiums_own_check(shape):
    env = make_env(mean_victim(shape), samples_of(shape), run=brinkmap.Run(patch=3, budget=20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # check_env advises on unbounded boxes and the missing spec
        check_env(env, skip_render_check=True)


def test_is_a_vector_env_that_refills_its_slots():
    shape = (1, 24)
    env = make_vector_env(mean_victim(shape), samples_of(shape), run=brinkmap.Run(budget=4, patch=4), num_envs=3)
    assert isinstance(env, gymnasium.vector.VectorEnv)
    env.reset(seed=1)
    env.action_space.seed(1)
    seen = set()
    for _ in range(30):
        observations, rewards, terminated, truncated, infos = env.step(env.action_space.sample())
        assert env.observation_space.contains(observations)
        assert rewards.shape == terminated.shape == truncated.shape == (3,)
        assert (infos["queries"] <= 4).all()
        seen |= set(infos["index"].tolist())
    assert seen == set(range(6))


def test_pays_for_every_look_and_step():
    shape, asked = (1, 24), []
    victim = mean_victim(shape)
    counting = brinkmap.wrap(lambda x: (asked.append(len(x)), victim.predict(x))[1], shape=shape, classes=2)
    env = make_vector_env(counting, samples_of(shape), run=brinkmap.Run(budget=9), num_envs=2)
    env.reset(seed=3)
    for _ in range(25):
        env.step(env.action_space.sample())
    assert sum(asked) == env.metered.ledger.total > 0


def test_ends_as_the_runner_does():
    """The same proposals through the environment and through `brinkmap.attack` give the same outcome."""
    shape, run = (1, 24), brinkmap.Run(agent="random", budget=60, patch=3, max_l2=1.0, seed=5)
    samples = samples_of(shape)
    by_runner = {r.index: r for r in brinkmap.attack(mean_victim(shape), samples, None, run)}
    env = make_vector_env(mean_victim(shape), samples, run=run, num_envs=1)
    env.reset(seed=0)
    agent, slots, only = RandomAgent(), env.slots, np.array([0])
    ended = {}
    while len(ended) < len(samples):
        agent.start(only, slots.samples(only), slots.references[only], slots.answers(only), slots.context(only))
        over = False
        while not over:
            proposal = agent.propose(only, slots.observe(only), [slots.rngs[0]])
            slots._order[0] = np.argsort(np.argsort(agent.order(only)[0]))
            _, _, terminated, truncated, infos = env.step(proposal)
            over = bool(terminated[0] or truncated[0])
        ended[int(infos["index"][0])] = (int(infos["queries"][0]), bool(infos["success"][0]), float(slots.l2[0]))
        env.step(np.zeros((1, env.canvas.grid.cells), int))
    for index, (queries, success, l2) in ended.items():
        result = by_runner[index]
        assert (queries, success) == (result.queries, result.success)
        assert l2 == pytest.approx(result.l2, rel=1e-9)


def test_says_what_it_needs():
    unknown = brinkmap.wrap(lambda x: np.full((len(x), 2), 0.5, np.float32))
    with pytest.raises(InputError, match="number of classes must be known"):
        make_vector_env(unknown, samples_of((1, 24)))
    with pytest.raises(InputError, match="at most one max_l2"):
        make_vector_env(mean_victim((1, 24)), samples_of((1, 24)), run=brinkmap.Run(max_l2=[1.0, 2.0]))
    wrong = mean_victim((1, 24)).predict(samples_of((1, 24))).argmin(axis=1)
    labelled_wrong = make_env(mean_victim((1, 24)), samples_of((1, 24)), wrong)
    with pytest.raises(InputError, match="not one of 6 samples"):
        labelled_wrong.reset(seed=0)


def test_metered_is_the_only_door():
    env = make_env(mean_victim((1, 24)), samples_of((1, 24)))
    assert isinstance(env._vector.metered, Metered)
