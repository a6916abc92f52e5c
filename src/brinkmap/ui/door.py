"""One attack's way to a victim that several share: one batch at a time, and a copy of what was asked last."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from brinkmap.arrays import Array
from brinkmap.victims.protocol import Victim

__all__ = ["Door"]


class Door:
    """The victim itself in everything but that it is asked by one attack at a time.

    Args:
        victim: shared.
        turn: held while the victim is asked.
    """

    def __init__(self, victim: Victim, turn: threading.Lock) -> None:
        self._victim, self._turn = victim, turn
        self._asked: list[tuple[Array, Array]] = []
        self._sent = 0

    def predict(self, batch: Array) -> Array:
        """As the victim's."""
        with self._turn:
            before = getattr(self._victim, "sent", 0)
            try:
                answers = self._victim.predict(batch)
            finally:
                self._sent += getattr(self._victim, "sent", 0) - before
        answered = np.array(answers, np.float32)
        good = np.isfinite(answered.reshape(len(batch), -1)).all(axis=1)  # the meter says what is wrong with the others
        self._asked.append((batch[good], answered[good]))
        return answers

    def taken(self) -> tuple[Array, Array]:
        """What was asked since the last call: samples (k, c, *extent) and answers (k, classes)."""
        asked, self._asked = self._asked, []
        return np.concatenate([batch for batch, _ in asked]), np.concatenate([answers for _, answers in asked])

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._victim, name)
        return self._sent if name == "sent" else found  # what others send meanwhile is none of this attack's
