"""The victim behind HTTP: a batch is cut into requests, these are sent, and the answers checked and put in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from brinkmap.arrays import Array, Bounds
from brinkmap.errors import BrinkmapError, InputError, VictimError
from brinkmap.victims.answers import Outputs
from brinkmap.victims.function import FunctionVictim, check_shape
from brinkmap.victims.http.dialect import Dialect, Garbled, Question, Reply
from brinkmap.victims.http.endpoint import Endpoint
from brinkmap.victims.http.failures import TooLarge
from brinkmap.victims.http.lanes import LaneCount, Lanes, cut
from brinkmap.victims.http.line import Line, bare
from brinkmap.victims.http.traffic import Traffic
from brinkmap.victims.normalisation import Channelwise

__all__ = ["HttpVictim"]


@final
class HttpVictim:
    """A classifier that a service runs.

    Args:
        endpoint: where the service is and on what terms it is asked, or its URL alone.
        dialect: how it wants to be asked: `OpenInference()`, `JsonTemplate(...)` or `Hook(encode, decode)`.
        shape: `(c, *extent)` of one sample; learned from the service or the first query where not given.
        classes: how many; learned likewise, and needed for labels.
        bounds: the valid range of a sample's values, before normalisation.
        outputs: what the service answers.
        mean: subtracted before a sample is sent; goes with std.
        std: divided by after that.
        unit: the unit of the samples' values, such as "mV".
        rate_hz: the sampling rate of signals, in values a second.
        clock, sleep: the time source, for tests.

    Raises:
        InputError: what is stated contradicts what the service says, or itself.
        VictimError: the service does not answer.
    """

    def __init__(
        self,
        endpoint: Endpoint | str,
        dialect: Dialect,
        *,
        shape: tuple[int, ...] | None = None,
        classes: int | None = None,
        bounds: Bounds = (0.0, 1.0),
        outputs: Outputs = "probabilities",
        mean: Channelwise | None = None,
        std: Channelwise | None = None,
        unit: str = "",
        rate_hz: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] | None = None,
    ) -> None:
        self.endpoint = Endpoint(endpoint) if isinstance(endpoint, str) else endpoint
        self._line = Line(self.endpoint, clock, sleep)
        self._told = told = dialect.introduce(self._line)
        self._largest = _least(self.endpoint.largest_request, told.largest_request)
        self._count, self._lanes, self._clock = LaneCount(self.endpoint.concurrency), Lanes(self._line.abandon), clock
        self._inner = FunctionVictim(
            self._scores,
            shape=_agreed("shape", None if shape is None else check_shape(shape), told.shape),
            classes=_agreed("classes", classes, told.classes),
            bounds=bounds,
            outputs=outputs,
            mean=mean,
            std=std,
            unit=unit,
            rate_hz=rate_hz,
            name=told.name,
        )

    def __repr__(self) -> str:
        return f"HttpVictim({self.endpoint.shown!r})"

    @property
    def shape(self) -> tuple[int, ...] | None:
        """`(c, *extent)` of one sample; None until the first query where nobody said."""
        return self._inner.shape

    @property
    def classes(self) -> int | None:
        """How many classes; None until the first query where nobody said."""
        return self._inner.classes

    @property
    def bounds(self) -> Bounds:
        """The valid range of a sample's values, before normalisation."""
        return self._inner.bounds

    @property
    def scores(self) -> bool:
        """Whether its probabilities are more than a one-hot label."""
        return self._inner.scores

    @property
    def unit(self) -> str:
        """The unit of the samples' values."""
        return self._inner.unit

    @property
    def rate_hz(self) -> float | None:
        """The sampling rate of signals, in values a second."""
        return self._inner.rate_hz

    @property
    def name(self) -> str:
        """What reports call the victim."""
        return self._inner.name

    @property
    def traffic(self) -> Traffic:
        """All counts of samples together."""
        return self._line.traffic

    @property
    def sent(self) -> int:
        """Samples in every attempt that may have reached the service, repeated ones as often as they went."""
        return self.traffic.sent

    @property
    def answered(self) -> int:
        """Samples whose scores came back."""
        return self.traffic.answered

    @property
    def refused(self) -> int:
        """Of those sent, samples that the service turned away unread: not queries."""
        return self.traffic.refused

    @property
    def concurrency(self) -> int | None:
        """Requests at once for one batch, once that is settled."""
        return self._count.frozen

    @property
    def largest_request(self) -> int | None:
        """Samples in one request at most, as far as is known."""
        return self._largest

    def predict(self, batch: Any) -> Array:
        """The probabilities of each class.

        Args:
            batch: (n, c, *extent) float32 or a torch tensor, within the bounds; or (n, *extent, c) uint8.

        Returns:
            (n, classes) float32. A row with NaN in it comes back as it is, from the second batch on, and costs its
            sample only: `brinkmap.attack` names it in that sample's result.

        Raises:
            InputError: no samples, or samples that are not what the victim takes.
            VictimError: the service failed, or its answer has not one row of scores for each sample.
        """
        return self._inner.predict(batch)

    def close(self) -> None:
        """Close the kept connections and end the threads; a later `predict` opens new ones."""
        self._lanes.close()
        self._line.close()

    def _scores(self, samples: Array) -> NDArray[Any]:
        self._line.resume()
        width = self._count.current
        pieces = cut(samples, width, self._largest)
        began = self._clock()
        answers = []
        if not self._line.breaker.closed:  # one tries whether the service is back, the rest would fail with it
            answers, pieces = [self._piece(pieces[0])], pieces[1:]
        answers += self._lanes.send(self._piece, pieces, width)
        self._count.timed(len(samples), self._clock() - began)
        return _joined(self._told.url, answers)

    def _piece(self, samples: Array) -> NDArray[Any]:
        question = self._question(samples)
        try:
            reply = self._line.post(self._told.url, question.parts, len(samples))
        except TooLarge as error:
            return self._halves(samples, error)
        scores = self._read(question, reply, len(samples))
        self.traffic.add(answered=len(samples))
        return scores

    def _halves(self, samples: Array, error: TooLarge) -> NDArray[Any]:
        half = len(samples) // 2
        if not half:
            raise VictimError(f"POST {self.endpoint.shown}: one sample alone is too large for it, {error}") from error
        self._largest = _least(self._largest, half)
        return _joined(self._told.url, [self._piece(samples[:half]), self._piece(samples[half:])])

    def _question(self, samples: Array) -> Question:
        try:
            return self._told.ask(samples)
        except BrinkmapError:
            raise
        except Exception as error:  # the user's encode: nothing has been sent, and asking row by row would not mend it
            raise VictimError(f"encode failed with {type(error).__name__}: {error}.") from error

    def _read(self, question: Question, reply: Reply, rows: int) -> NDArray[Any]:
        try:
            scores = np.asarray(question.read(reply))
        except Garbled as error:
            raise self._line.complaint(self._told.url, reply, str(error)) from error
        except Exception as error:  # the user's decode
            reason = f"decode failed with {type(error).__name__}: {error}"
            raise self._line.complaint(self._told.url, reply, reason) from error
        if scores.dtype.kind not in "biuf":
            raise self._line.complaint(self._told.url, reply, f"expected numbers, got {_first_of_no_number(scores)}")
        if scores.ndim not in (1, 2) or len(scores) != rows:
            reason = f"expected scores of shape ({rows}, classes) or {rows} labels, got {scores.shape}"
            raise self._line.complaint(self._told.url, reply, reason)
        return scores


def _joined(url: str, answers: list[NDArray[Any]]) -> NDArray[Any]:
    widths = sorted({answer.shape[1:] for answer in answers})
    if len(widths) > 1:
        named = " and ".join(str(width[0] if width else "a label") for width in widths)
        raise VictimError(f"POST {bare(url)}: expected as many classes in every answer, got {named}.")
    return answers[0] if len(answers) == 1 else np.concatenate(answers)


def _first_of_no_number(scores: NDArray[Any]) -> str:
    wrong = next((one for one in scores.ravel().tolist() if not isinstance(one, int | float)), scores.dtype)
    return f"{wrong!r:.40}"


def _least(one: int | None, other: int | None) -> int | None:
    return min((value for value in (one, other) if value is not None), default=None)


def _agreed(name: str, stated: Any, told: Any) -> Any:
    if stated is not None and told is not None and stated != told:
        raise InputError(f"{name}: the service itself says {told}, got {stated}. Leave {name} out.")
    return told if stated is None else stated
