"""A real server on loopback around a model whose answers are known: counts what passes through, fails on demand."""

from __future__ import annotations

import json
import ssl
import threading
from collections import deque
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

NOW = 1_800_000_000
"""What the service takes for the time of day."""
LENGTH = "Inference-Header-Content-Length"


class Service:
    """`faults` holds one entry a POST, None for none: a function (handler, answers of the model) -> answers to send, or
    None if it has answered itself. A fault with `early = True` comes before the model is asked."""

    def __init__(self, model, faults=(), largest=None, binary=False, told=True, always=None, secret=None):
        self.model, self.faults, self.always = model, deque(faults), always
        self.largest, self.binary, self.told, self.secret = largest, binary, told, secret
        self.classified = self.received = self.posts = 0
        self.batches, self.under_way, self.most_under_way = [], 0, 0
        self.headers = []
        self.released = threading.Event()
        self.lock = threading.Lock()

    @property
    def base(self):
        return f"http://127.0.0.1:{self.port}"

    @property
    def model_url(self):
        return f"{self.base}/v2/models/known"

    def next_fault(self):
        with self.lock:
            return self.faults.popleft() if self.faults else self.always

    def answers(self, samples):
        with self.lock:
            self.classified += len(samples)
            return self.model(samples)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: Service

    def log_message(self, *args):
        pass

    def date_time_string(self, timestamp=None):
        return formatdate(NOW, usegmt=True)

    def send(self, status, body, headers=()):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **dict(headers)}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        service, shape = self.service, [-1, *self.service.model.shape]
        if not service.told:
            return self.send(404, {"error": "not found"})
        if self.path == "/v2":
            return self.send(200, {"name": "s", "extensions": ["binary_tensor_data"] if service.binary else []})
        if self.path != "/v2/models/known":
            return self.send(404, {"error": f"no model at {self.path}"})
        ports = {
            "inputs": [{"name": "pixels", "datatype": "FP32", "shape": shape}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, service.model.classes]}],
        }
        return self.send(200, {"name": "known", "platform": "numpy", **ports})

    def do_POST(self):
        service = self.service
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with service.lock:
            service.posts += 1
            service.headers.append(dict(self.headers))
            service.under_way += 1
            service.most_under_way = max(service.most_under_way, service.under_way)
        try:
            self.answer(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with service.lock:
                service.under_way -= 1

    def answer(self, body):
        service = self.service
        speak = SPEAKERS[self.path.partition("?")[0].rpartition("/")[2]]
        samples, reply = speak(self, body)
        with service.lock:
            service.received += len(samples)
            service.batches.append(len(samples))
        if service.secret and self.headers.get("Authorization") != f"Bearer {service.secret}":
            return self.send(401, {"error": f"wrong token {self.headers.get('Authorization')}"})
        if service.largest and len(samples) > service.largest:
            return self.send(413, b"too much")
        fault = service.next_fault()
        if fault and getattr(fault, "early", False):
            return fault(self, samples)
        answers = service.answers(samples)
        if fault:
            answers = fault(self, answers)
        return None if answers is None else reply(answers)


def infer(handler, body):
    length = handler.headers.get(LENGTH)
    told = json.loads(body[: int(length)] if length else body)
    [tensor] = told["inputs"]
    kind = {"FP32": np.float32, "FP64": np.float64}[tensor["datatype"]]
    values = np.frombuffer(body[int(length) :], kind).astype(np.float32) if length else np.float32(tensor["data"])
    binary = told["outputs"][0].get("parameters", {}).get("binary_data")

    def reply(answers):
        answers = np.asarray(answers)
        kind = "INT64" if answers.dtype.kind == "i" else "FP32"
        out = {"name": "scores", "datatype": kind, "shape": list(answers.shape)}
        if not binary:
            out["data"] = answers.ravel().tolist()
            return handler.send(200, {"model_name": "known", "id": told["id"], "outputs": [out]})
        spare = {"name": "spare", "datatype": "FP32", "shape": [2], "parameters": {"binary_data_size": 8}}
        out["parameters"] = {"binary_data_size": answers.nbytes}
        header = json.dumps({"model_name": "known", "id": told["id"], "outputs": [spare, out]}).encode()
        return handler.send(200, header + bytes(8) + answers.tobytes(), {LENGTH: str(len(header))})

    return values.reshape(tensor["shape"]), reply


def plain(handler, body):
    samples = np.float32(json.loads(body)["instances"])
    return samples, lambda answers: handler.send(200, {"outputs": [{"scores": np.asarray(answers).tolist()}]})


def rows(handler, body):
    given = json.loads(body)["rows"]
    ids = [one.get("id") for one in given]

    def reply(answers):
        order = range(len(ids))[::-1]  # the last comes first
        return handler.send(200, {"rows": [{"id": ids[i], "p": np.asarray(answers)[i].tolist()} for i in order]})

    return np.float32([one["x"] for one in given]), reply


def one(handler, body):
    sample = np.float32([json.loads(body)["image"]["values"]])
    return sample, lambda answers: handler.send(200, {"p": np.asarray(answers)[0].tolist()})


def octets(handler, body):
    samples = np.frombuffer(body, np.float32).reshape(-1, *handler.service.model.shape)
    return samples, lambda answers: handler.send(200, np.asarray(answers).tobytes())


SPEAKERS = {"infer": infer, "plain": plain, "rows": rows, "one": one, "octets": octets}


def status(code, body=b"no", **headers):
    def fault(handler, _):
        handler.send(code, body, {name.replace("_", "-"): value for name, value in headers.items()})

    fault.early = True
    return fault


def late(code):
    """The model has been asked when it fails."""

    def fault(handler, _):
        handler.send(code, b"after all")

    return fault


def hangs(handler, _):
    """Says nothing until the test is over."""
    handler.service.released.wait(10)
    handler.close_connection = True


def breaks_off(handler, answers):
    """Half a body, then the connection is gone."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"outputs": [')
    handler.close_connection = True


def says(body, **headers):
    def fault(handler, _):
        handler.send(200, body, headers)

    return fault


def changed(change):
    """The answers, changed on the way out."""
    return lambda _, answers: change(np.array(answers))


@contextmanager
def serving(model, *, certificate=None, **settings):
    service = Service(model, **settings)
    service.handler = type("Bound", (Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), service.handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.released.set()
        server.shutdown()
        server.server_close()


class Model:
    """A victim, as what a server runs."""

    def __init__(self, victim):
        self.victim, self.shape, self.classes = victim, victim.shape, victim.classes

    def __call__(self, samples):
        return self.victim.predict(samples)


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now, self.slept, self.lock = 100.0, [], threading.Lock()

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        with self.lock:
            self.slept.append(seconds)
            self.now += seconds
