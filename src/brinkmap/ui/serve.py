"""Start the page's server."""

from __future__ import annotations

import ipaddress
import socket
import threading

import uvicorn

from brinkmap.errors import InputError
from brinkmap.ui.app import create_app
from brinkmap.ui.catalogue import Catalogue
from brinkmap.ui.limits import Limits

__all__ = ["LOOPBACK", "hosts_of", "is_loopback", "serve"]

LOOPBACK = frozenset(["localhost", "127.0.0.1", "[::1]"])
GRACE_S = 2
"""Seconds that open connections have at the end."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts_of(host: str, more: tuple[str, ...]) -> frozenset[str]:
    """The names that a server on this address answers to.

    Raises:
        InputError: the address stands for all there are, and no name is given.
    """
    names = frozenset(name.lower() for name in more)
    if is_loopback(host):
        return LOOPBACK | names | {host.lower()}
    if host in ("0.0.0.0", "::"):  # noqa: S104
        if not names:
            raise InputError(f"allow_host: with --host {host}, say by what name the page is opened: --allow-host NAME.")
        return names
    return names | ({f"[{host}]"} if ":" in host else {host.lower()})


def serve(catalogue: Catalogue, limits: Limits, host: str, port: int, allow_hosts: tuple[str, ...]) -> None:
    """Serve until interrupted.

    Raises:
        InputError: the port cannot be had, or no name to answer to is known.
    """
    app = create_app(catalogue, limits, hosts_of(host, allow_hosts))
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except (OSError, OverflowError) as error:
        raise InputError(f"port: cannot listen on {host} port {port}: {error}. Choose another with --port.") from error
    shown = f"[{host}]" if ":" in host else host
    print(f"Brinkmap's page: http://{shown}:{listening.getsockname()[1]}/  (Ctrl+C ends it)", flush=True)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, limit_concurrency=128,
        timeout_graceful_shutdown=GRACE_S,
    )  # fmt: skip
    threading.Thread(target=catalogue.warm, daemon=True).start()
    uvicorn.Server(config).run(sockets=[listening])
