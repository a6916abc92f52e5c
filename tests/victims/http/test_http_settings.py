"""Victims behind HTTP from a URL or a TOML file, and what is said of settings that cannot work."""

import re
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from serving import Model, serving

from brinkmap.cli import main
from brinkmap.errors import InputError, MissingExtra, VictimError
from brinkmap.victims import load_victim
from brinkmap.victims.http import Endpoint, HttpVictim, JsonTemplate, OpenInference
from victims_known import LabelsOnly, Linear, samples_for

KNOWN = Linear((1, 8, 8), bounds=(-3, 5))
SAMPLES, _ = samples_for(KNOWN, 5)


def test_a_url_is_a_reference():
    with serving(Model(KNOWN)) as service:
        victim = load_victim(service.model_url, bounds=(-3, 5), unit="mV")
        assert_array_equal(victim.predict(SAMPLES), KNOWN.predict(SAMPLES))
        assert (victim.unit, victim.name) == ("mV", "known")


def test_a_toml_file_is_a_reference(tmp_path, monkeypatch):
    monkeypatch.setenv("TOKEN_OF_MINE", "abcdefgh")
    with serving(Model(KNOWN), secret="abcdefgh") as service:
        (tmp_path / "victim.toml").write_text(f"""
            url = "{service.base}/rows"
            protocol = "json"
            template = '{{"rows": [{{"x": "{{sample}}", "id": "{{id}}"}}]}}'
            scores = "rows.*.p"
            ids = "rows.*.id"
            auth_env = "TOKEN_OF_MINE"
            timeout_s = 9
            concurrency = 2
            shape = [1, 8, 8]
            classes = 3
            bounds = [-3.0, 5.0]
            mean = [0.0]
            std = 1
        """)
        victim = load_victim(str(tmp_path / "victim.toml"), rate_hz=250.0)
        assert_array_equal(victim.predict(SAMPLES), KNOWN.predict(SAMPLES))
        assert (victim.shape, victim.bounds, victim.rate_hz) == ((1, 8, 8), (-3.0, 5.0), 250.0)
        assert (victim.endpoint.timeout_s, victim.concurrency) == (9, 2)


def test_what_is_stated_goes_before_the_file(tmp_path):
    model = LabelsOnly(KNOWN)
    with serving(Model(model)) as service:
        (tmp_path / "v.toml").write_text(f'url = "{service.model_url}"\nbounds = [0, 1]\noutputs = "logits"')
        victim = load_victim(str(tmp_path / "v.toml"), bounds=(-3, 5), outputs="probabilities")
        assert_array_equal(victim.predict(SAMPLES), model.predict(SAMPLES))


def test_an_audit_runs_against_a_url(tmp_path, capsys):
    with serving(Model(Linear((1, 8, 8), classes=10))) as service:
        np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32))
        flags = ["--data", str(tmp_path / "data.npz"), "--budget", "8", "--agent", "random"]
        assert main(["audit", "--victim", service.model_url, *flags, "--out", str(tmp_path / "out")]) == 0
        assert f"{service.classified} queries" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("url = ", "not a TOML file"),
        ("", "url: expected a text, got None"),
        ('url = "http://host/x"\nprotocol = "grpc"', "protocol: expected oip or json, got 'grpc'"),
        ('url = "http://host/x"\nverify = false', "unknown key verify for protocol oip. Known: attempts, auth_env"),
        ('url = "http://host/x"\nscores = "a"', "unknown key scores for protocol oip"),
        ('url = "http://host/x"\nprotocol = "json"\ntemplate = "{}"', "scores: expected a text, got None"),
        ('url = "http://host/x"', "url: expected .../v2/models/NAME, got http://host/x"),
        ('url = "http://host/x"\ntimeout_s = 0', "timeout_s: expected a positive number of seconds, got 0"),
        ('url = "http://host/x"\ntimeout_s = "5"', "timeout_s: expected a positive number of seconds, got '5'"),
        ('url = "http://host/x"\nattempts = 0', "attempts: expected at least 1, got 0"),
        ('url = "http://host/x"\nconcurrency = 1.5', "concurrency: expected at least 1, got 1.5"),
        ('url = "http://host/x"\nca = "absent.pem"', "absent.pem. Give a PEM file"),
        ('url = "http://host/x"\ntensors = "xml"', "tensors: expected json or binary, got 'xml'"),
        ('url = "http://host/x"\nauth_env = "UNSET_THING"', "the environment variable UNSET_THING is not set"),
    ],
)
def test_a_file_that_cannot_work_is_named(tmp_path, text, message):
    path = tmp_path / "victim.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)) as raised:
        load_victim(str(path))
    assert str(raised.value).startswith(f"victim {path}: ")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.toml: cannot be read: No such file"):
        load_victim(str(tmp_path / "absent.toml"))


