"""No secret is ever shown: not in a message, a repr, a log or what an exception carries along."""

import base64
import logging
import subprocess
import traceback
from urllib.parse import quote

import pytest

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from serving import Clock, Model, serving, status

from brinkmap.errors import InputError, VictimError
from brinkmap.victims.http import Endpoint, HttpVictim, JsonTemplate
from brinkmap.victims.http.redaction import Secrets
from victims_known import Linear, samples_for

TOKEN = "s3cr3t/tok+en-0123456789"
KNOWN = Linear((1, 3, 4))
SAMPLES, LABELS = samples_for(KNOWN, 3)
PLAIN = JsonTemplate('{"instances": "{batch}"}', "outputs.0.scores")


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)


def victim_at(url, **terms):
    clock = Clock()
    return HttpVictim(Endpoint(url, **terms), PLAIN, clock=clock, sleep=clock.sleep)


def test_the_token_is_sent_as_the_header_says():
    with serving(Model(KNOWN), secret=TOKEN) as service:
        victim_at(service.base + "/plain", auth_env="SERVICE_TOKEN").predict(SAMPLES)
        assert service.headers[0]["Authorization"] == f"Bearer {TOKEN}"
    with serving(Model(KNOWN)) as service:
        terms = {"auth_env": "SERVICE_TOKEN", "auth_header": "X-API-Key: {}"}
        victim_at(service.base + "/plain", **terms).predict(SAMPLES)
        assert service.headers[0]["X-API-Key"] == TOKEN
        assert "Authorization" not in service.headers[0]


ECHOES = {
    "a refusal that quotes it": status(403, f"token {TOKEN} is not known".encode()),
    "coded": status(400, base64.b64encode(TOKEN.encode())),
    "escaped for a URL": status(400, b"s3cr3t%2Ftok%2Ben-0123456789 and s3cr3t/tok%2Ben-0123456789"),
    "cut by the end of what is shown": status(400, b"x" * 195 + TOKEN.encode()),
    "in a storm": status(500, TOKEN.encode()),
    "with a wait": status(429, TOKEN.encode(), Retry_After="9999"),
    "in an answer": lambda handler, _: handler.send(200, {"outputs": [{"scores": [TOKEN] * 3}]}),
    "in a broken answer": lambda handler, _: handler.send(200, f"<p>{TOKEN}".encode()),
    "in a redirect": status(302, TOKEN.encode(), Location="http://elsewhere/"),
}


@pytest.mark.parametrize("fault", ECHOES.values(), ids=ECHOES)
def test_no_message_repr_or_log_shows_a_secret(fault, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    with serving(Model(KNOWN), always=fault) as service:
        victim = victim_at(service.base + f"/plain?version=1&key={TOKEN}", auth_env="SERVICE_TOKEN")
        with pytest.raises(VictimError) as raised:
            victim.predict(SAMPLES)
        with pytest.raises(VictimError) as again:
            victim.predict(SAMPLES)
    report = "".join(traceback.format_exception(raised.value)) + "".join(traceback.format_exception(again.value))
    shown = "\n".join(
        [report, caplog.text, *capfd.readouterr(), repr(victim), repr(victim.endpoint), repr(vars(victim))]
    )
    linked, link = [], raised.value
    while link is not None:
        linked.append(repr(link) + repr(vars(link)))
        link = link.__cause__ or link.__context__
    shown += "\n".join(linked)
    assert "POST http://127.0.0.1" in report
    for piece in (TOKEN, TOKEN[:6], base64.b64encode(TOKEN.encode()).decode(), "version=1", "tok%2Ben"):
        assert piece not in shown


def test_the_endpoint_shows_its_address_only():
    endpoint = Endpoint(f"https://host:8443/v2/models/m?key={TOKEN}", auth_env="SERVICE_TOKEN")
    assert repr(endpoint) == "Endpoint('https://host:8443/v2/models/m')"
    assert repr(endpoint.secrets(TOKEN)) == "Secrets(***)"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (f"https://user:{quote(TOKEN, safe='')}@host/x", "url: expected no user and password in it"),
        (f"ftp://host/{'x'}?{TOKEN}", "expected http://host:port/path or https://..., got 'ftp://host/x'"),
        ("host/x", "got 'host/x'"),
        ("http://host:port/", "got what is no URL"),
        (None, "got what is no URL"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_without_its_secrets(url, message):
    with pytest.raises(InputError) as raised:
        Endpoint(url)
    assert message in str(raised.value)
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("value", ["", f"{TOKEN}\nHost: elsewhere", f"{TOKEN}\u20ac"])
def test_a_token_that_cannot_be_sent_is_named_by_its_variable(monkeypatch, value):
    monkeypatch.setenv("SERVICE_TOKEN", value)
    with pytest.raises(InputError, match="SERVICE_TOKEN") as raised:
        victim_at("http://host/x", auth_env="SERVICE_TOKEN")
    assert TOKEN not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("form", ["Authorization", ": {}", "X: none", "X: {} {}"])
def test_a_header_without_a_place_for_the_token_is_named(form):
    with pytest.raises(InputError, match=r"expected 'Name: value' with one \{\} where the token goes"):
        Endpoint("http://host/x", auth_header=form)


def test_what_a_service_said_is_quoted_briefly_and_on_one_line():
    quoted = Secrets(["abcd"]).quote(b"one\ntwo\x1b[31m\xff abcd " + "é".encode() * 500)
    assert quoted.startswith("'one\\ntwo\\x1b[31m\ufffd *** éé")
    assert len(quoted) == 202
    assert quoted.endswith("...'")
    assert Secrets([]).quote(b"") == "nothing"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=127.0.0.1"
    paths = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    try:
        subprocess.run([*command.split(), *paths], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no certificate can be made here: {error}")
    return folder / "cert.pem", folder / "key.pem"


def test_a_certificate_is_verified(certificate):
    with serving(Model(KNOWN), certificate=certificate) as service:
        url = f"https://127.0.0.1:{service.port}/plain"
        victim = victim_at(url)
        with pytest.raises(VictimError, match=r"CERTIFICATE_VERIFY_FAILED.*Give the service's own authority as ca=\."):
            victim.predict(SAMPLES)
        assert (victim.sent, service.posts) == (0, 0)
        victim = victim_at(url, ca=certificate[0])
        assert (victim.predict(SAMPLES).argmax(axis=1) == LABELS).all()
        with pytest.raises(VictimError, match="CERTIFICATE_VERIFY_FAILED"):  # made for another name
            victim_at(f"https://localhost:{service.port}/plain", ca=certificate[0]).predict(SAMPLES)


def test_a_file_without_certificates_is_named(tmp_path):
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(InputError, match=r"empty\.pem holds no certificates .*Give a PEM file"):
        victim_at("https://host/x", ca=tmp_path / "empty.pem")
    with pytest.raises(InputError, match=r"no such file: .*absent\.pem"):
        victim_at("https://host/x", ca=tmp_path / "absent.pem")
