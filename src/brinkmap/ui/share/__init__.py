"""A finished attack to hand on: an animated picture, or a page of its own that replays it."""

from brinkmap.ui.share.animation import animation
from brinkmap.ui.share.standalone import standalone

__all__ = ["FORMS", "animation", "standalone"]

FORMS = {"gif": (animation, "image/gif"), "html": (standalone, "text/html; charset=utf-8")}
"""What each form is made by, from the events of an attack, and its media type."""
