"""Training the model-based agent: what is bought is counted, what is kept is enough to go on, and it pays."""

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors import safe_open  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

import brinkmap  # noqa: E402
from brinkmap.agents.response import ResponseAgent  # noqa: E402
from brinkmap.agents.saved import load_agent  # noqa: E402
from brinkmap.errors import InputError  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402
from brinkmap.training.learner import Learner  # noqa: E402
from brinkmap.training.loop import train  # noqa: E402
from brinkmap.training.replay import Replay  # noqa: E402
from brinkmap.training.samples import Variants  # noqa: E402
from brinkmap.training.trainer import Training  # noqa: E402

SHAPE = (1, 8, 8)
WEIGHTS = np.random.default_rng(3).standard_normal((3, 64)).astype(np.float64)
PLAN = Training(queries=3000, distortions=("tint",), patch=(2,), widths=(8, 16, 24), passes=12, shift=False, seed=1)


class Counting:
    """Three classes, told apart by a random net of one layer; counts what it is asked."""

    def __init__(self):
        self.asked = 0

    def __call__(self, batch):
        self.asked += len(batch)
        scores = 3 * np.tanh(4 * (batch.reshape(len(batch), -1).astype(np.float64) - 0.5)) @ WEIGHTS.T / 4
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)


def samples_of(count, seed):
    return (0.3 + 0.4 * np.random.default_rng(seed).random((count, *SHAPE))).astype(np.float32)


def victim_of(counting, classes=3):
    return brinkmap.wrap(counting, shape=SHAPE, classes=classes)


def capped(agent, seed=0, max_l2=0.4):
    run = brinkmap.Run(agent=agent, distortions=["tint"], patch=2, max_l2=max_l2, budget=30, seed=seed)
    results = list(brinkmap.attack(victim_of(Counting()), samples_of(40, 99), None, run))
    return np.mean([one.queries_to_flip or 30 for one in results])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder, counting, seen = tmp_path_factory.mktemp("training"), Counting(), []
    agent = train(victim_of(counting), samples_of(300, 0), PLAN, folder=folder, name="small", watch=seen.append)
    return agent, folder, counting.asked, seen


def test_every_answer_is_counted_and_none_is_bought_beyond_the_budget(trained):
    agent, _, asked, seen = trained
    assert asked == agent.made_for.training_queries == seen[-1].queries
    assert PLAN.queries - 10 < asked <= PLAN.queries


def test_it_beats_its_untrained_self_and_random_on_samples_it_never_saw(trained):
    torch.manual_seed(0)
    untrained = ResponseAgent(ResponseNet(1, 2, 3, PLAN.widths))
    assert capped(trained[0]) < 0.6 * capped(untrained)
    assert capped(trained[0]) < 0.6 * capped("random")


def test_the_file_holds_all_that_the_agent_is(trained):
    agent, folder, _, _ = trained
    again = load_agent(folder / "small.safetensors")
    assert again.made_for == agent.made_for
    assert capped(again) == capped(agent) == capped(str(folder / "small.safetensors"))


def test_the_folder_shows_what_happened(trained):
    _, folder, _, seen = trained
    assert len((folder / "progress.csv").read_text().splitlines()) == len(seen) + 1
    assert (folder / "learning-curve.png").stat().st_size > 5000


def test_left_and_taken_up_again_it_ends_in_the_same_agent_for_the_same_queries(trained, tmp_path):
    """Answers are re-rendered from their plans; the half-precision of stored log-probabilities is used all along."""
    agent, _, asked, _ = trained
    counting = Counting()

    class Left(Exception):
        pass

    def leave(made):
        if made.queries > 1200:
            raise Left

    with pytest.raises(Left):
        train(victim_of(counting), samples_of(300, 0), PLAN, folder=tmp_path, name="small", watch=leave)
    resumed = train(victim_of(counting), samples_of(300, 0), PLAN, folder=tmp_path, name="small")
    assert counting.asked == asked
    assert capped(resumed) == pytest.approx(capped(agent), rel=0.15)


def test_a_folder_begun_with_other_settings_is_refused(trained):
    with pytest.raises(InputError, match="was begun with"):
        train(victim_of(Counting()), samples_of(300, 0), Training(queries=999), folder=trained[1])


