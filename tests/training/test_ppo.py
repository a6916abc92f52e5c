"""The reference agent: that it learns, that every query it learns from is counted, and that it keeps the contract."""

import dataclasses
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("stable_baselines3")

import brinkmap  # noqa: E402
from brinkmap.agents.ppo import PpoAgent, filters_of  # noqa: E402
from brinkmap.agents.saved import load_agent  # noqa: E402
from brinkmap.env.observation import Observation  # noqa: E402
from brinkmap.environment import make_vector_env  # noqa: E402
from brinkmap.errors import InputError, MissingExtra  # noqa: E402
from brinkmap.response.cells import CellNet, allowed, cell_contents, standings  # noqa: E402
from brinkmap.testing import check_agent  # noqa: E402
from brinkmap.training.ppo import PpoSettings, train_ppo  # noqa: E402
from brinkmap.training.sb3 import CellPolicy, SameStepEnv  # noqa: E402
from victims_known import CountsSamples, Known, Linear, samples_for, softmax  # noqa: E402

SHAPE, PATCH, CELLS = (1, 24), 3, 8
SETTINGS = PpoSettings(
    samples_at_once=16, steps=16, batch=64, epochs=8, learning_rate=3e-3, first_changes=1.0, entropy=0.0, width=16,
    blocks=1,
)  # fmt: skip
RUN = brinkmap.Run(distortions=["illuminate-"], patch=PATCH, budget=20, max_l2=0.55)
QUERIES = 3000


class SeesTheBrightestCell(Known):
    """Says 0 while the mean of any cell is above .6: the one cell that decides is there to be seen."""

    def __init__(self):
        super().__init__(SHAPE, 2)

    def answer(self, row):
        brightest = int(row.reshape(CELLS, PATCH).sum(axis=1).max()) / PATCH / 2**16
        return softmax([15 * (brightest - 0.6), 15 * (0.6 - brightest)])


def samples_with_one_bright_cell(count, seed):
    """The bound has room for darkening one cell by the .3 that flip it."""
    rng = np.random.default_rng(seed)
    samples = 0.2 + 0.2 * rng.random((count, CELLS, PATCH))
    samples[np.arange(count), rng.integers(0, CELLS, count)] += 0.5
    return samples.reshape(count, *SHAPE).astype(np.float32)


def untrained(channels=1, rank=1, cards=5, changes=1.0, cells=CELLS, width=16, blocks=1):
    torch.manual_seed(0)
    net = CellNet(channels, rank, cards, width=width, blocks=blocks)
    net.expect_changes(changes, cells)
    return net


def outcomes(agent, samples, **changes):
    run = dataclasses.replace(RUN, **({"agent": agent} | changes))
    results = sorted(brinkmap.attack(SeesTheBrightestCell(), samples, None, run), key=lambda one: one.index)
    return [(one.index, one.success, one.queries, one.l2, one.plan.tobytes()) for one in results]


def capped_mean(agent, samples):
    return np.mean([queries if success else RUN.budget for _, success, queries, *_ in outcomes(agent, samples)])


@pytest.fixture(scope="module")
def trained():
    """An agent, how many samples its victim has seen, and what it reported on the way."""
    victim, told = CountsSamples(SeesTheBrightestCell()), []
    agent = train_ppo(
        victim, samples_with_one_bright_cell(64, 1), None, RUN, QUERIES, 0, settings=SETTINGS, progress=told.append
    )
    return agent, victim.seen, told


def test_every_query_of_training_is_counted_and_no_more_are_spent(trained):
    agent, seen, told = trained
    assert agent.card["training_queries"] == seen
    assert QUERIES <= seen < QUERIES + 2 * SETTINGS.samples_at_once  # a proposal and the next clean look at most
    paid = [one.queries for one in told]
    assert paid == sorted(set(paid))
    assert paid[-1] <= seen


def test_training_beats_the_untrained_copy_on_samples_it_has_not_seen(trained):
    agent = trained[0]
    samples = samples_with_one_bright_cell(30, 2)
    before = capped_mean(PpoAgent(untrained(), agent.card), samples)
    after = capped_mean(agent, samples)
    assert after < 0.6 * before
    assert after < capped_mean("random", samples)


def test_the_card_supplies_filters_and_patch(trained):
    agent = trained[0]
    samples = samples_with_one_bright_cell(5, 3)
    assert outcomes(agent, samples, distortions=(), patch=None) == outcomes(agent, samples)
    with pytest.raises(InputError, match="the agent was made for 3, got 2"):
        outcomes(agent, samples, patch=2)


def test_saved_and_loaded_it_proposes_the_same(trained, tmp_path):
    agent = trained[0]
    samples = samples_with_one_bright_cell(10, 4)
    agent.save(tmp_path / "agent.safetensors")
    again = load_agent(tmp_path / "agent.safetensors")
    assert again.card == agent.card
    assert outcomes(again, samples) == outcomes(agent, samples)


