"""A victim that keeps its own count in a file, beside all of Brinkmap's, and fails as the environment says.

`FAULTS_COUNT` names the file: a line `r N` for N samples received, `a N` for N answered, `h` where it begins to hang.
`FAULTS_WITH` is a fault and the sample, counted from the start of the process, from which it strikes: `raise:300`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from victims_known import Linear, Wrapped

SHAPE = (1, 8, 8)


class Faulty(Wrapped):
    """A linear classifier in whole numbers, so that no batch can change an answer."""

    def __init__(self) -> None:
        super().__init__(Linear(SHAPE))
        name, _, at = os.environ.get("FAULTS_WITH", "none:0").partition(":")
        self.fault, self.at, self.seen, self.struck = FAULTS[name], int(at), 0, 0

    def predict(self, batch):
        note(f"r {len(batch)}")
        self.seen += len(batch)
        answers = super().predict(batch)
        if self.seen > self.at:
            self.struck += 1
            answers = self.fault(self, answers)
        note(f"a {len(batch)}")
        return answers


def note(line: str) -> None:
    path = os.environ.get("FAULTS_COUNT")
    if path:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.write(file, line.encode() + b"\n")
        os.close(file)


def raises(victim, answers):
    raise RuntimeError("out of memory")


def hangs(victim, answers):
    note("h")
    while True:
        time.sleep(0.05)


def slow(victim, answers):
    time.sleep(0.02)
    return answers


def nan_rows(answers):
    answers[::2] = np.nan
    return answers


def once(change):
    return lambda victim, answers: change(answers) if victim.struck == 1 else answers


FAULTS = {
    "none": lambda victim, answers: answers,
    "raise": lambda victim, answers: raises(victim, answers) if victim.struck == 1 else answers,
    "raise-for-good": raises,
    "hang": hangs,
    "hang-once": lambda victim, answers: hangs(victim, answers) if victim.struck == 1 else answers,
    "slow": slow,
    "nan": once(nan_rows),
    "nan-for-good": lambda victim, answers: answers * np.nan,
    "wrong-shape": once(lambda answers: np.concatenate([answers, answers], axis=1)),
    "half": once(lambda answers: answers[: len(answers) // 2]),
    "shuffle": lambda victim, answers: np.roll(answers, 1, axis=0),
}


def factory() -> Faulty:
    """What the command line is given as `faulty.py:factory`."""
    return Faulty()
