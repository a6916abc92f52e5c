"""Practising a policy in a response model: it costs nothing, goes on where it was left, and says what cannot work."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import brinkmap  # noqa: E402
from brinkmap.agents.response import ResponseAgent  # noqa: E402
from brinkmap.agents.saved import load_agent  # noqa: E402
from brinkmap.errors import InputError  # noqa: E402
from brinkmap.response.card import AgentCard  # noqa: E402
from brinkmap.response.dream import Dreaming  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402
from brinkmap.response.policy import HEADS  # noqa: E402
from brinkmap.training.practice import Practice, practise  # noqa: E402

SHAPE = (1, 3, 4, 4)
DREAMING = Dreaming(samples=2, rollouts=3, steps=2)
SAMPLES = np.random.default_rng(0).random((9, *SHAPE)).astype(np.float32)


def never(batch):
    raise AssertionError("asked")


VICTIM = brinkmap.wrap(never, shape=SHAPE, classes=2)


def agent_of(rank=3):
    torch.manual_seed(0)
    card = AgentCard(
        name="x", channels=1, rank=rank, classes=2, widths=(4, 6), temporal_shift=rank == 3,
        distortions=("tint", "flicker"), default=("flicker",), patches=("1x2x2", "1x1x1"), training_queries=300,
    )  # fmt: skip
    return ResponseAgent(ResponseNet(1, rank, 2, (4, 6)), card=card)


def weights_of(agent):
    return dict(agent.policy.state_dict())


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("heads", HEADS)
def test_it_is_trained_without_a_query_and_the_file_and_the_csv_say_how(tmp_path, heads):
    seen, agent = [], agent_of()
    before = {name: one.clone() for name, one in agent.net.state_dict().items()}
    practice = Practice(heads=heads, updates=3, width=8, blocks=1, dreaming=DREAMING)
    trained = practise(agent, VICTIM, SAMPLES, practice, folder=tmp_path, watch=lambda done, _: seen.append(done))
    assert seen == [1, 2, 3]
    assert same(before, dict(agent.net.state_dict()))
    card = trained.made_for
    assert (card.kind, card.name, card.training_queries) == ("policy", f"x-{heads}", 300)
    assert (card.distortions, card.patches) == (("flicker",), ("1x2x2",))
    assert (card.policy["heads"], card.policy["updates"], card.policy["filters"]) == (heads, 3, [["flicker", 5]])
    assert set(card.figures) == {"dreamed_earned", "dreamed_flipped", "dreamed_first", "dreamed_l2"}
    assert same(weights_of(load_agent(tmp_path / f"x-{heads}.safetensors")), weights_of(trained))
    assert len((tmp_path / f"x-{heads}.csv").read_text().splitlines()) == 4


def test_left_and_taken_up_again_it_ends_in_the_same_policy(tmp_path):
    class Left(Exception):
        pass

    def leave(done, made):
        if done == 22:  # the checkpoint is that of the 20th
            raise Left

    practice = Practice(heads="joint", updates=24, width=4, blocks=1, dreaming=DREAMING)
    straight = practise(agent_of(), VICTIM, SAMPLES, practice)
    with pytest.raises(Left):
        practise(agent_of(), VICTIM, SAMPLES, practice, folder=tmp_path, watch=leave)
    seen = []
    again = practise(
        agent_of(), VICTIM, SAMPLES, practice, folder=tmp_path, watch=lambda done, _: seen.append(done)
    )  # fmt: skip
    assert seen == [21, 22, 23, 24]
    assert same(weights_of(again), weights_of(straight))
    assert again.made_for.figures == straight.made_for.figures


def test_going_on_with_other_settings_or_another_model_is_refused(tmp_path):
    practice = Practice(updates=1, width=4, blocks=1, dreaming=DREAMING)
    practise(agent_of(), VICTIM, SAMPLES, practice, folder=tmp_path)
    wider = Practice(updates=1, width=8, blocks=1, dreaming=DREAMING)
    with pytest.raises(InputError, match="was begun with"):
        practise(agent_of(), VICTIM, SAMPLES, wider, folder=tmp_path)
    other = agent_of()
    with torch.no_grad():
        other.net.head.bias.add_(1)
    with pytest.raises(InputError, match="was begun with"):
        practise(other, VICTIM, SAMPLES, practice, folder=tmp_path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"heads": "both"}, "policy: expected flat, joint, temporal, spatial, got 'both'"),
        ({"updates": 0}, "updates: expected at least 1, got 0"),
        ({"max_l2": -1.0}, "max_l2: expected more than 0, or none, got -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(wrong, said):
    with pytest.raises(InputError, match=said):
        Practice(**wrong)


def test_samples_and_agents_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match="made for 1 channels and 3 axes, got 2 and 3"):
        practise(agent_of(), VICTIM, np.zeros((2, 2, 3, 4, 4), np.float32))
    with pytest.raises(InputError, match="expected an agent with a card"):
        practise(ResponseAgent(ResponseNet(1, 3, 2, (4, 6))), VICTIM, SAMPLES)