def test_the_same_seed_trains_the_same_agent_and_leaves_the_global_generators_alone():
    samples = samples_with_one_bright_cell(20, 5)
    np.random.seed(3)
    torch.manual_seed(3)
    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    least = SETTINGS.samples_at_once * (SETTINGS.steps + 4)
    first, second, other = (
        train_ppo(SeesTheBrightestCell(), samples, None, RUN, least, seed, settings=SETTINGS) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    weights = [list(one._net.state_dict().values()) for one in (first, second, other)]
    assert all(map(torch.equal, weights[0], weights[1]))
    assert not all(map(torch.equal, weights[0], weights[2]))
    fresh = untrained().state_dict().values()  # one update has been made, of all that is learned
    assert not any(torch.equal(one, two) for one, two in zip(weights[0], fresh, strict=True))


@pytest.mark.parametrize("slots", [1, 7, 64])
def test_results_do_not_depend_on_how_many_samples_are_attacked_at_once(trained, slots):
    samples = samples_with_one_bright_cell(40, 6)
    assert outcomes(trained[0], samples, slots=slots) == outcomes(trained[0], samples, slots=33)


class RecordsProposals:
    """Passes everything on, and notes what was proposed to which incumbents."""

    needs_scores = True

    def __init__(self, agent):
        self._agent, self.seen = agent, []
        self.start, self.learn, self.stop = agent.start, agent.learn, agent.stop

    def propose(self, slots, observation, rngs):
        proposals = self._agent.propose(slots, observation, rngs)
        self.seen.append((observation.codes.copy(), proposals))
        return proposals


def test_masks_are_never_violated_in_an_attack():
    net = untrained(changes=4.0)
    agent = RecordsProposals(PpoAgent(net, card_of(net, 1, 1, [["illuminate-", 5]])))
    outcomes(agent, samples_with_one_bright_cell(30, 7), max_l2=None, refine_budget=20)
    codes, proposals = (np.concatenate(one) for one in zip(*agent.seen, strict=True))
    may = allowed(torch.from_numpy(codes.astype(np.int64)), 5).numpy()
    assert np.take_along_axis(may, proposals[..., None].astype(int), axis=2).all()
    assert (proposals[codes > 0] == 1).any()
    assert (proposals[codes > 0] > 1).any()


def test_one_that_only_adds_takes_nothing_away_and_exchanges_nothing(tmp_path):
    settings = dataclasses.replace(SETTINGS, removes=False, first_changes=4.0)
    samples = samples_with_one_bright_cell(30, 7)
    train_ppo(SeesTheBrightestCell(), samples, None, RUN, 600, settings=settings).save(tmp_path / "a.safetensors")
    agent = RecordsProposals(load_agent(tmp_path / "a.safetensors"))
    outcomes(agent, samples, max_l2=None)
    codes, proposals = (np.concatenate(one) for one in zip(*agent.seen, strict=True))
    assert (codes > 0).any()
    assert (proposals[codes > 0] == 0).all()
    assert (proposals[codes == 0] > 1).any()


def test_masks_are_never_violated_in_training():
    env = SameStepEnv(make_vector_env(SeesTheBrightestCell(), samples_with_one_bright_cell(20, 8), None, RUN), 0)
    net = {"channels": 1, "rank": 1, "cards": 5, "width": 16, "blocks": 1}
    torch.manual_seed(0)
    policy = CellPolicy(env.observation_space, env.action_space, lambda _: 1e-3, net=net, first_changes=4.0)
    told = env.reset()
    for _ in range(10):
        seen = {name: torch.from_numpy(values) for name, values in told.items()}
        with torch.no_grad():
            actions, worth, log_probability = policy(seen)
            again, same, entropy = policy.evaluate_actions(seen, actions)
        may = allowed(seen["codes"], 5).gather(2, actions[..., None])
        assert may.all()
        assert torch.equal(worth, again)
        torch.testing.assert_close(log_probability, same)
        assert torch.isfinite(entropy).all()
        told, *_ = env.step(actions.numpy())


def card_of(net, rank, channels, filters):
    return {"kind": "ppo", "rank": rank, "channels": channels, "filters": filters, "width": 16, "blocks": 1}


def test_episodes_follow_each_other_at_once_and_every_look_is_paid_for():
    """stable-baselines3's contract: a step that ends an episode shows the next sample, untouched, in its place."""
    victim = CountsSamples(SeesTheBrightestCell())
    inner = make_vector_env(victim, samples_with_one_bright_cell(9, 9), None, RUN, num_envs=4)
    env, rng, ended = SameStepEnv(inner, 0), np.random.default_rng(0), 0
    told = env.reset()
    for _ in range(60):
        before = told
        told, rewards, over, notes = env.step(rng.integers(0, 7, (4, CELLS)) * (rng.random((4, CELLS)) < 0.1))
        assert rewards.shape == over.shape == (4,)
        for row in np.flatnonzero(over):
            ended += 1
            last = notes[row]["terminal_observation"]
            np.testing.assert_array_equal(last["contents"], before["contents"][row])
            assert notes[row]["is_success"] == bool(last["standings"][0] < 0)
            assert not told["codes"][row].any()
            assert inner.metered.spent(inner.slots.tasks[row].number) == 1
        assert (told["standings"][:, 0] >= 0).all()
        assert victim.seen == inner.metered.ledger.total
    assert ended > 4


@pytest.mark.parametrize("max_l2", [RUN.max_l2, None])
def test_what_is_seen_in_training_is_what_is_seen_in_an_attack(max_l2):
    run = dataclasses.replace(RUN, max_l2=max_l2)
    inner = make_vector_env(SeesTheBrightestCell(), samples_with_one_bright_cell(9, 10), None, run, num_envs=4)
    env, rng, everything = SameStepEnv(inner, 0), np.random.default_rng(0), np.arange(4)
    env.reset()
    for _ in range(30):
        told, *_ = env.step(rng.integers(0, 7, (4, CELLS)) * (rng.random((4, CELLS)) < 0.1))
        observation: Observation = inner.slots.observe(everything)
        np.testing.assert_array_equal(told["standings"], standings(observation))
        np.testing.assert_array_equal(told["codes"], observation.codes)
        for row, sample in enumerate(inner.slots.samples(everything)):
            np.testing.assert_array_equal(told["contents"][row], cell_contents(inner.canvas, sample))


@pytest.mark.parametrize(("shape", "patch"), [((3, 6, 8), "3x2"), ((2, 4, 5, 4), "2")])
def test_pictures_and_clips_are_learned_from_alike(shape, patch):
    victim = CountsSamples(Linear(shape, gain=0.1))
    samples, labels = samples_for(victim.victim, 20)
    labels[:4] = (labels[:4] + 1) % 3  # misclassified ones are looked at, paid for and passed over
    run = brinkmap.Run(distortions=["illuminate"], patch=patch, budget=10, refine_budget=5, max_l2=1.0)
    least = SETTINGS.samples_at_once * (SETTINGS.steps + 1)
    agent = train_ppo(victim, samples, labels, run, least, settings=dataclasses.replace(SETTINGS, epochs=1))
    assert (agent.card["rank"], agent.card["channels"], agent.card["patch"]) == (len(shape) - 1, shape[0], patch)
    assert agent.card["training_queries"] == victim.seen
    results = list(brinkmap.attack(victim, samples, labels, brinkmap.Run(agent=agent, budget=10, max_l2=1.0)))
    assert sum(one.queries for one in results) == victim.seen - agent.card["training_queries"]
    assert all(one.l2 <= 1.0 for one in results)


class OneForEachRank:
    """An untrained agent for whatever it is put before, as the contract kit tries all ranks on one agent."""

    needs_scores = True

    def __init__(self):
        self._canvas = None

    def start(self, slots, samples, references, answers, context):
        canvas = context.canvas
        if self._canvas is not canvas:
            self._canvas, rank, channels = canvas, len(canvas.shape) - 1, canvas.shape[0]
            net = untrained(channels, rank, len(canvas.cards), cells=canvas.grid.cells, width=2, blocks=0)
            self._agent = PpoAgent(net, card_of(net, rank, channels, filters_of(canvas)))
        self._agent.start(slots, samples, references, answers, context)

    def propose(self, *seen):
        return self._agent.propose(*seen)

    def learn(self, *seen):
        self._agent.learn(*seen)

    def stop(self, slots):
        self._agent.stop(slots)


def test_it_keeps_the_contract_of_agents_at_every_rank():
    check_agent(OneForEachRank())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"distortions": ["illuminate+"]}, "trained for filters"),
        ({"patch": [3, 6]}, "takes one patch size, got 2"),
    ],
)
def test_it_says_what_it_was_not_made_for(changes, message):
    net = untrained()
    agent = PpoAgent(net, card_of(net, 1, 1, [["illuminate-", 5]]))
    with pytest.raises(InputError, match=message):
        outcomes(agent, samples_with_one_bright_cell(2, 11), **changes)


