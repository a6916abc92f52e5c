"""What may be shown of a service's words: secrets blotted out, control characters escaped, the start only."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import final
from urllib.parse import quote as percent_encoded

__all__ = ["Secrets"]

SHOWN = 200
"""Characters of a body that a message quotes."""
SHORTEST = 4
"""What is shorter than this gives nothing away and stands in too many innocent words."""


@final
class Secrets:
    """Values that must not be seen, in every form that a service may echo them in."""

    def __init__(self, values: Iterable[str]) -> None:
        forms: set[str] = set()
        for value in values:
            for part in {value, *value.split()}:
                if len(part) >= SHORTEST:
                    coded = base64.b64encode(part.encode()).decode()
                    forms |= {
                        part,
                        percent_encoded(part),
                        percent_encoded(part, safe=""),
                        json.dumps(part)[1:-1],
                        coded,
                    }
        self._forms = sorted(forms, key=len, reverse=True)

    def __repr__(self) -> str:
        return "Secrets(***)"

    def hide(self, text: str) -> str:
        """The text with every secret in it blotted out."""
        for form in self._forms:
            text = text.replace(form, "***")
        return text

    def quote(self, body: bytes) -> str:
        """The start of a body on one line and in quotation marks."""
        if not body:
            return "nothing"
        text = self.hide(body.decode("utf-8", "replace"))[: SHOWN + 1]
        line = "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
        return f"'{line if len(line) <= SHOWN else line[: SHOWN - 3] + '...'}'"
