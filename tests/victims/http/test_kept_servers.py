"""The client against inference servers that others keep, where they are installed: each in an environment of its own.

python -m venv /tmp/mlserver && /tmp/mlserver/bin/pip install mlserver==1.7.1 mlserver-sklearn==1.7.1
python -m venv /tmp/kserve && /tmp/kserve/bin/pip install kserve==0.21.0
BRINKMAP_MLSERVER=/tmp/mlserver/bin/python BRINKMAP_KSERVE=/tmp/kserve/bin/python pytest -m slow tests/victims/http
"""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from sklearn.datasets import load_digits

from brinkmap import Run, attack
from brinkmap.testing import check_victim
from brinkmap.victims.http import HttpVictim, OpenInference

pytestmark = pytest.mark.slow
KEPT = Path(__file__).with_name("kept")
SAMPLES = (load_digits().data[:50] / 16).astype(np.float32).reshape(-1, 1, 8, 8)


def python_with(package):
    python = os.environ.get(f"BRINKMAP_{package.upper()}")
    if not python:
        pytest.skip(f"{package} is not here: name a Python that has it in BRINKMAP_{package.upper()} (see this file)")
    return python


def free_ports():
    """The first of three in a row."""
    while True:
        with socket.socket() as first, socket.socket() as second, socket.socket() as third:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
                third.bind(("127.0.0.1", port + 2))
            except (OSError, OverflowError):
                continue
            return port


@contextmanager
def running(command, url, **how):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)
    try:
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{url}/ready", timeout=1)
                break
            except (urllib.error.URLError, OSError):
                if process.poll() is not None:
                    pytest.fail(f"it ended: {process.communicate()[0][-500:]}")
                time.sleep(0.1)
        yield url
    finally:
        process.kill()
        process.communicate()


def test_mlserver(tmp_path):
    python = python_with("mlserver")
    port = free_ports()
    subprocess.run([python, str(KEPT / "mlserver_model.py"), str(tmp_path), str(port)], check=True)
    command = [str(Path(python).with_name("mlserver")), "start", "."]
    with running(command, f"http://127.0.0.1:{port}/v2/models/digits", cwd=tmp_path) as url:
        victim = HttpVictim(url, OpenInference(), shape=(1, 8, 8))
        assert (victim.classes, victim.name) == (10, "digits")
        assert_allclose(victim.predict(SAMPLES), np.load(tmp_path / "answers.npy"), atol=1e-6)
        check_victim(victim, SAMPLES[:5])
        before = victim.sent
        results = list(attack(victim, SAMPLES[:6], None, Run(agent="random", patch=2, budget=20)))
        assert sum(one.queries for one in results) == victim.sent - before
        assert victim.sent == victim.answered


@pytest.mark.parametrize("tensors", ["json", "binary"])
def test_kserve(tmp_path, tensors):
    python, port = python_with("kserve"), free_ports()
    command = [python, str(KEPT / "kserve_model.py"), str(tmp_path), str(port)]
    with running(command, f"http://127.0.0.1:{port}/v2/models/digits") as url:
        victim = HttpVictim(url, OpenInference(tensors=tensors), outputs="logits")
        assert (victim.shape, victim.classes) == ((1, 8, 8), 10)
        weights = np.load(tmp_path / "weights.npy")
        logits = (SAMPLES.reshape(-1, 64)[:, :, None] * weights).sum(axis=1)
        assert_array_equal(victim.predict(SAMPLES).argmax(axis=1), logits.argmax(axis=1))
        check_victim(victim, SAMPLES[:5])
        assert victim.sent == victim.answered == 50 + 4 * 5 + 2
