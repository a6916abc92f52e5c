"""Parties, victims and settings that the tests of the runner share, and what an attack under them amounts to."""

import functools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from brinkmap import Run
from brinkmap.attack import results_of
from brinkmap.session import Session
from victims_known import CountsSamples, Linear, samples_for

SAMPLES = 12
VICTIMS = {1: Linear((2, 24), bounds=(-3, 5)), 2: Linear((1, 8, 8)), 3: Linear((1, 4, 6, 6))}
PATCHES = {1: 4, 2: 2, 3: "2x3x3"}
PARTIES: dict[str, dict[str, Any]] = {
    "random": {"agent": "random"},
    "greedy": {"agent": "greedy"},
    "credit": {"agent": "credit"},
    "cold-start": {"agent": "cold-start"},
    "cold-start within L2": {"agent": "cold-start", "max_l2": 1.2},
    "learning": {"agent": "learning"},
    "random within L2": {"agent": "random", "max_l2": 1.2},
    "credit within Linf": {"agent": "credit", "max_linf": 0.16},
    "square within L2": {"agent": "square", "max_l2": 1.0},
    "square within Linf": {"agent": "square", "max_linf": 0.1},
    "digits": {"agent": "digits"},
    "cifar10": {"agent": "cifar10", "patch": 4},
    "ecg": {"agent": "ecg", "patch": 30},
    "square-autoattack within Linf": {"agent": "square-autoattack", "max_linf": 0.1},
    "square-art within L2": {"agent": "square-art", "max_l2": 1.0},
    "square-torchattacks within Linf": {"agent": "square-torchattacks", "max_linf": 0.1},
    "simba-art": {"agent": "simba-art"},
    "pixle": {"agent": "pixle"},
    "one-pixel-torchattacks": {"agent": "one-pixel-torchattacks"},
    "hopskipjump": {"agent": "hopskipjump"},
    "boundary within L2": {"agent": "boundary", "max_l2": 2.0},
    "geoda": {"agent": "geoda"},
    "signopt": {"agent": "signopt"},
    "simba": {"agent": "simba"},
    "simba-dct within L2": {"agent": "simba-dct", "max_l2": 1.0},
    "nes within L2": {"agent": "nes", "max_l2": 1.0},
    "bandits within L2": {"agent": "bandits", "max_l2": 1.0},
    "bandits within Linf": {"agent": "bandits", "max_linf": 0.1},
    "rlab-sweep": {"agent": "rlab-sweep"},
    "one-pixel": {"agent": "one-pixel"},
    "one-pixel-constrained": {"agent": "one-pixel-constrained"},
    "factorised": {"agent": "factorised"},
    "factorised-temporal": {"agent": "factorised-temporal"},
    "factorised-spatial": {"agent": "factorised-spatial"},
    "heuristic-frames within Linf": {"agent": "heuristic-frames", "max_linf": 0.1},
    "motion-sampler within L2": {"agent": "motion-sampler", "max_l2": 1.0},
    "geo-trap within L2": {"agent": "geo-trap", "max_l2": 1.0},
    "ast-focus within L2": {"agent": "ast-focus", "max_l2": 1.0},
}
TINY = {1: Linear((1, 9), bounds=(-3, 5)), 2: Linear((1, 3, 4)), 3: Linear((1, 2, 2, 3))}
PICTURE = {2: Linear((1, 10, 10))}
CLIP = {3: VICTIMS[3]}
STRIP = Linear((1, 300), classes=4, bounds=(-3, 3), gain=0.005)
STRIP.rate_hz = 300.0
MADE_FOR: dict[str, dict[int, Linear]] = {
    "digits": {2: Linear((1, 8, 8), classes=10)},
    "cifar10": {2: Linear((3, 32, 32), classes=10, gain=0.002)},
    "ecg": {1: STRIP},
    "square-autoattack within Linf": PICTURE,
    "square-art within L2": PICTURE,
    "square-torchattacks within Linf": PICTURE,
    "pixle": PICTURE,
    "one-pixel-torchattacks": {2: Linear((1, 5, 5))},
    "geoda": PICTURE,
    "one-pixel": TINY,
    "one-pixel-constrained": TINY,
    "factorised-temporal": CLIP,
    "factorised-spatial": CLIP,
    "heuristic-frames within Linf": CLIP,
    "motion-sampler within L2": CLIP,
    "geo-trap within L2": CLIP,
    "ast-focus within L2": CLIP,
}
"""What parties that cannot attack just any victim are set on."""
ACROSS = ("learning",)
"""Parties that pass on from one sample to the others what was answered."""
SLOW = ("cifar10", "ecg")
"""Agents that take minutes; `make verify` runs them, and `digits`, which is of their kind, is held to all they are."""
AGENTS = ("random", "greedy", "credit")


def victims_of(party):
    """The victim that a party attacks at each rank it can attack at."""
    return MADE_FOR.get(party, VICTIMS)


@dataclass(frozen=True)
class Outcome:
    results: list
    seen: int
    ledger: int
    run: Run
    session: Session = field(repr=False)

    @property
    def attacked(self):
        return [result for result in self.results if result.attacked]


def outcome(victim, samples, labels, run):
    counting = CountsSamples(victim)
    session = Session(counting, samples[0].shape, run)
    results = sorted(results_of(session, samples, labels), key=lambda result: (result.index, result.max_l2 or 9e9))
    return Outcome(results, counting.seen, session.metered.ledger.total, run, session)


def settings(party, rank, **changes):
    return Run(**({"patch": PATCHES[rank], "budget": 40, "refine_budget": 15} | PARTIES[party] | changes))


@functools.cache
def laws(party, rank, **changes):
    """The same dozen samples, of which two are misclassified, under one party's attack."""
    victim = victims_of(party)[rank]
    samples, labels = samples_for(victim, SAMPLES)
    labels[[3, 7]] = (labels[[3, 7]] + 1) % 3
    return outcome(victim, samples, labels, settings(party, rank, **changes))


def bits(results):
    """Everything that a result says, arrays as bytes."""
    return [
        {name: value.tobytes() if isinstance(value, np.ndarray) else value for name, value in shown.items()}
        for shown in (
            {name: value for name, value in vars(one).items() if name not in ("_render", "trace")}
            | {"adversarial": one.adversarial}
            for one in sorted(results, key=lambda one: (one.index, one.max_l2 or 9e9))
        )
    ]
