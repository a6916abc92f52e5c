"""Victims that answer by content or as they are told, and a meter to ask them through."""

import numpy as np

from brinkmap.victims.metered import Metered

CLASSES = 3
NO = RuntimeError("no")


class CountsSamples:
    """Answers by content, notes what it was given, and fails where it is told to."""

    shape, bounds = (1, 2), (0.0, 100.0)

    def __init__(self, classes=CLASSES, raises=(), answers_nan=(), error=NO):
        self.classes, self.raises, self.answers_nan, self.error = classes, raises, answers_nan, error
        self.batches = []

    @property
    def seen(self):
        return sum(len(batch) for batch in self.batches)

    def predict(self, batch):
        contents = [int(content) for content in batch[:, 0, 0]]
        self.batches.append(contents)
        if any(content in self.raises for content in contents):
            raise self.error
        answers = np.zeros((len(batch), CLASSES), np.float32)
        for row, content in enumerate(contents):
            answers[row] = np.nan if content in self.answers_nan else answer_to(content)
        return answers


def answer_to(content):
    weights = np.float32([1 + content, 2, 3 + content % 4])
    return weights / weights.sum()


def metered(victim, limits=(100, 100, 100, 100), **settings):
    """A meter with one open task a limit."""
    found = Metered(victim, **settings)
    for task, limit in enumerate(limits):
        found.open(task, limit)
    return found


def ask(meter, *questions):
    """Ask about (task, content) pairs."""
    tasks, contents = [task for task, _ in questions], [content for _, content in questions]
    batch = np.repeat(np.float32(contents).reshape(-1, 1, 1), 2, axis=2)
    return meter.ask(tasks, batch, [bytes([content]) for content in contents])


class Answering(CountsSamples):
    """Answers what it is told to."""

    def __init__(self, answer, classes=CLASSES):
        super().__init__(classes)
        self.answer = answer

    def predict(self, batch):
        super().predict(batch)
        return self.answer(batch)