def test_a_query_is_not_taken_from_a_command_line():
    with pytest.raises(InputError, match=r"Put it into a victim\.toml") as raised:
        load_victim("http://host/v2/models/m?key=hidden")
    assert "hidden" not in str(raised.value)


def test_missing_libraries_name_the_extra(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("brinkmap.victims.http")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(MissingExtra, match=re.escape("brinkmap[http]")):
        load_victim("http://host/v2/models/m")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shape": (1, 4, 4)}, "shape: the service itself says (1, 8, 8), got (1, 4, 4)"),
        ({"classes": 9}, "classes: the service itself says 3, got 9"),
    ],
)
def test_what_contradicts_the_service_is_named(settings, message):
    with serving(Model(KNOWN)) as service, pytest.raises(InputError, match=re.escape(message)):
        HttpVictim(service.model_url, OpenInference(), **settings)


def test_a_service_that_tells_nothing_is_asked_by_stated_names():
    with serving(Model(KNOWN), told=False) as service:
        with pytest.raises(InputError, match=r"expected the model's metadata, got status 404, .* state input and outp"):
            HttpVictim(service.model_url, OpenInference())
        victim = HttpVictim(service.model_url, OpenInference(input="x", output="scores"), bounds=(-3, 5))
        assert_array_equal(victim.predict(SAMPLES), KNOWN.predict(SAMPLES))


PORT = {"name": "x", "datatype": "FP32", "shape": [-1, 1, 8, 8]}


@pytest.mark.parametrize(
    ("ports", "dialect", "message"),
    [
        (
            {"inputs": [PORT, PORT | {"name": "y"}]},
            OpenInference(),
            "inputs: expected one in the model's metadata, got 2",
        ),
        ({"inputs": [PORT]}, OpenInference(input="z"), "input: the model has x, got 'z'"),
        ({"inputs": []}, OpenInference(), "got 0. State input."),
        ({"inputs": [PORT | {"datatype": "UINT8"}]}, OpenInference(), "expected FP32, FP64 or FP16, got UINT8"),
        ({"inputs": [PORT | {"shape": [8, 1, 8, 8]}]}, OpenInference(), "got one fixed to 8"),
        ({"inputs": [PORT | {"shape": [1] * 7}]}, OpenInference(), "expected (n, c, *extent) with 1 to 3 axes"),
        ({"outputs": [PORT, PORT]}, OpenInference(), "outputs: expected one in the model's metadata, got 2"),
    ],
)
def test_a_model_that_samples_cannot_be_fed_to_is_named(monkeypatch, ports, dialect, message):
    def told(handler):
        return handler.send(200, {"inputs": [PORT], "outputs": [PORT]} | ports)

    with serving(Model(KNOWN)) as service:
        monkeypatch.setattr(service.handler, "do_GET", told)
        with pytest.raises(InputError, match=re.escape(message)):
            HttpVictim(service.model_url, dialect)


@pytest.mark.parametrize(
    ("entry", "sent"),
    [
        ({"shape": [-1, 64]}, [5]),
        ({"shape": [1, 1, 8, 8]}, [1] * 5),
        ({"datatype": "FP64"}, [5]),
        ({"shape": None}, [5]),
    ],
)
def test_samples_are_sent_as_the_model_takes_them(monkeypatch, entry, sent):
    def told(handler):
        ports = {"inputs": [PORT | entry], "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 3]}]}
        return handler.send(200, ports)

    with serving(Model(KNOWN)) as service:
        monkeypatch.setattr(service.handler, "do_GET", told)
        victim = HttpVictim(service.model_url, OpenInference(), bounds=(-3, 5))
        assert_array_equal(victim.predict(SAMPLES), KNOWN.predict(SAMPLES))
        assert service.batches == sent


@pytest.mark.parametrize(
    ("template", "ids", "message"),
    [
        ("{", None, "template: expected JSON"),
        ('{"x": [1]}', None, "got 0 of them"),
        ('["{batch}", "{sample}"]', None, "got 2 of them"),
        ('["{sample}"]', "*.id", 'ids: goes with "{id}"'),
        ('[{"x": "{sample}", "i": "{id}"}]', None, 'ids: goes with "{id}"'),
        ('{"x": "{sample}", "i": "{id}"}', "id", "ids: needs a list of entries"),
    ],
)
def test_a_template_that_cannot_work_is_named(template, ids, message):
    with pytest.raises(InputError, match=re.escape(message)):
        JsonTemplate(template, "scores", ids)


def test_a_service_that_is_not_there_is_named(tmp_path):
    (tmp_path / "v.toml").write_text('url = "http://127.0.0.1:9/v2/models/m"\nattempts = 1')
    with pytest.raises(VictimError, match=r"v\.toml: GET http://127\.0\.0\.1:9/v2/models/m: given up after 1 attempt,"):
        load_victim(str(tmp_path / "v.toml"))


def test_an_endpoint_is_compared_by_its_settings():
    assert Endpoint("http://host/x") == Endpoint("http://host/x", attempts=5)