def without(trained, tmp_path, setting):
    """A copy of a training's folder whose checkpoint does not state a setting."""
    folder = shutil.copytree(trained[1], tmp_path / "copy")
    path = folder / "checkpoint.safetensors"
    with safe_open(path, "pt") as held:
        told, weights = held.metadata(), {name: held.get_tensor(name) for name in held.keys()}  # noqa: SIM118
    plan = json.loads(told["plan"])
    del plan[setting]
    save_file(weights, path, metadata=told | {"plan": json.dumps(plan)})
    return folder


def test_a_checkpoint_of_before_a_setting_was_there_goes_on_with_its_default(trained, tmp_path):
    folder = without(trained, tmp_path, "robust_l2")
    counting = Counting()
    agent = train(victim_of(counting), samples_of(300, 0), PLAN, folder=folder, name="small")
    assert (agent.made_for.training_queries, counting.asked) == (PLAN.queries, 0)
    other = dataclasses.replace(PLAN, robust_l2=0.5)
    with pytest.raises(InputError, match="robust_l2"):
        train(victim_of(Counting()), samples_of(300, 0), other, folder=folder, name="small")


def test_a_checkpoint_of_no_format_is_refused(trained, tmp_path):
    folder = without(trained, tmp_path, "format")
    with pytest.raises(InputError, match="was begun with"):
        train(victim_of(Counting()), samples_of(300, 0), PLAN, folder=folder, name="small")


def test_classes_that_are_not_known_cost_one_query():
    counting = Counting()
    plan = Training(queries=400, distortions=("tint",), patch=(4,), widths=(4, 4), passes=1)
    agent = train(victim_of(counting, classes=None), samples_of(50, 0), plan)
    assert counting.asked == agent.made_for.training_queries <= 400


def test_labels_cost_nothing_and_teach_something():
    samples = samples_of(600, 5)
    counting = Counting()
    labels = counting(samples).argmax(axis=1)
    counting.asked = 0
    plan = Training(queries=0, distortions=("tint",), patch=(2,), widths=PLAN.widths, shift=False)
    agent = train(victim_of(counting), samples, plan, labels=labels)
    assert counting.asked == agent.made_for.training_queries == 0
    torch.manual_seed(0)
    assert capped(agent) < capped(ResponseAgent(ResponseNet(1, 2, 3, PLAN.widths)))


def test_members_cost_no_query_more_and_their_file_holds_them_all(tmp_path):
    counting = Counting()
    plan = dataclasses.replace(PLAN, queries=600, passes=3, members=2)
    agent = train(victim_of(counting), samples_of(100, 0), plan, folder=tmp_path, name="two")
    assert counting.asked == agent.made_for.training_queries <= 600
    again = load_agent(tmp_path / "two.safetensors")
    assert again.made_for == agent.made_for
    assert again.net.members == 2
    shown = torch.from_numpy(samples_of(5, 7))
    assert torch.equal(again.net(shown), agent.net(shown))
    kept = [name for name in agent.net.state_dict() if name.startswith("others")]
    assert kept


def test_segments_of_signals_may_be_given_in_milliseconds():
    def answer(batch):
        peak = batch.reshape(len(batch), -1).max(axis=1, keepdims=True)
        return np.concatenate([peak, 1 - peak], axis=1)

    plan = Training(queries=256, distortions=("tint",), patch=("50ms", 3), widths=(4, 4), passes=1)
    signals = np.random.default_rng(0).random((20, 1, 40), dtype=np.float32)
    agent = train(brinkmap.wrap(answer, shape=(1, 40), classes=2, rate_hz=100.0), signals, plan)
    assert agent.made_for.patches == ("5", "3")
    run = brinkmap.Run(agent=agent, patch="50ms", budget=4)
    rated = brinkmap.wrap(answer, shape=(1, 40), classes=2, rate_hz=100.0)
    assert all(one.error is None for one in brinkmap.attack(rated, signals[:2], None, run))
    with pytest.raises(InputError, match="sampling rate"):
        train(brinkmap.wrap(answer, shape=(1, 40), classes=2), signals, plan)


