"""The only door to a victim: every query is counted here, and none is let through beyond the budget."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np

from brinkmap.arrays import Array, check_answer_shape, faults
from brinkmap.errors import BrinkmapError, BudgetSpent, VictimError
from brinkmap.victims.batching import BatchSize
from brinkmap.victims.protocol import Victim

__all__ = ["Answers", "Ledger", "Metered", "memo_key"]

FAILURES_IN_A_ROW = 64
"""So many rows that fail alone with no answer between them, and the victim is taken to be down: the run ends, rather
than that every sample left is marked as failed."""


@dataclass
class Ledger:
    """What has been paid so far, over all samples."""

    total: int = 0
    """Samples passed through the victim."""
    sent: int = 0
    """Samples that may have reached it: more, where a remote victim was asked again after a failure."""
    cache_hits: int = 0
    """States asked for again and answered from the memo, free of charge."""
    victim_seconds: float = 0.0
    """Time spent inside the victim."""


@dataclass(frozen=True)
class Answers:
    """What came back for one batch of questions."""

    probabilities: Array
    """(n, classes) float32; rows in `failed` are NaN."""
    paid: np.ndarray
    """(n,) bool: False where the memo answered."""
    failed: dict[int, str]
    """Row -> reason, where the victim raised or gave no distribution."""


@dataclass
class _Account:
    """One sample's queries, and what it has been answered so far."""

    limit: int
    spent: int = 0
    memo: dict[bytes, Array] = field(default_factory=dict)


def memo_key(state: np.ndarray) -> bytes:
    """What identifies a state within its task, 128 bits: of what a plan shows, or of a rendered sample."""
    return blake2b(state.tobytes(), digest_size=16).digest()


