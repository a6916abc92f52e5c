"""Policy agents on disk: the card, old files, and files that are none; and the contract of agents for every kind."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from safetensors.torch import save_file  # noqa: E402

import brinkmap  # noqa: E402
from brinkmap.agents.policy import PolicyAgent  # noqa: E402
from brinkmap.agents.response import Habits, ResponseAgent  # noqa: E402
from brinkmap.agents.saved import load_agent, read_agent, write_agent  # noqa: E402
from brinkmap.errors import InputError  # noqa: E402
from brinkmap.response.card import AgentCard  # noqa: E402
from brinkmap.response.net import ResponseNet  # noqa: E402
from brinkmap.response.policy import HEADS, Policy  # noqa: E402
from brinkmap.testing import check_agent  # noqa: E402

CLIP = (2, 4, 6, 6)
FILTERS = [["frame-drop", 5], ["flicker", 5]]


def made(heads, rank=3, filters=FILTERS, habits=None):
    """An untrained agent with opinions."""
    torch.manual_seed(1)
    names = tuple(name for name, _ in filters)
    policy = Policy(2, rank, sum(levels for _, levels in filters), width=8, blocks=1, heads=heads)
    with torch.no_grad():
        for head in policy.head.values():
            head.weight.mul_(100)
    told = {"heads": policy.heads, "width": 8, "blocks": 1, "filters": filters, "max_l2": None, "updates": 0}
    card = AgentCard(
        name="x", kind="policy", channels=2, rank=rank, classes=2, widths=(4, 6), temporal_shift=rank == 3,
        distortions=names, default=names, patches=("1x2x2" if rank == 3 else "2",), policy=told,
    )  # fmt: skip
    return PolicyAgent(ResponseNet(2, rank, 2, (4, 6)), policy, habits, card)


def outcomes(agent, **settings):
    def answer(batch):
        motion = np.abs(np.diff(batch.astype(np.float64), axis=2)).reshape(len(batch), -1).mean(axis=1)
        share = 1 / (1 + np.exp(-40 * (motion - 0.28)))
        return np.stack([share, 1 - share], axis=1)

    victim = brinkmap.wrap(answer, shape=CLIP, classes=2)
    samples = np.random.default_rng(0).random((4, *CLIP)).astype(np.float32)
    run = brinkmap.Run(agent=agent, budget=4, **settings)
    found = brinkmap.attack(victim, samples, None, run)
    return sorted((one.index, one.queries, one.success, one.l2) for one in found)


@pytest.mark.parametrize("heads", HEADS)
def test_what_is_read_is_what_was_written_and_slots_change_nothing(tmp_path, heads):
    agent = made(heads)
    agent.save(tmp_path / "a.safetensors")
    again = load_agent(tmp_path / "a.safetensors")
    assert again.made_for == agent.made_for
    assert again.policy.heads == heads
    expected = outcomes(agent, slots=4)
    assert outcomes(again, slots=1) == outcomes(str(tmp_path / "a.safetensors"), slots=3) == expected
    assert all(queries > 1 for _, queries, *_ in expected)


@pytest.mark.parametrize(
    ("heads", "rank", "filters"),
    [("joint", 3, FILTERS), ("temporal", 3, FILTERS), ("joint", 2, [["illuminate+", 5], ["illuminate-", 5]])],
)
def test_it_keeps_the_contract(heads, rank, filters):
    check_agent(made(heads, rank, filters, Habits(steps=0)))


@pytest.mark.parametrize("heads", ["temporal", "spatial"])
def test_after_the_first_proposal_noise_is_that_of_whole_frames_or_patches_through_all(heads):
    agent = made(heads, habits=Habits(steps=0))
    outcomes(agent)
    noise = agent._noise.unflatten(2, (4, 9))
    asked_again = noise.abs().amax(dim=(1, 2, 3)) > 0
    assert asked_again.any()
    assert torch.equal(noise, (noise[..., :1] if heads == "temporal" else noise[:, :, :1]).expand_as(noise))
    assert noise[asked_again].std(dim=2 if heads == "temporal" else 3).min() > 0


def test_a_file_from_before_has_no_shift_and_answers_as_ever(tmp_path):
    torch.manual_seed(0)
    net = ResponseNet(2, 3, 2, (4, 6), temporal_shift=False).eval()
    card = {
        "name": "old", "channels": 2, "rank": 3, "classes": 2, "widths": [4, 6], "distortions": ["flicker"],
        "default": ["flicker"], "patches": ["1x2x2"], "victims": ["v"], "training_queries": 7, "labels": False,
        "seed": 0, "figures": {}, "notes": "", "kind": "response",
    }  # fmt: skip
    write_agent(tmp_path / "old.safetensors", net.state_dict(), card)
    old = load_agent(tmp_path / "old.safetensors")
    assert not old.net.temporal_shift
    clips = torch.rand(3, *CLIP)
    assert torch.equal(old.net(clips), net(clips))
    assert outcomes(old) == outcomes(ResponseAgent(net, card=old.made_for))


def test_filters_that_the_policy_has_no_scores_for_are_refused():
    with pytest.raises(InputError, match=r"trained for all of frame-drop \(5 levels\), flicker \(5 levels\), got fl"):
        outcomes(made("joint"), distortions=("flicker",))


def test_hostile_cards_are_refused_or_read(tmp_path):
    agent, path = made("joint"), tmp_path / "a.safetensors"
    agent.save(path)
    card, weights = read_agent(path)
    values = [None, -1, 0, 2**40, 1e308, "x", [], [[]], {}, [["a", 2**40]], [["a", "b"]], ["../../x"], True]
    refused = 0
    for name in ("heads", "width", "blocks", "filters"):
        for value in values:
            save_file(weights, path, metadata={"card": json.dumps(card | {"policy": card["policy"] | {name: value}})})
            try:
                load_agent(path)
            except InputError as error:
                refused += "card and weights do not belong together" in str(error)
    assert refused >= 4 * len(values) - 2  # one block may be called True
    for policy in (None, 3, [], {}, "joint"):
        save_file(weights, path, metadata={"card": json.dumps(card | {"policy": policy})})
        with pytest.raises(InputError, match="do not belong together"):
            load_agent(path)