def test_a_patch_too_small_for_a_filter_is_said_before_a_query_is_paid_for():
    counting = Counting()
    rated = brinkmap.wrap(counting, shape=(1, 200), classes=3, rate_hz=100.0)
    plan = Training(queries=512, distortions=("motion-artifact", "bare-motion"), patch=("200ms", "50ms"), widths=(4, 4))
    signals = np.random.default_rng(0).random((20, 1, 200), dtype=np.float32)
    with pytest.raises(InputError, match="at least 100 ms"):
        train(rated, signals, plan)
    assert counting.asked == 0


def test_each_track_goes_through_all_patch_sizes_with_a_bound_of_its_own_for_each(monkeypatch):
    monkeypatch.setattr("brinkmap.training.trainer.ROUND", 32)
    plan = Training(
        queries=1024, distortions=("tint", "illuminate"), patch=(4, 1, 2, 1), widths=(4, 4), passes=0.5, scatter=0.0
    )
    seen = []
    train(victim_of(Counting()), samples_of(50, 0), plan, watch=seen.append)
    assert {(one.natural, one.patch) for one in seen} == {(kind, size) for kind in (False, True) for size in "124"}
    planned = [(one.max_l2, one.left) for one in seen if one.planned and not one.natural and one.patch == "4"]
    assert len(planned) > 2
    for (bound, left), (following, _) in itertools.pairwise(planned):
        assert (following > bound) == (left < 0.6)


def fitted_on(image, monkeypatch, **moves):
    """(40, *image.shape): one sample as 40 minibatches of it are looked at."""
    learner = Learner(ResponseNet(1, image.ndim - 1, 3, (4, 4)), 40, np.random.default_rng(0), **moves)
    replay, seen = Replay(1, tuple(image.shape), 3), []
    replay.add(image[None].half(), torch.zeros(1, 3))

    def step(images, _):
        seen.append(images[0])
        learner.done += 1
        return 0.0

    monkeypatch.setattr(learner, "step", step)
    learner.fit(replay, 40)
    return torch.stack(seen)


@pytest.mark.parametrize("flip", [False, True])
def test_answers_are_mirrored_as_they_are_fitted_where_samples_may_be(flip, monkeypatch):
    image = torch.arange(64.0).view(SHAPE)
    seen = fitted_on(image, monkeypatch, flip=flip)
    assert {bool(torch.equal(one, image)) for one in seen} == {True, not flip}
    assert all(torch.equal(one.flip(-1), image) or torch.equal(one, image) for one in seen)


def test_pictures_are_shifted_by_up_to_one_value_in_32_as_they_are_fitted_and_signals_are_not(monkeypatch):
    image = torch.arange(1024.0).view(1, 32, 32)
    seen = fitted_on(image, monkeypatch, shift=True)
    # inside, values count up by one along a row and by 32 from row to row, so that a shift is one number
    shifts = {float(one[0, 16, 16] - image[0, 16, 16]) for one in seen}
    assert shifts == {down + across for down in (-32, 0, 32) for across in (-1, 0, 1)}
    signal = torch.arange(64.0).view(1, 64)
    assert (fitted_on(signal, monkeypatch, shift=True) == signal).all()


def test_variants_are_the_same_each_time_and_use_all_samples():
    variants = Variants(samples_of(7, 0), seed=2, flip=True)
    assert sorted(variants.source(number) for number in range(7)) == list(range(7))
    np.testing.assert_array_equal(variants[12], variants[12])
    assert variants[12].shape == SHAPE


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"queries": 10}, "queries: expected at least 64, or 0 to fit labels alone, got 10"),
        ({"passes": 0}, "passes: expected more than 0"),
        ({"patch": ()}, "at least one distortion"),
        ({"scatter": 2}, "scatter: expected a share from 0 to 1"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        Training(**wrong)


def test_an_agent_refuses_a_victim_of_another_make(trained):
    victim = brinkmap.wrap(lambda x: np.full((len(x), 5), 0.2), shape=SHAPE, classes=5)
    with pytest.raises(InputError, match="3 classes, got 1, 2 and 5"):
        list(brinkmap.attack(victim, samples_of(2, 0), None, brinkmap.Run(agent=trained[0])))


@pytest.mark.parametrize("stated", [{"patch": 3}, {"distortions": ["illuminate"]}])
def test_the_card_says_what_a_run_may_state(trained, stated):
    with pytest.raises(InputError, match="the agent was made for"):
        list(brinkmap.attack(victim_of(Counting()), samples_of(2, 0), None, brinkmap.Run(agent=trained[0], **stated)))
