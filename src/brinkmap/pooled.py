"""Attacks that own their loop, run side by side: each in a thread of its own, their queries pooled into batches.

What is asked together does not depend on the scheduling of threads: a round begins only when every live attack waits
for an answer (or has ended), and its questions are in the order of the tasks.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import numpy as np

from brinkmap.agents.protocol import Attack
from brinkmap.arrays import Array
from brinkmap.env.rules import Rules
from brinkmap.env.task import Finished, Standing, Task
from brinkmap.errors import BrinkmapError, BudgetSpent
from brinkmap.oracle import TaskOracle
from brinkmap.plan import Canvas
from brinkmap.run import Run
from brinkmap.victims.metered import Answers, Metered

__all__ = ["Round", "run_pooled"]


GIVEN_UP = "the run was given up."


class Round:
    """Where live attacks leave their questions and wait for the answers."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._live = 0
        self._closed = False
        self._questions: dict[int, tuple[Array, list[bytes]]] = {}
        self._answers: dict[int, Answers] = {}
        self._woken: dict[int, threading.Event] = {}
        self._ended: list[TaskOracle] = []

    def ask(self, task: int, batch: Array, keys: list[bytes]) -> Answers:
        """Called in an attack's thread: leave a question, wait for its answer.

        Raises:
            BudgetSpent: the run is being given up.
        """
        with self._changed:
            if self._closed:
                raise BudgetSpent(GIVEN_UP)
            woken = self._woken[task]
            woken.clear()
            self._questions[task] = (batch, keys)
            if len(self._questions) == self._live:
                self._changed.notify()
        woken.wait()
        if self._closed:
            raise BudgetSpent(GIVEN_UP)
        return self._answers.pop(task)

    def begin(self, task: int) -> None:
        """One more live attack."""
        with self._changed:
            self._live += 1
            self._woken[task] = threading.Event()

    def end(self, oracle: TaskOracle) -> None:
        """Called in an attack's thread as the last thing."""
        with self._changed:
            self._live -= 1
            self._ended.append(oracle)
            self._woken.pop(oracle.task.number)
            self._changed.notify()

    def settle(self) -> list[TaskOracle]:
        """Wait until every live attack waits for an answer; returns those that ended since."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._questions) == self._live)
            ended, self._ended = self._ended, []
        return sorted(ended, key=lambda oracle: oracle.task.number)

    def answer_all(self, metered: Metered) -> list[int]:
        """Put all questions to the victim in one go and hand out the answers; returns the tasks that asked."""
        questions = dict(sorted(self._questions.items()))
        self._questions.clear()
        if not questions:
            return []
        tasks = [task for task, (_, keys) in questions.items() for _ in keys]
        keys = [key for _, keys in questions.values() for key in keys]
        answers = metered.ask(tasks, np.concatenate([batch for batch, _ in questions.values()]), keys)
        start = 0
        for task, (batch, _) in questions.items():
            rows = range(start, start + len(batch))
            failed = {row - start: answers.failed[row] for row in rows if row in answers.failed}
            part = slice(rows.start, rows.stop)
            self._answers[task] = Answers(answers.probabilities[part], answers.paid[part], failed)
            start = rows.stop
            self._woken[task].set()
        return list(questions)

    def close(self) -> None:
        """Give up: every waiting attack ends as if its budget were spent."""
        with self._changed:
            self._closed = True
            for woken in self._woken.values():
                woken.set()


def run_pooled(
    attack: Attack, metered: Metered, canvas: Canvas, rules: Rules, run: Run, tasks: Iterator[Task], slots: int,
    watch: Callable[[Standing], None] | None = None,
) -> Iterator[Finished]:  # fmt: skip
    """Attack every task, `slots` of them at a time; yields them as they finish.

    Args:
        attack: whose `run` is called for each sample, in a thread of its own.
        metered: the victim.
        canvas, rules, run: what was asked for.
        tasks: what to attack; read as slots fall free.
        slots: how many at once.
        watch: told how each attack stands once its questions are answered; what it raises ends the run.
    """
    round_ = Round()
    live: dict[int, TaskOracle] = {}
    asked: list[int] = []
    try:
        while True:
            while len(live) < slots and (task := next(tasks, None)) is not None:
                oracle = TaskOracle(task, metered, canvas, rules, round_)
                round_.begin(task.number)
                threading.Thread(target=_attack_one, args=(attack, oracle, run, round_), daemon=True).start()
                live[task.number] = oracle
            ended = round_.settle()
            if watch is not None:
                _tell(watch, [live[number] for number in asked])
            for oracle in ended:
                del live[oracle.task.number]
            yield from (oracle.finish() for oracle in ended)
            if not ended and not live:
                return
            asked = round_.answer_all(metered)
    finally:
        round_.close()


def _tell(watch: Callable[[Standing], None], oracles: list[TaskOracle]) -> None:
    for standing in (oracle.standing() for oracle in oracles):
        if standing is not None:
            watch(standing)


def _attack_one(attack: Attack, oracle: TaskOracle, run: Run, round_: Round) -> None:
    given = oracle.task.sample.copy()
    try:
        with contextlib.suppress(BudgetSpent):  # the clean end of an attack that would go on for ever
            if oracle.look():
                attack.run(oracle, given, oracle.reference, run)
        if not np.array_equal(given, oracle.task.sample):
            oracle.error = "the attack wrote into its input."
    except BrinkmapError as error:
        oracle.error = str(error)
    except Exception as error:
        oracle.error = f"the attack raised {type(error).__name__}: {error}"
    finally:
        round_.end(oracle)
