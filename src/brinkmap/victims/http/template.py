"""Plain JSON services, asked by filling a template and read by a path into the answer."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, final

import httpx

from brinkmap.arrays import Array
from brinkmap.errors import InputError
from brinkmap.victims.http.dialect import Garbled, Introduction, Question, Reply
from brinkmap.victims.http.line import Line

__all__ = ["JsonTemplate"]

BATCH, SAMPLE, ID = "{batch}", "{sample}", "{id}"


@final
@dataclass(frozen=True)
class JsonTemplate:
    """A request as a JSON text with a placeholder, and where the scores stand in the answer.

    `"{batch}"` becomes the nested list of all samples: `{"instances": "{batch}"}`. `"{sample}"` becomes that of one; a
    list with one entry that has it in it gets such an entry for each sample (`{"rows": [{"x": "{sample}"}]}`),
    and where no list does, each request carries one sample. `"{id}"` beside a sample becomes a number of its own.

    A path is made of keys and list positions, `*` for each entry of a list: `outputs.0.scores`, `rows.*.scores`.
    """

    template: str
    scores: str
    """The path to the scores of the batch, or of the one sample; empty for the whole answer."""
    ids: str | None = None
    """The path to the ids in the answer: scores in another order are put back into that of the batch."""
    _filled: Any = field(init=False, repr=False)
    _counter: Iterator[int] = field(default_factory=itertools.count, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        try:
            filled = json.loads(self.template)
        except (TypeError, ValueError) as error:
            raise InputError(
                f'template: expected JSON such as {{"instances": "{BATCH}"}}, got none: {error}.'
            ) from None
        object.__setattr__(self, "_filled", filled)
        found = [word for word in _words(filled) if word in (BATCH, SAMPLE)]
        if len(found) != 1:
            raise InputError(f'template: expected one "{BATCH}" or one "{SAMPLE}" in it, got {len(found)} of them.')
        if (self.ids is not None) != (ID in _words(filled)):
            raise InputError(f'ids: goes with "{ID}" beside "{SAMPLE}" in the template. Give both, or neither.')
        if self.ids is not None and not self._by_row:
            raise InputError(f'ids: needs a list of entries with "{SAMPLE}" and "{ID}" in the template.')

    def introduce(self, line: Line) -> Introduction:
        """How to ask; such a service tells nothing of itself."""
        path = httpx.URL(line.endpoint.url).path.rstrip("/")
        return Introduction(
            ask=self._ask,
            url=line.endpoint.url,
            name=path.rpartition("/")[2] or httpx.URL(line.endpoint.url).host,
            largest_request=1 if self._single else None,
        )

    @property
    def _by_row(self) -> bool:
        return _repeated(self._filled)

    @property
    def _single(self) -> bool:
        return SAMPLE in _words(self._filled) and not self._by_row

    def _ask(self, batch: Array) -> Question:
        samples = batch.tolist()
        ids = [next(self._counter) for _ in samples]
        values = {BATCH: samples, SAMPLE: samples[0], ID: ids[0]}
        return Question({"json": _fill(self._filled, values, samples, ids)}, lambda reply: self._read(reply, ids))

    def _read(self, reply: Reply, ids: list[int]) -> Any:
        told = reply.json()
        scores = pick(told, self.scores)
        if self._single:
            return [scores]
        if self.ids is None:
            return scores
        came = pick(told, self.ids)
        if not isinstance(came, list) or not isinstance(scores, list) or len(came) != len(scores):
            raise Garbled(f"expected a list of ids as long as the scores at {self.ids!r}")
        if sorted(map(str, came)) != sorted(map(str, ids)):
            raise Garbled(f"expected the ids {_few(ids)}, got {_few(came)}")
        by_id = dict(zip(map(str, came), scores, strict=True))
        return [by_id[str(one)] for one in ids]


def pick(value: Any, path: str) -> Any:
    """What stands at a path of keys, positions and `*`.

    Raises:
        Garbled: nothing does.

    >>> pick({"rows": [{"p": 1}, {"p": 2}]}, "rows.*.p")
    [1, 2]
    """
    return _walk(value, path.split(".") if path else [], path)


def _walk(value: Any, steps: Sequence[str], path: str) -> Any:
    for place, step in enumerate(steps):
        if step == "*" and isinstance(value, list):
            return [_walk(one, steps[place + 1 :], path) for one in value]
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise Garbled(f"expected scores at {path!r}, got nothing at {step!r} in it")
    return value


def _words(node: Any) -> list[str]:
    """All strings that are values."""
    if isinstance(node, str):
        return [node]
    nodes = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [word for one in nodes for word in _words(one)]


def _holds_sample(node: Any) -> bool:
    return isinstance(node, list) and len(node) == 1 and SAMPLE in _words(node)


def _repeated(node: Any) -> bool:
    """Whether the sample stands in a list that gets an entry for each."""
    nodes = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return _holds_sample(node) or any(_repeated(one) for one in nodes)


def _fill(node: Any, values: dict[str, Any], samples: list[Any], ids: list[int]) -> Any:
    if _holds_sample(node):  # the outermost such list is the one with an entry for each
        rows = zip(samples, ids, strict=True)
        return [_fill(node[0], {SAMPLE: sample, ID: one}, [sample], [one]) for sample, one in rows]
    if isinstance(node, dict):
        return {key: _fill(one, values, samples, ids) for key, one in node.items()}
    if isinstance(node, list):
        return [_fill(one, values, samples, ids) for one in node]
    return values.get(node, node) if isinstance(node, str) else node


def _few(ids: Sequence[Any]) -> str:
    return ", ".join(f"{one!r:.20}" for one in ids[:5]) + (" ..." if len(ids) > 5 else "")
