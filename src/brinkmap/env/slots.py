"""The engine: many samples under attack at once, one slot each.

A tick takes one proposal for each sample, trims it to the bound, renders it, asks the victim about all of them in one
go (together with the clean looks of samples just put into a slot), and accepts what improves the objective. Every
agent is wrapped in this, so a bad one costs queries and never results.
"""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Array, Ints
from brinkmap.env.observation import Context, Observation
from brinkmap.env.rules import LEAST_GAIN, STALL, Rules, Tick
from brinkmap.env.task import Finished, Standing, Task, TraceStep
from brinkmap.errors import InputError
from brinkmap.objective import label_fault, log_probabilities
from brinkmap.plan import KEEP, Canvas, Palette, fit
from brinkmap.seeding import sample_generator
from brinkmap.victims.metered import Answers, Metered, memo_key
from brinkmap.victims.protocol import has_scores

__all__ = ["ACTIVE", "DONE", "EMPTY", "FRESH", "Slots"]

EMPTY, FRESH, ACTIVE, DONE = range(4)


class Slots:
    """Samples under attack, held in arrays with one row a slot.

    Args:
        metered: the door to the victim.
        canvas: shape, bounds, grid, cards, seed.
        rules: criterion, budgets, bound.
        slots: how many samples are held at once.
    """

    def __init__(self, metered: Metered, canvas: Canvas, rules: Rules, slots: int) -> None:
        cells, atoms = canvas.grid.cells, canvas.grid.atoms
        self.metered, self.canvas, self.rules, self.count = metered, canvas, rules, slots
        self.palette = Palette(canvas, slots, needs_peak=rules.max_linf is not None)
        self.state = np.full(slots, EMPTY)
        self.tasks: list[Task | None] = [None] * slots
        self.rngs = [np.random.default_rng(0)] * slots
        self.codes = np.zeros((slots, cells), np.int16)
        self.margins = np.zeros(slots, np.float32)
        self.l2 = np.zeros(slots)
        self.max_l2 = np.full(slots, np.inf)
        self.references = np.zeros(slots, np.int64)
        self.indices = np.zeros(slots, np.int64)
        self._shown = np.zeros((slots, atoms), np.int16)
        self._images = np.zeros((slots, canvas.size), np.float32)
        self._asked = np.empty_like(self._images)  # one buffer for all batches: fresh memory costs more than the copy
        self._before = np.zeros((slots, 0), np.float32)
        self._after = self._before.copy()
        self._looked = np.zeros(slots, bool)
        self._order = np.zeros((slots, cells), np.int32)
        self._free = np.zeros(slots, np.int64)
        self._steps = np.zeros(slots, np.int64)
        self._flipped_at = np.zeros(slots, np.int64)
        self._errors: dict[int, str] = {}
        self._traces: dict[int, list[TraceStep]] = {}
        self._distances: dict[int, list[tuple[int, float]]] = {}

    def where(self, state: int) -> Ints:
        """The slots in a state, ascending."""
        return np.flatnonzero(self.state == state)

    def load(self, slot: int, task: Task) -> None:
        """Put a sample into an empty slot; its clean look is asked with the next tick."""
        self.tasks[slot] = task
        self.indices[slot] = task.index
        self.rngs[slot] = sample_generator(self.canvas.seed, task.index)
        self._order[slot] = self.rngs[slot].permutation(self.canvas.grid.cells)
        self.max_l2[slot] = np.inf if task.max_l2 is None else task.max_l2
        self.palette.load(slot, task.sample, task.index)
        self._images[slot] = task.sample.ravel()
        counts = (self._free, self._steps, self._flipped_at)
        for array in (self.codes, self._shown, self.margins, self.l2, *counts):
            array[slot] = 0
        self._looked[slot] = False
        self._traces[slot], self._distances[slot] = [], []
        self._errors.pop(slot, None)
        self.metered.open(task.number, self.rules.budget)
        self.state[slot] = FRESH

    def context(self, slots: Ints) -> Context:
        """The rules, for agents about to be told of new samples."""
        return Context(
            canvas=self.canvas,
            palette=self.palette,
            criterion=self.rules.criterion,
            classes=self._before.shape[1],
            scores=has_scores(self.metered.victim),
            max_linf=self.rules.max_linf,
            slots=self.count,
            indices=self.indices[slots],
            max_l2=self.max_l2[slots],
        )

    def samples(self, slots: Ints) -> Array:
        """(n, c, *extent) the clean samples."""
        return self.palette.clean[slots].reshape(-1, *self.canvas.shape)

    def answers(self, slots: Ints) -> Array:
        """(n, classes) the victim's answer to each incumbent."""
        return self._after[slots]

    def observe(self, slots: Ints) -> Observation:
        """How the incumbents of these slots stand."""
        return Observation(
            codes=self.codes[slots],
            answers=self._after[slots],
            margins=self.margins[slots],
            l2=self.l2[slots],
            max_l2=self.max_l2[slots],
            remaining=np.array([self.metered.remaining(self._number(slot)) for slot in slots], np.int64),
            refining=self._flipped_at[slots] > 0,
        )

    def tick(self, slots: Ints, proposals: Ints, order: Ints | None = None) -> Tick:
        """Ask about a proposal for each of these slots, and about the samples just loaded.

        Args:
            slots: (n,) active slots, ascending.
            proposals: (n, cells) relative to the incumbents.
            order: (n, cells) which adds to keep first where the bound is short; None for the fixed shuffle.

        Raises:
            InputError: a proposal of another shape or with a code that is no card.
        """
        self._check(slots, proposals)
        order = self._order[slots] if order is None else np.asarray(order)
        asking, keys, codes, shown, squared = self._candidates(slots, proposals, order)
        fresh = self.where(FRESH)
        rows = np.concatenate([fresh, slots[asking]])
        images = self._asked[: len(rows)]
        np.take(self._images, rows, axis=0, out=images, mode="clip")  # any other mode goes through a copy
        self.palette.render(slots[asking], self._shown[slots[asking]], shown, images[len(fresh) :])
        batch = images.reshape(-1, *self.canvas.shape)
        answers = self.metered.ask([self._number(slot) for slot in rows], batch, [b""] * len(fresh) + keys)
        started = self._start(fresh, answers)
        for row in answers.failed.keys() - range(len(fresh)):
            self._fail(int(rows[row]), answers.failed[row])
        good = np.array([row for row in range(len(fresh), len(rows)) if row not in answers.failed], np.intp)
        within = good - len(fresh)
        accepted = self._accept(rows[good], codes[within], shown[within], squared[within], answers.probabilities[good])
        self._settle(np.setdiff1d(slots, self.where(DONE)))
        self._settle(started)
        started = started[self.state[started] == ACTIVE]
        plans = self.canvas.cards.plan(codes[within])
        return Tick(started, rows[good], plans, answers.probabilities[good], accepted, self.where(DONE))

    def standing(self, slot: int) -> Standing:
        """How the attack in a slot stands whose clean look is in."""
        return Standing(
            index=int(self.indices[slot]),
            queries=self.metered.spent(self._number(slot)),
            steps=int(self._steps[slot]),
            reference=int(self.references[slot]),
            image=self._images[slot].reshape(self.canvas.shape).copy(),
            answer=self._after[slot].copy(),
            margin=float(self.margins[slot]),
            l2=float(self.l2[slot]),
            queries_to_flip=int(self._flipped_at[slot]) or None,
        )

    def take(self, slot: int) -> Finished:
        """The outcome of a finished slot, which is empty afterwards."""
        task = self.tasks[slot]
        assert task is not None
        assert self.state[slot] == DONE
        queries = self.metered.close(task.number)
        looked = bool(self._looked[slot])
        flipped = int(self._flipped_at[slot])
        self.state[slot], self.tasks[slot] = EMPTY, None
        return Finished(
            task=task,
            reference=int(self.references[slot]) if looked else None,
            before=self._before[slot].copy() if looked else None,
            after=self._after[slot].copy() if looked else None,
            image=self._images[slot].reshape(self.canvas.shape).copy(),
            codes=self.codes[slot].copy(),
            success=flipped > 0,
            stalled=bool(self._free[slot] >= STALL),
            error=self._errors.pop(slot, None),
            queries=queries,
            queries_to_flip=flipped or None,
            steps=int(self._steps[slot]),
            clipped=self.palette.share_clipped(slot, self._shown[slot]),
            distances=self._distances.pop(slot),
            trace=self._traces.pop(slot),
        )

    def _number(self, slot: int) -> int:
        task = self.tasks[slot]
        assert task is not None
        return task.number

    def _check(self, slots: Ints, proposals: Ints) -> None:
        shape, codes = (len(slots), self.canvas.grid.cells), len(self.canvas.cards) + 1
        if proposals.shape != shape or not np.issubdtype(proposals.dtype, np.integer):
            raise InputError(
                f"agent: expected proposals of shape {shape}, int16, got {proposals.shape}, {proposals.dtype}."
            )
        if proposals.size and not 0 <= proposals.min() <= proposals.max() <= codes:
            raise InputError(
                f"agent: expected codes from 0 to {codes}, got {proposals.min()} to {proposals.max()}. "
                "0 keeps, 1 removes, 2.. adds card 1.. ."
            )

    def _candidates(
        self, slots: Ints, proposals: Ints, order: Ints
    ) -> tuple[np.ndarray, list[bytes], Ints, Ints, np.ndarray]:
        """Which proposals are worth a query (a mask), and their keys, codes, what they show, and their squared L2."""
        self.palette.prepare(slots, np.maximum(proposals - 1, KEEP))
        codes = fit(self.palette, slots, self.codes[slots], proposals, order, self.max_l2[slots], self.rules.max_linf)
        shown = self.canvas.inks.shown(codes)
        squared = self.palette.squared_l2(slots, shown)
        worth = (shown != self._shown[slots]).any(axis=1)
        worth &= (self._flipped_at[slots] == 0) | (np.sqrt(squared) < self.l2[slots] - LEAST_GAIN)
        keys = []
        for row in np.flatnonzero(worth):
            key = memo_key(shown[row])
            if self.metered.remembers(self._number(slots[row]), key):
                self.metered.ledger.cache_hits += 1
                worth[row] = False
            else:
                keys.append(key)
        self._free[slots] = np.where(worth, 0, self._free[slots] + 1)
        return worth, keys, codes[worth], shown[worth], squared[worth]

    def _start(self, fresh: Ints, answers: Answers) -> Ints:
        """Read the clean looks; returns the slots whose sample is worth attacking."""
        if not len(fresh):
            return fresh
        for row in range(len(fresh)):
            if row in answers.failed:
                self._fail(int(fresh[row]), answers.failed[row])
        good = np.array([row for row in range(len(fresh)) if row not in answers.failed], np.intp)
        slots, clean = fresh[good], answers.probabilities[good]
        if not len(slots):
            return slots
        if not self._before.shape[1]:
            self.rules.criterion.check(clean.shape[1])
            self._before, self._after = np.zeros((2, self.count, clean.shape[1]), np.float32)
        self._before[slots] = self._after[slots] = clean
        self._looked[slots] = True
        self.references[slots] = np.argmax(clean, axis=1)
        self.margins[slots] = self.rules.criterion.margins(clean, self.references[slots], self.indices[slots])
        for slot in slots:
            self._judge_clean_look(int(slot), clean.shape[1])
        return slots[self.state[slots] == ACTIVE]

    def _judge_clean_look(self, slot: int, classes: int) -> None:
        task = self.tasks[slot]
        assert task is not None
        self.state[slot] = ACTIVE
        if fault := label_fault("label", task.label, classes):
            self._fail(slot, fault)
        elif task.label is not None and task.label != self.references[slot]:
            self.state[slot] = DONE
        elif self.margins[slot] < 0:
            self._flipped_at[slot] = 1
            self._distances[slot] = [(1, 0.0)]
            self.state[slot] = DONE

    def _accept(self, slots: Ints, codes: Ints, shown: Ints, squared: np.ndarray, answers: Array) -> np.ndarray:
        if not len(slots):
            return np.zeros(0, bool)
        margins = self.rules.criterion.margins(answers, self.references[slots], self.indices[slots])
        refining = self._flipped_at[slots] > 0
        met = margins < 0
        accepted = met | (~refining & (margins < self.margins[slots] - LEAST_GAIN))
        self._steps[slots] += 1
        if self.rules.trace:
            self._note(slots, codes, answers, accepted)
        winners = slots[accepted]
        # Rendered once more: only touched atoms, and no victim has had its hands on it.
        self.palette.render(winners, self._shown[winners], shown[accepted], self._images, winners)
        self.codes[winners], self._shown[winners] = codes[accepted], shown[accepted]
        self._after[winners] = answers[accepted]
        self.margins[winners], self.l2[winners] = margins[accepted], np.sqrt(squared[accepted])
        for slot in slots[met]:
            self._distances[int(slot)].append((self.metered.spent(self._number(slot)), float(self.l2[slot])))
        for slot in slots[met & ~refining]:
            self._flipped_at[slot] = spent = self.metered.spent(self._number(slot))
            self.metered.set_limit(self._number(slot), spent + self.rules.refine_budget)
        return accepted

    def _note(self, slots: Ints, codes: Ints, answers: Array, accepted: np.ndarray) -> None:
        logs = log_probabilities(answers).astype(np.float16)
        for row, slot in enumerate(slots):
            cells = np.flatnonzero(codes[row] != self.codes[slot])
            query = self.metered.spent(self._number(slot))
            step = TraceStep(query, cells, codes[row, cells], logs[row], bool(accepted[row]))
            self._traces[int(slot)].append(step)

    def _settle(self, slots: Ints) -> None:
        """Mark what is over: stalled, out of queries, or with nothing left to take away."""
        for slot in slots:
            clean_again = self._flipped_at[slot] > 0 and self.l2[slot] == 0
            if self._free[slot] >= STALL or clean_again or not self.metered.remaining(self._number(slot)):
                self.state[slot] = DONE

    def _fail(self, slot: int, reason: str) -> None:
        self._errors[slot] = reason
        self.state[slot] = DONE