class Metered:
    """A victim with a meter: exact ledger, hard budget, memo, batch-size search and rate limit.

    Args:
        victim: the classifier.
        largest_batch: the batch-size search goes no further.
        batch_size: use this one and search none; a resumed run gives the size it had.
        rate_limit: queries a second at most; None for no limit.
        journal: called with the ledger before each batch, which it counts already; a BrinkmapError of its ends the run.
        clock, sleep: the time source, for tests.
    """

    def __init__(
        self,
        victim: Victim,
        *,
        largest_batch: int = 256,
        batch_size: int | None = None,
        rate_limit: float | None = None,
        journal: Callable[[Ledger], None] = lambda ledger: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.victim = victim
        self.ledger = Ledger()
        self.batches = BatchSize(largest_batch, batch_size)
        self.journal = journal
        self._rate_limit = rate_limit
        self._free_at = -np.inf
        self._clock, self._sleep = clock, sleep
        self._accounts: dict[int, _Account] = {}
        self._failures = 0
        self.classes = victim.classes
        """How many classes the victim tells apart; None before its first answer where it was not stated."""

    def open(self, task: int, limit: int) -> None:
        """Begin to count for one task (a sample under one bound), with `limit` queries to spend."""
        assert task not in self._accounts, f"task {task} is open already"
        self._accounts[task] = _Account(limit)

    def set_limit(self, task: int, limit: int) -> None:
        """Change how many queries a task may spend in all."""
        self._accounts[task].limit = limit

    def spent(self, task: int) -> int:
        """Queries that a task has paid for so far."""
        return self._accounts[task].spent

    def remaining(self, task: int) -> int:
        """Queries that a task may still pay for."""
        account = self._accounts[task]
        return account.limit - account.spent

    def remembers(self, task: int, key: bytes) -> bool:
        """Whether asking this again would be free."""
        return key in self._accounts[task].memo

    def close(self, task: int) -> int:
        """End a task: its memo is dropped, its queries are returned."""
        return self._accounts.pop(task).spent

    def ask(self, tasks: Sequence[int], batch: Array, keys: Sequence[bytes]) -> Answers:
        """Put a batch to the victim, paying for what the memo does not know.

        Args:
            tasks: the open task of each row; a task may have several rows.
            batch: (n, c, *extent) float32 within the victim's bounds; handed on read-only.
            keys: what identifies each row within its task, 128 bits.

        Raises:
            BudgetSpent: a task has fewer queries left than new rows; nothing has been asked then.
            VictimError: the answer has not the victim's shape, or it has failed too often in a row.
        """
        fresh = self._to_pay_for(tasks, keys)
        failed = self._pay(tasks, batch, keys, fresh)
        paid = np.zeros(len(keys), bool)
        paid[fresh] = True
        self.ledger.cache_hits += len(keys) - len(fresh)
        probabilities = np.full((len(keys), self.classes or 2), np.nan, np.float32)
        reasons = {}
        for row, (task, key) in enumerate(zip(tasks, keys, strict=True)):
            answer = self._accounts[task].memo.get(key)
            if answer is None:
                reasons[row] = failed[task, key]
            else:
                probabilities[row] = answer
        return Answers(probabilities, paid, reasons)

    def ask_once(self, tasks: Sequence[int], batch: Array) -> Answers:
        """Put one sample for each task to the victim; every task is opened for it and closed again.

        Args:
            tasks: none of them open.
            batch: as for `ask`; a batch that fails is asked again row by row, which each task may pay for.

        Raises:
            VictimError: the answer has not the victim's shape.
        """
        for task in tasks:
            self.open(task, 2)
        answers = self.ask(tasks, batch, [b""] * len(tasks))
        for task in tasks:
            self.close(task)
        return answers

    def _to_pay_for(self, tasks: Sequence[int], keys: Sequence[bytes]) -> list[int]:
        """The rows that nobody has asked before, once each; nothing is charged yet."""
        fresh, pending, due = [], set(), dict.fromkeys(tasks, 0)
        for row, (task, key) in enumerate(zip(tasks, keys, strict=True)):
            account = self._accounts[task]
            if key in account.memo or (task, key) in pending:
                continue
            pending.add((task, key))
            due[task] += 1
            if account.spent + due[task] > account.limit:
                raise BudgetSpent(f"all {account.limit} queries of the budget are spent.")
            fresh.append(row)
        return fresh

    def _pay(
        self, tasks: Sequence[int], batch: Array, keys: Sequence[bytes], fresh: list[int]
    ) -> dict[tuple[int, bytes], str]:
        failed: dict[tuple[int, bytes], str] = {}
        broken: list[tuple[list[int], Exception]] = []
        start = 0
        if fresh:
            self.batches.asked(len(fresh))
        while start < len(fresh):
            rows = fresh[start : start + self.batches.part_of(len(fresh) - start)]
            start += len(rows)
            try:
                answers = self._query(tasks, batch, rows)
            except BrinkmapError:
                raise
            except Exception as error:
                broken.append((rows, error))
                continue
            failed |= self._remember(tasks, keys, rows, answers)
        for rows, reason in broken:  # only now, so that no retry takes a query that another row was promised
            failed |= self._one_by_one(tasks, batch, keys, rows, reason)
        return failed

    def _one_by_one(
        self, tasks: Sequence[int], batch: Array, keys: Sequence[bytes], rows: list[int], error: Exception
    ) -> dict[tuple[int, bytes], str]:
        """Find out which rows the victim cannot answer. The batch that failed has been paid for, and so is each row."""
        failed: dict[tuple[int, bytes], str] = {}
        for row in rows:
            reason = f"the victim raised {type(error).__name__}: {error}"
            try:
                if len(rows) > 1 and self.remaining(tasks[row]):
                    failed |= self._remember(tasks, keys, [row], self._query(tasks, batch, [row]))
                    continue
            except BrinkmapError:
                raise
            except Exception as own:
                reason = f"the victim raised {type(own).__name__}: {own}"
            failed[tasks[row], keys[row]] = reason
            self._failing(reason)
        return failed

    def _failing(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES_IN_A_ROW:
            raise VictimError(
                f"the victim could not answer {self._failures} samples in a row, the last because {reason}. What is "
                "finished is kept: see to the victim, or leave these samples out, then give the same command again."
            )

    def _remember(
        self, tasks: Sequence[int], keys: Sequence[bytes], rows: list[int], answers: Array
    ) -> dict[tuple[int, bytes], str]:
        bad = faults(answers)
        for position, row in enumerate(rows):
            if position in bad:
                self._failing(bad[position])
            else:
                self._failures = 0
                self._accounts[tasks[row]].memo[keys[row]] = answers[position].copy()
        return {(tasks[rows[position]], keys[rows[position]]): reason for position, reason in bad.items()}

    def _query(self, tasks: Sequence[int], batch: Array, rows: list[int]) -> Array:
        """Charge for the rows, then ask: a query that fails has been made all the same."""
        whole = rows[-1] - rows[0] == len(rows) - 1
        question = batch[rows[0] : rows[-1] + 1] if whole else batch[rows]
        question.flags.writeable = False
        self._wait(len(rows))
        for row in rows:
            self._accounts[tasks[row]].spent += 1
        self.ledger.total += len(rows)
        self.ledger.sent += len(rows)
        began, before = self._clock(), getattr(self.victim, "sent", None)
        try:
            self.journal(self.ledger)  # before it goes: a kill in the middle must not hide it
            answer = self.victim.predict(question)
        finally:
            seconds = self._clock() - began
            self.ledger.victim_seconds += seconds
            if before is not None:
                self.ledger.sent += self.victim.sent - before - len(rows)  # type: ignore[attr-defined]
        self.batches.timed(len(rows), seconds)
        answer = check_answer_shape(answer, len(rows), self.classes)
        self.classes = answer.shape[1]
        return answer

    def _wait(self, rows: int) -> None:
        if self._rate_limit is None:
            return
        now = self._clock()
        if now < self._free_at:
            self._sleep(self._free_at - now)
        self._free_at = max(now, self._free_at) + rows / self._rate_limit
