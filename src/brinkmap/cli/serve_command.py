"""`brinkmap serve`: the live page."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tyro

from brinkmap.errors import InputError, MissingExtra
from brinkmap.victims import load_victim

if TYPE_CHECKING:
    from brinkmap.ui.catalogue import SampleSet

__all__ = ["ServeFlags", "run_serve"]

OWN_SAMPLES = 24
"""Samples of --data that are offered."""


@dataclass(frozen=True, kw_only=True)
class ServeFlags:
    """Serve a page on which attacks are watched query by query: original, distortion, modified, percentages and a map.

    Visitors choose among the victims that come with Brinkmap and those given here, and among samples that come with
    it or that they upload. Only this machine can reach the page, unless --host and --public say otherwise.

    Examples:
        brinkmap serve
        brinkmap serve --victim model.onnx --class-names names.txt --data photos/
        brinkmap serve --victim beats.onnx --unit mV --rate-hz 360 --port 9000
        brinkmap serve --host 0.0.0.0 --public --allow-host lab.example.org --queries 5000
    """

    victim: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """One more victim to choose: model.onnx, path/to/file.py:factory, package.module:factory, a URL or a .toml of a
    service. May be given several times."""
    class_names: Path | None = None
    """A text file with one class name a line, for the victims given."""
    bounds: tuple[float, float] | None = None
    """The valid range of their samples; none given means what they say, else 0 1."""
    mean: tuple[float, ...] = ()
    """Per channel, subtracted before they see a sample."""
    std: tuple[float, ...] = ()
    """Per channel, divided by."""
    outputs: str | None = None
    """What they answer: logits, probabilities or labels."""
    unit: str | None = None
    """The unit of a signal's values, such as mV."""
    rate_hz: float | None = None
    """A signal's sampling rate."""
    data: str | None = None
    """Samples to choose from beside those that come with Brinkmap: what `brinkmap audit --data` takes."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8765
    """The port to listen on; 0 for any that is free."""
    public: bool = False
    """Listen on an address that others can reach. There is no password and no encryption: put a proxy before it."""
    allow_host: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """One more name that the page is opened by. Requests to any other name are refused."""
    queries: int = 20_000
    """Queries that one session may spend."""
    budget: int = 2_000
    """Queries that one attack may spend, refining included."""
    attacks: int = 4
    """Attacks that run at once."""
    attacks_each: int = 2
    """Attacks of one session that run at once."""
    sessions: int = 32
    """Sessions at once."""
    sessions_each: int = 16
    """Sessions at once from one address."""
    upload_mb: int = 16
    """Size of an upload."""
    values: int = 1_000_000
    """Values in one sample."""
    frames: int = 600
    """Frames of an uploaded clip that are read."""
    idle_s: int = 300
    """Seconds after which a paused attack, and a session that asks for nothing, ends."""
    record_mb: int = 24
    """Memory for the replay of one attack."""


def run_serve(flags: ServeFlags) -> int:
    """Serve until interrupted; returns the exit code.

    Raises:
        InputError: a victim, a file or an address that cannot work.
        MissingExtra: the page's server is not installed.
    """
    try:
        from brinkmap.ui.catalogue import catalogue_of
        from brinkmap.ui.limits import Limits
        from brinkmap.ui.serve import hosts_of, is_loopback, serve
    except ImportError as error:
        raise MissingExtra("the live page", "ui") from error
    limits = Limits(**{field.name: getattr(flags, field.name) for field in fields(Limits)})
    if not is_loopback(flags.host) and not flags.public:
        raise InputError(
            f"host: {flags.host} can be reached from other machines, and the page has no password. "
            "Say --public if that is meant, or leave --host out."
        )
    hosts_of(flags.host, flags.allow_host)
    victims = _victims(flags)
    sets = _samples(flags, victims)
    print("Loading the victims ...", file=sys.stderr, flush=True)
    catalogue = catalogue_of(victims, _class_names(flags), sets)
    if not is_loopback(flags.host):
        print(
            "WARNING: others can reach this page. It has no password and no encryption, and whoever opens it can spend "
            f"{flags.queries:,} queries of each victim a session. Put a proxy with both before it.",
            file=sys.stderr,
        )
    serve(catalogue, limits, flags.host, flags.port, flags.allow_host)
    return 0


def _victims(flags: ServeFlags) -> dict[str, Any]:
    """The operator's victims by the name that the page shows: a file's own, not its folder's."""
    found: dict[str, Any] = {}
    for reference in flags.victim:
        name = reference if reference.startswith(("http://", "https://")) else reference.rpartition("/")[2]
        if name in found:
            raise InputError(f"victim: expected different names, got {name} twice. Rename one file.")
        found[name] = load_victim(
            reference, bounds=flags.bounds, mean=flags.mean or None, std=flags.std or None,
            outputs=flags.outputs, unit=flags.unit, rate_hz=flags.rate_hz,  # type: ignore[arg-type]
        )  # fmt: skip
    return found


def _class_names(flags: ServeFlags) -> list[str]:
    if flags.class_names is None:
        return []
    try:
        return flags.class_names.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"class_names: {flags.class_names} cannot be read: {error}.") from error


def _samples(flags: ServeFlags, victims: dict[str, Any]) -> list[SampleSet]:
    if flags.data is None:
        return []
    from brinkmap.data import load_data
    from brinkmap.ui.catalogue import given_set

    bounds = next((victim.bounds for victim in victims.values()), (0.0, 1.0))
    return [given_set(Path(flags.data).name, load_data(flags.data, limit=OWN_SAMPLES), bounds)]
