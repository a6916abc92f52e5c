"""A finished attack as one HTML file that replays it, without network, server or a single query."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources

from jinja2 import Environment
from markupsafe import Markup

from brinkmap.ui.live import Event

__all__ = ["standalone"]

SCRIPTS = ("draw.js", "player.js", "replay.js")
STYLES = ("player.css", "replay.css")
THINNED = " The recording was full before the end: later pictures are missing, figures are not."


def standalone(record: Sequence[Event]) -> bytes:
    """The page.

    Text of victims and files is in it as JSON only, with no `<` in it, and is shown as text. The page's own policy
    allows exactly its own script and style, by their hashes.

    Args:
        record: all events of an attack, the first and the last included.
    """
    script, style = ("\n".join(map(_text, names)) for names in (SCRIPTS, STYLES))
    begun = record[0].data
    events = json.dumps([[event.kind, event.data] for event in record], separators=(",", ":"))
    for letter, code in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        events = events.replace(letter, code)
    page = Environment(autoescape=True).from_string(_text("replay.html.j2"))
    return page.render(
        title=f"“{begun['sample']}” read by {begun['victim']}",
        note=THINNED if any(event.data.get("thinned") for event in record) else "",
        # ours, from files, and JSON without a single <
        style=Markup(style), script=Markup(script), events=Markup(events),  # noqa: S704
        style_hash=_hash(style), script_hash=_hash(script),
    ).encode()  # fmt: skip


def _text(name: str) -> str:
    return (resources.files("brinkmap.ui") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
