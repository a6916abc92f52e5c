"""What HTTP costs: the victim behind a service on loopback against the same model in process, within one run.

    python benchmarks/http_rate.py               measures; writes docs/results/http.json and http.md
    python benchmarks/http_rate.py --real-time   before all other work on the machine, which stands still for minutes
    python benchmarks/http_rate.py --page        the page anew from the JSON

The service speaks Open Inference Protocol v2 (http.server, ONNX Runtime with one thread), alone on the last core; the
model in process runs with one thread on that same core while the service has nothing to do; the client is on the
first. Rounds alternate, so that a busy machine slows both.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
DATA, PAGE = ROOT / "docs" / "results" / "http.json", ROOT / "docs" / "results" / "http.md"
BATCHES = (16, 64, 256, 1024, 4096)
ROUNDS, SECONDS = 5, 0.3
MOST, MOST_AS_TEXT = 2**20, 2**18
"""Values in a batch, and in one of JSON: beyond that a call takes seconds."""
WAYS = ("json", "binary")
LENGTH = "Inference-Header-Content-Length"


def export(folder: Path) -> dict[str, tuple[Path, tuple[int, ...]]]:
    """The models as ONNX files with logits: the shipped digits CNN, and the CIFAR-10 ResNet-20 where its data are."""
    import torch

    from brinkmap.victims.digits import WEIGHTS, digits_net
    from real_data import SHARED, shared_module

    digits = digits_net()
    from safetensors.torch import load_file

    digits.load_state_dict(load_file(WEIGHTS))
    nets = {"digits CNN": (digits.eval(), (1, 8, 8))}
    if SHARED.is_dir():
        nets["ResNet-20"] = (shared_module("models_cifar").load("resnet20").eval(), (3, 32, 32))
    files = {}
    for number, (name, (net, shape)) in enumerate(nets.items()):
        path = folder / f"model-{number}.onnx"
        torch.onnx.export(
            net, torch.zeros(2, *shape), str(path), input_names=["pixels"], output_names=["logits"],
            dynamic_axes={"pixels": {0: "n"}, "logits": {0: "n"}}, dynamo=False,
        )  # fmt: skip
        files[name] = (path, shape)
    return files


def serve(path: str, port: int, core: int) -> None:
    """Open Inference Protocol v2 for one model, JSON and binary tensors, until killed."""
    os.sched_setaffinity(0, {core})
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    [entry], [out] = session.get_inputs(), session.get_outputs()
    ports = {
        "inputs": [{"name": entry.name, "datatype": "FP32", "shape": [-1, *entry.shape[1:]]}],
        "outputs": [{"name": out.name, "datatype": "FP32", "shape": [-1, *out.shape[1:]]}],
    }
    pages = {"/v2": {"name": "rate", "extensions": ["binary_tensor_data"]}, "/v2/models/m": {"name": "m", **ports}}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args):
            pass

        def send(self, body, headers=()):
            self.send_response(200)
            for key, value in {"Content-Length": str(len(body)), **dict(headers)}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            self.send(json.dumps(pages[self.path]).encode())

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            length = self.headers.get(LENGTH)
            told = json.loads(body[: int(length)] if length else body)
            [tensor] = told["inputs"]
            flat = np.frombuffer(body, np.float32, offset=int(length)) if length else np.float32(tensor["data"])
            [scores] = session.run([out.name], {entry.name: flat.reshape(tensor["shape"])})
            answer = {"name": out.name, "datatype": "FP32", "shape": list(scores.shape)}
            if not length:
                told = {"id": told["id"], "outputs": [answer | {"data": scores.ravel().tolist()}]}
                return self.send(json.dumps(told).encode(), {"Content-Type": "application/json"})
            answer["parameters"] = {"binary_data_size": scores.nbytes}
            header = json.dumps({"id": told["id"], "outputs": [answer]}).encode()
            return self.send(header + scores.tobytes(), {LENGTH: str(len(header))})

    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


def alone(path: str, core: int) -> None:
    """The model in process: for each line `batch seconds` on standard input, its rate."""
    os.sched_setaffinity(0, {core})
    import brinkmap

    victim = brinkmap.wrap(path, outputs="logits")
    for line in sys.stdin:
        batch, seconds = line.split()
        print(rate(victim, int(batch), float(seconds)), flush=True)


def rate(victim, batch: int, seconds: float) -> float:
    """Samples a second."""
    samples = np.random.default_rng(0).random((batch, *victim.shape), dtype=np.float32)
    victim.predict(samples)
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < seconds or calls < 2:
        victim.predict(samples)
        calls += 1
    return calls * batch / (time.perf_counter() - began)


class Beside:
    """Another process of this file."""

    def __init__(self, *words: object) -> None:
        command = [sys.executable, __file__, *map(str, words)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def rate(self, batch: int, seconds: float) -> float:
        self.process.stdin.write(f"{batch} {seconds}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def wait_for(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as trying:
            if trying.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit("the service did not start.")


Rates = dict[str, dict[str, list[float]]]


def measured(path: Path, size: int, client: int, server: int) -> tuple[Rates, dict[str, dict[str, int | None]]]:
    """For each way and batch, the rates of all rounds, and how many requests went side by side."""
    from brinkmap.victims.http import HttpVictim, OpenInference

    port = free_port()
    service, inside = Beside("serve", path, port, server), Beside("alone", path, server)
    try:
        wait_for(port)
        url = f"http://127.0.0.1:{port}/v2/models/m"
        os.sched_setaffinity(0, {client})
        found: Rates = {way: {} for way in ("in process", *WAYS)}
        lanes: dict[str, dict[str, int | None]] = {way: {} for way in WAYS}
        for batch in (one for one in BATCHES if one * size <= MOST):
            ways = WAYS if batch * size <= MOST_AS_TEXT else WAYS[1:]
            victims = {way: HttpVictim(url, OpenInference(tensors=way), outputs="logits") for way in ways}
            for victim in victims.values():
                rate(victim, batch, 0.5)  # how many requests at once is settled here
            for _ in range(ROUNDS):
                for way in ("in process", *ways):
                    got = inside.rate(batch, SECONDS) if way == "in process" else rate(victims[way], batch, SECONDS)
                    found[way].setdefault(str(batch), []).append(round(got))
            for way, victim in victims.items():
                lanes[way][str(batch)] = victim.concurrency
                victim.close()
            said = {way: statistics.median(found[way][str(batch)]) for way in ("in process", *ways)}
            print(f"batch {batch}: {said}, requests at once {victims['binary'].concurrency}", flush=True)
        return found, lanes
    finally:
        service.end()
        inside.end()


def shares(found: Rates) -> dict[str, dict[str, float]]:
    """Best batch, median rate there and share of the in-process rate at its own best batch, round by round."""
    best = {way: max(found[way], key=lambda batch: statistics.median(found[way][batch])) for way in found}
    base = found["in process"][best["in process"]]
    out = {}
    for way in found:
        rounds = [one / other for one, other in zip(found[way][best[way]], base, strict=True)]
        share, low, high = statistics.median(rounds), min(rounds), max(rounds)
        out[way] = {"batch": int(best[way]), "rate": statistics.median(found[way][best[way]])} | {
            "share": round(share, 3), "least": round(low, 3), "greatest": round(high, 3),
        }  # fmt: skip
    return out


INTRODUCTION = """# What HTTP costs

