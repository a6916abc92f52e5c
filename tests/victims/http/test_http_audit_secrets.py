"""An audit of a service leaves its token in no file and in no line of output, whatever the service does."""

import base64
import contextlib
import gzip
import logging
import zlib

import numpy as np
import pyarrow.parquet as pq
import pytest

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from serving import Model, serving

from brinkmap.cli import main
from victims_known import Linear, samples_for

TOKEN = "s3cr3t/tok+en-0123456789"
KNOWN = Linear((1, 8, 8))


def echoes(code):
    """Answers with all that it was told."""

    def fault(handler, _):
        handler.send(code, f"{dict(handler.headers)} {handler.path}".encode())

    fault.early = True
    return fault


def in_an_answer(handler, _):
    handler.send(200, {"outputs": [{"scores": [[handler.headers["Authorization"]]]}]})


SERVICES = {
    "works": {},
    "refuses": {"always": echoes(403)},
    "wrong request": {"always": echoes(400)},
    "fails half-way": {"faults": [None] * 3, "always": echoes(403)},
    "fails now and then": {"faults": [None, echoes(400), None, None, echoes(400)]},
    "answers with it": {"always": in_an_answer},
}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
def test_the_token_is_nowhere(tmp_path, monkeypatch, caplog, capfd, service):
    monkeypatch.setenv("SERVICE_TOKEN", TOKEN)
    monkeypatch.chdir(tmp_path)
    caplog.set_level(logging.DEBUG)
    samples, labels = samples_for(KNOWN, 4)
    np.savez(tmp_path / "data.npz", x=samples, y=labels)
    with serving(Model(KNOWN), **service) as running:
        (tmp_path / "victim.toml").write_text(
            f'url = "{running.base}/plain?key={TOKEN[:0]}"\nprotocol = "json"\nauth_env = "SERVICE_TOKEN"\n'
            'template = \'{"instances": "{batch}"}\'\nscores = "outputs.0.scores"\nshape = [1, 8, 8]\nclasses = 3\n'
            "attempts = 2\n"
        )
        arguments = ["--victim", "victim.toml", "--data", "data.npz", "--agent", "random", "--patch", "4"]
        code = main(["audit", *arguments, "--budget", "8", "--out", "out", "--trace"])
        assert any(one.get("Authorization") == f"Bearer {TOKEN}" for one in running.headers)
    assert code in (0, 2)
    shown = "".join([caplog.text, *capfd.readouterr()])
    for form in forms(TOKEN):
        assert form not in shown
        for path in (one for one in tmp_path.rglob("*") if one.is_file()):
            assert form not in unpacked(path), f"{form} in {path}"


def forms(token):
    coded = base64.b64encode(token.encode()).decode()
    return token, token[:8], token.replace("/", "%2F").replace("+", "%2B"), coded[:-2]


def unpacked(path):
    """The whole text of a file, of Parquet its values."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        return repr(table.to_pylist()) + repr(table.schema.metadata)
    content = path.read_bytes()
    with contextlib.suppress(OSError, EOFError, zlib.error):
        content += gzip.decompress(content)
    return content.decode("utf-8", "replace")


def test_the_search_would_find_it(tmp_path):
    (tmp_path / "a.json").write_text(f'{{"error": "{TOKEN}"}}')
    assert TOKEN in unpacked(tmp_path / "a.json")
