"""Classification as an environment that learners know."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

pytest.importorskip("torch")

from brinkmap.data import digits_heldout, digits_train
from brinkmap.harden import ClassifyEnv, Labelled, Repeated


@pytest.mark.filterwarnings("ignore:.*WARN.*")
@pytest.mark.parametrize("flat", [False, True])
def test_gymnasium_finds_nothing_wrong(flat):
    check_env(ClassifyEnv(Labelled(*digits_train()), flat=flat), skip_render_check=True)


def test_every_sample_comes_before_any_comes_again():
    env = ClassifyEnv(Labelled(*digits_train()), classes=10)
    env.reset(seed=1)
    shown = [env.reset()[1]["index"] for _ in range(1256)]
    assert len(set(shown)) == 1256
    env.reset(seed=1)
    assert [env.reset()[1]["index"] for _ in range(1256)] == shown


def test_a_right_answer_earns_and_a_wrong_one_costs_more_each_time():
    data = Labelled(np.zeros((1, 1, 2), np.float32), np.array([1]))
    env = ClassifyEnv(data, classes=3, rewards=Repeated(0.5))
    earned = []
    for action in (0, 2, 0, 1, 0):
        env.reset()
        _, reward, terminated, truncated, told = env.step(np.int64(action))
        earned.append(reward)
        assert (terminated, truncated, told["right"]) == (True, False, action == 1)
    assert earned == [-1, -1.5, -2, 1, -1]


def test_ppo_learns_to_read_digits_in_it():
    pytest.importorskip("stable_baselines3")
    from stable_baselines3 import PPO
    from stable_baselines3.common.env_util import make_vec_env

    data, held = Labelled(*digits_train()), Labelled(*digits_heldout())
    vector = make_vec_env(lambda: ClassifyEnv(data, flat=True), 8, seed=0)
    learner = PPO(
        "MlpPolicy", vector, seed=0, n_steps=128, batch_size=128, gamma=0.0, learning_rate=1e-3, ent_coef=0.01,
        device="cpu",
    )  # fmt: skip
    answers = [learner.predict(held.samples.reshape(len(held), -1), deterministic=True)[0]]
    learner.learn(5000)
    answers.append(learner.predict(held.samples.reshape(len(held), -1), deterministic=True)[0])
    before, after = (float((one == held.labels).mean()) for one in answers)
    assert before < 0.3
    assert after > 0.85
