"""A classifier behind HTTP in a process of its own, and a proxy in front of it that fails by the dice.

python service.py PORT        serves `faulty.factory()` until it is killed
"""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

ROWS = {"template": '{"rows": [{"x": "{sample}", "id": "{id}"}]}', "scores": "rows.*.p", "ids": "rows.*.id"}
PLAIN = {"template": '{"rows": [{"x": "{sample}"}]}', "scores": "rows.*.p"}


class Speaker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *args):
        pass

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def serve(port: int) -> None:
    """Answer until killed; `FAULTS_SHUFFLE` puts the rows of every answer in another order, ids with them."""
    import faulty

    victim, lock, shuffled = faulty.factory(), threading.Lock(), bool(os.environ.get("FAULTS_SHUFFLE"))

    class Handler(Speaker):
        def do_POST(self):
            rows = json.loads(self.body())["rows"]
            with lock:
                answers = victim.predict(np.float32([row["x"] for row in rows]))
            told = [{"id": row.get("id"), "p": answer.tolist()} for row, answer in zip(rows, answers, strict=True)]
            self.send(200, json.dumps({"rows": told[::-1] if shuffled else told}).encode())

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever(poll_interval=0.05)


class Upstream:
    """The service as a process that can be killed and started again on the same port."""

    def __init__(self, count: Path) -> None:
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            self.port = bound.getsockname()[1]
        self.count = count
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, fault: str = "none:0", **environment: str) -> None:
        told = {**os.environ, "FAULTS_COUNT": str(self.count), "FAULTS_WITH": fault, **environment}
        self.process = subprocess.Popen([sys.executable, __file__, str(self.port)], env=told)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise TimeoutError("the service did not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


Fault = Callable[["Proxy", Speaker, bytes], bool]
"""Answers in the proxy's place and says True, or leaves it to the service."""


class Proxy:
    """Passes requests on to the service, or lets a fault have them with a chance of `share`."""

    def __init__(self, upstream: int, faults: list[Fault], share: float, seed: int) -> None:
        self.upstream, self.faults, self.share = upstream, faults, share
        self.rng, self.lock = random.Random(seed), threading.Lock()
        self.received = self.struck = 0
        self.port = 0

    def fault(self) -> Fault | None:
        with self.lock:
            if self.rng.random() >= self.share:
                return None
            self.struck += 1
            return self.rng.choice(self.faults)

    def ask(self, body: bytes) -> tuple[int, bytes]:
        line = http.client.HTTPConnection("127.0.0.1", self.upstream, timeout=30)
        try:
            line.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()


@contextmanager
def proxied(upstream: int, faults: list[Fault], share: float, seed: int) -> Iterator[Proxy]:
    proxy = Proxy(upstream, faults, share, seed)

    class Handler(Speaker):
        def do_POST(self):
            body = self.body()
            with proxy.lock:
                proxy.received += len(json.loads(body)["rows"])
            fault = proxy.fault()
            try:
                if fault is None or not fault(proxy, self, body):
                    self.send(*proxy.ask(body))
            except (OSError, http.client.HTTPException):
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    proxy.port = server.server_port
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


def too_many(proxy, handler, body):
    handler.send(429, b"too many", Retry_After="0")
    return True


def broken(proxy, handler, body):
    handler.send(500, b"no", Retry_After="0")
    return True


def broken_after_all(proxy, handler, body):
    """The classifier has answered, and the answer is lost."""
    proxy.ask(body)
    handler.send(502, b"bad gateway", Retry_After="0")
    return True


def breaks_off(proxy, handler, body):
    status, answer = proxy.ask(body)
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(answer)))
    handler.end_headers()
    handler.wfile.write(answer[: len(answer) // 2])
    handler.close_connection = True
    return True


if __name__ == "__main__":
    serve(int(sys.argv[1]))