def test_training_says_what_it_needs():
    samples = samples_with_one_bright_cell(4, 12)
    with pytest.raises(InputError, match="expected at least 272, what one update takes"):
        train_ppo(SeesTheBrightestCell(), samples, None, RUN, 271, settings=SETTINGS)
    several = dataclasses.replace(RUN, patch=[3, 6])
    with pytest.raises(InputError, match="takes one patch size, got 2"):
        train_ppo(SeesTheBrightestCell(), samples, None, several, 2000, settings=SETTINGS)


def test_without_stable_baselines_it_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    with pytest.raises(MissingExtra, match=r"brinkmap\[rl\]"):
        train_ppo(SeesTheBrightestCell(), samples_with_one_bright_cell(4, 13), None, RUN, 2000)


def test_files_that_hold_no_such_agent_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_agent(tmp_path / "nothing.safetensors")
    from safetensors.torch import save_file

    save_file({"one": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match="expected a card of kind policy or ppo or response, got None"):
        load_agent(tmp_path / "other.safetensors")
    net = untrained()
    agent = PpoAgent(net, card_of(net, 2, 1, [["illuminate-", 5]]))
    agent.save(tmp_path / "mixed.safetensors")
    with pytest.raises(InputError, match="card and weights do not belong together"):
        load_agent(tmp_path / "mixed.safetensors")
