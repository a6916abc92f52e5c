"""Classifiers behind HTTP: Open Inference Protocol v2, plain JSON by template, and whatever a hook makes of it.

Needs the extra `http`.
"""

from brinkmap.errors import MissingExtra

try:
    import httpx  # noqa: F401
    import tenacity  # noqa: F401
except ImportError as error:
    raise MissingExtra("a victim behind HTTP", "http") from error

from brinkmap.victims.http.dialect import Dialect, Hook, Introduction, Question, Reply
from brinkmap.victims.http.endpoint import Endpoint
from brinkmap.victims.http.open_inference import OpenInference
from brinkmap.victims.http.settings import victim_at, victim_from_file
from brinkmap.victims.http.template import JsonTemplate
from brinkmap.victims.http.traffic import Traffic
from brinkmap.victims.http.victim import HttpVictim

__all__ = [
    "Dialect",
    "Endpoint",
    "Hook",
    "HttpVictim",
    "Introduction",
    "JsonTemplate",
    "OpenInference",
    "Question",
    "Reply",
    "Traffic",
    "victim_at",
    "victim_from_file",
]
