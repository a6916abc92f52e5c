"""An agent hedged by chance: it is the agent itself at first, random search where nothing is left to it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from brinkmap import Run
from brinkmap.agents.credit import CreditAgent
from brinkmap.agents.factorised import FactorisedAgent, hedged
from brinkmap.agents.hedged import HedgedAgent
from brinkmap.agents.uniform import RandomAgent
from brinkmap.attack import attack
from brinkmap.testing import check_agent
from victims_known import FlipsWhenDark, Linear, samples_for

VICTIM = Linear((1, 4, 6, 6), gain=0.01)


def _attacked(agent, **more):
    samples, _ = samples_for(VICTIM, 6)
    run = Run(agent=agent, patch="1x2x2", budget=40, distortions=("illuminate",), seed=3, **more)
    results = sorted(attack(VICTIM, samples, None, run), key=lambda one: one.index)
    return np.stack([one.adversarial for one in results]), [one.queries for one in results]


class Orderless:
    """The credit agent, which does not say what gives way first."""

    needs_scores = True

    def __init__(self):
        credit = CreditAgent()
        self.start, self.propose, self.learn, self.stop = credit.start, credit.propose, credit.learn, credit.stop


@pytest.mark.parametrize(
    "make", [hedged, lambda: HedgedAgent(CreditAgent(), after=3), lambda: HedgedAgent(Orderless(), after=3)]
)
def test_it_keeps_the_contract(make):
    check_agent(make())


@pytest.mark.parametrize(
    ("after", "every", "same_as"), [(10**6, 3, FactorisedAgent), (0, 1, FactorisedAgent), (0, 0, RandomAgent)]
)
def test_at_its_ends_it_is_the_agent_or_random_search(after, every, same_as):
    found, queries = _attacked(HedgedAgent(FactorisedAgent(), after, every))
    wanted, needed = _attacked(same_as())
    assert_array_equal(found, wanted)
    assert queries == needed


class Believing(CreditAgent):
    """Counts what it proposes and what it hears."""

    def __init__(self):
        super().__init__()
        self.proposed = self.heard = 0

    def propose(self, slots, observation, rngs):
        self.proposed += len(slots)
        return super().propose(slots, observation, rngs)

    def learn(self, slots, plans, answers, accepted):
        self.heard += len(slots)
        super().learn(slots, plans, answers, accepted)


def test_it_hears_of_all_answers_and_proposes_one_in_three_of_them():
    agent = Believing()
    stubborn = FlipsWhenDark(0, (1, 4, 6, 6), "1x2x2", fall=2.0)
    samples = np.full((1, 1, 4, 6, 6), 0.6, np.float32)
    run = Run(agent=HedgedAgent(agent, after=0), patch="1x2x2", budget=31, distortions=("illuminate",), slots=1)
    [result] = attack(stubborn, samples, None, run)
    assert not result.success
    assert result.queries == 31
    assert agent.heard <= 30
    assert 2 * agent.proposed <= agent.heard <= 4 * agent.proposed