Made by `python benchmarks/http_rate.py` (figures in `http.json`) on {machine}, at a load average of
{load:.1f}{aside}.

Samples a second through `predict`: the model in process with one thread on one core, and the same ONNX file behind an
Open Inference Protocol v2 service (Python's own http.server around ONNX Runtime, one thread) on that same core, the
client on the other. How many requests go side by side the victim finds by itself. Medians of {rounds} rounds that
alternate; the share is of the in-process rate at its best batch, least and greatest round in brackets.

| model | way | best batch | samples/s | share of in process |
|---|---|---|---|---|
"""


REMARKS = """
An attack hands over at most 256 samples at once (`--slots`), so that is the column that an audit of a fast model
sees; for a model that takes a millisecond a sample HTTP costs some per cent at any of these sizes. JSON is for
services that cannot do better: writing and reading numbers as text takes longer than a small model takes to answer.
Where the service says that it takes binary tensors they are used without being asked for; others are told with
`tensors = "binary"`."""


def page(told: dict) -> str:
    aside = ", before all that other work (`--real-time`)" if told["real_time"] else ""
    lines = INTRODUCTION.format(aside=aside, **told).splitlines()
    for name, model in told["models"].items():
        for way, one in model["shares"].items():
            share = "" if way == "in process" else f"{one['share']:.0%} ({one['least']:.0%} to {one['greatest']:.0%})"
            title = way if way == "in process" else f"HTTP, {way} tensors"
            lines.append(f"| {name} | {title} | {one['batch']} | {one['rate']:,.0f} | {share} |")
    lines += ["", "By batch, samples a second:", "", f"| model | way | {' | '.join(map(str, BATCHES))} |"]
    lines += ["|---|---|" + "---|" * len(BATCHES)]
    for name, way in itertools.product(told["models"], ("in process", *WAYS)):
        rates = told["models"][name]["rates"][way]
        said = [f"{statistics.median(rates[str(one)]):,.0f}" if str(one) in rates else "" for one in BATCHES]
        lines.append(f"| {name} | {way} | {' | '.join(said)} |")
    return "\n".join([*lines, *REMARKS.splitlines(), ""])


def main(real_time: bool) -> None:
    import brinkmap  # noqa: F401 (not while it is measured)

    if real_time:  # what is started from here inherits it
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    cores = sorted(os.sched_getaffinity(0))
    client, server = cores[0], cores[-1]
    with tempfile.TemporaryDirectory() as folder:
        models = {}
        for name, (path, shape) in export(Path(folder)).items():
            print(name, flush=True)
            found, lanes = measured(path, int(np.prod(shape)), client, server)
            models[name] = {"rates": found, "requests_at_once": lanes, "shares": shares(found)}
            os.sched_setaffinity(0, cores)
    machine = f"{len(cores)} cores ({platform.machine()})"
    told = {"machine": machine, "load": os.getloadavg()[1], "real_time": real_time, "rounds": ROUNDS, "models": models}
    DATA.write_text(json.dumps(told, indent=1) + "\n")
    PAGE.write_text(page(told))
    print(PAGE.read_text())


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        serve(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    elif sys.argv[1:2] == ["alone"]:
        alone(sys.argv[2], int(sys.argv[3]))
    elif sys.argv[1:] == ["--page"]:
        PAGE.write_text(page(json.loads(DATA.read_text())))
    else:
        main("--real-time" in sys.argv)
