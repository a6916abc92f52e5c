"""`brinkmap serve` listens to this machine alone unless told otherwise, in so many words."""

import subprocess
import sys

import pytest

from brinkmap.cli import main
from brinkmap.errors import InputError
from brinkmap.ui.serve import LOOPBACK, hosts_of, is_loopback


@pytest.mark.parametrize(("host", "loopback"), [
    ("127.0.0.1", True), ("127.9.9.9", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("::", False),
    ("192.168.1.4", False), ("example.org", False), ("localhost.example.org", False), ("", False),
])  # fmt: skip
def test_what_only_this_machine_reaches(host, loopback):
    assert is_loopback(host) == loopback


def test_a_loopback_server_answers_to_no_other_name():
    assert hosts_of("127.0.0.1", ()) == LOOPBACK


def test_a_server_for_all_has_to_be_told_its_name():
    with pytest.raises(InputError, match="--allow-host"):
        hosts_of("0.0.0.0", ())
    assert hosts_of("0.0.0.0", ("Lab.example.org",)) == {"lab.example.org"}
    assert hosts_of("192.168.1.4", ()) == {"192.168.1.4"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--host", "0.0.0.0"], "--public"),
        (["--host", "0.0.0.0", "--public"], "--allow-host"),
        (["--queries", "0"], "queries: expected at least 1"),
        (["--victim", "missing.onnx"], "missing.onnx"),
        (["--class-names", "missing.txt"], "class_names"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_served(flags, said, capsys):
    assert main(["serve", *flags]) == 2
    assert said in capsys.readouterr().err


def test_nothing_of_it_is_imported_unless_it_is_asked_for():
    heavy = ("fastapi", "uvicorn", "torch", "av")
    code = f"import brinkmap, brinkmap.cli, sys; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
