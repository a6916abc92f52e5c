"""What one visitor, and all together, may ask for; and what nobody may."""

import json
import re
from importlib import resources

import pytest
from page_known import Slow, catalogue, opened, order, seen, served, told, until, visitor_of, watched

from brinkmap.errors import InputError
from brinkmap.ui.clients import Clients
from brinkmap.ui.limits import Limits, Refused


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"budget": 2000, "refine": 1}, 422, "at most|may cost 2,000"),
        ({"budget": 0}, 422, "budget"),
        ({"victim": "../../etc/passwd"}, 404, "no such victim"),
        ({"victim": "victims_known.py:factory"}, 404, "no such victim"),
        ({"agent": "/tmp/agent.safetensors"}, 404, "no such agent"),
        ({"agent": "os:system"}, 404, "no such agent"),
        ({"filters": ["os:system"]}, 404, "no such filter"),
        ({"filters": ["frame-drop"]}, 404, "no such filter"),
        ({"set": "clip"}, 422, "shape"),
        ({"set": "elsewhere"}, 404, "no such sample"),
        ({"index": 4}, 404, "no such sample"),
        ({"index": -1}, 404, "no such sample"),
        ({"upload": "guessed"}, 404, "no longer here"),
        ({"set": None}, 422, "Choose a sample"),
        ({"path": "/etc/passwd"}, 422, "path"),
        ({"pace": 1e9}, 422, "pace"),
        ({"filters": ["tint"] * 65}, 422, "filters"),
        ({"patch": "9" * 200}, 422, "patch"),
    ],
)
def test_what_is_not_offered_is_refused_before_the_first_query(client, offered, changes, status, said):
    answer = client.post("/api/attacks", json=order() | changes)
    assert answer.status_code == status, answer.text
    assert re.search(said, answer.json()["error"])
    assert seen(offered) == 0


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1"])
def test_numbers_that_are_none_are_refused(client, number):
    body = json.dumps(order(max_l2=0.123)).replace("0.123", number)
    answer = client.post("/api/attacks", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422


def test_a_session_spends_no_more_than_its_queries(offered):
    visitor = opened(offered, queries=70)
    watched(visitor, index=1)
    spent = seen(offered)
    assert 0 < spent <= 50
    answer = visitor.post("/api/attacks", json=order(budget=70 - spent + 1, refine=0))
    assert answer.status_code == 429
    assert f"{70 - spent} of 70 left" in answer.json()["error"]
    watched(visitor, budget=70 - spent, refine=0)
    assert seen(offered) <= 70


def test_an_attack_that_could_not_begin_costs_nothing_of_the_allowance(client):
    client.post("/api/attacks", json=order(agent="square"))
    [session] = client.app.state.clients._all.values()
    assert (session.promised, session.starting, session.running) == (0, 0, {})


@pytest.mark.parametrize(
    ("limits", "said"), [({"attacks_each": 1}, "1 of your attacks"), ({"attacks": 1}, "All 1 places")]
)
def test_only_so_many_attacks_run_at_once(limits, said):
    with served(catalogue(Slow), **limits) as (address, clients), visitor_of(address) as visitor:
        with visitor.stream("POST", "/api/attacks", json=order(budget=1000)) as running:
            events = told(running.iter_lines())  # held: a stream that is let go of is closed
            next(events)
            answer = visitor.post("/api/attacks", json=order())
            assert answer.status_code == 429
            assert said in answer.json()["error"]
        until(lambda: not clients.running)
        assert visitor.post("/api/attacks", json=order(budget=2, refine=0)).status_code == 200


def test_only_so_many_sessions_are_open():
    clients = Clients(Limits(sessions=3, sessions_each=2))
    clients.open("here")
    clients.open("here")
    with pytest.raises(Refused, match="2 sessions are open from your address"):
        clients.open("here")
    clients.open("there")
    with pytest.raises(Refused, match="All 3 places are taken"):
        clients.open("elsewhere")


def test_a_session_that_asks_for_nothing_is_forgotten():
    now = [0.0]
    clients = Clients(Limits(idle_s=60), clock=lambda: now[0])
    token = clients.open("here").token
    now[0] = 59
    clients.of(token)
    now[0] = 118
    clients.of(token)
    now[0] = 179
    with pytest.raises(Refused, match="has ended") as refused:
        clients.of(token)
    assert refused.value.status == 401


def test_without_a_session_there_is_nothing(client):
    client.cookies.clear()
    for answer in (client.get("/api/victims/picture"), client.post("/api/attacks", json=order())):
        assert answer.status_code == 401


def test_sessions_and_attacks_are_not_to_be_guessed():
    clients = Clients(Limits())
    tokens = {clients.open("here").token for _ in range(10)}
    assert len(tokens) == 10
    assert min(map(len, tokens)) >= 43, "32 random bytes"


@pytest.mark.parametrize("name", ["queries", "attacks", "idle_s"])
def test_a_limit_of_nothing_is_no_limit(name):
    with pytest.raises(InputError, match=name):
        Limits(**{name: 0})


class TestGuard:
    @pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "testserver.evil.example", "", "[::1"])
    def test_a_name_that_is_not_ours_is_refused(self, client, host):
        for answer in (client.get("/", headers={"host": host}), client.post("/api/hello", headers={"host": host})):
            assert answer.status_code == 421

    def test_a_name_of_ours_may_have_a_port_and_any_case(self, client):
        assert client.get("/", headers={"host": "TestServer:8765"}).status_code == 200

    @pytest.mark.parametrize(
        "headers", [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"},
                    {"sec-fetch-site": "same-site"}]
    )  # fmt: skip
    def test_other_sites_may_not_ask(self, client, headers):
        assert client.post("/api/attacks", json=order(), headers=headers).status_code == 403

    def test_our_own_page_may(self, client):
        said = {"origin": "http://testserver", "sec-fetch-site": "same-origin"}
        assert client.post("/api/hello", headers=said).status_code == 200

    def test_no_other_site_is_allowed_to_read(self, client):
        answer = client.post("/api/hello", headers={"origin": "http://testserver"})
        assert not [name for name in answer.headers if name.startswith("access-control")]
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"

    @pytest.mark.parametrize("path", ["/", "/page/page.js", "/api/none", "/page/none"])
    def test_every_answer_carries_the_policy(self, client, path):
        policy = client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy

    def test_the_session_is_out_of_the_reach_of_scripts(self, offered):
        visitor = opened(offered)
        visitor.cookies.clear()
        said = visitor.post("/api/hello").headers["set-cookie"].lower()
        assert "httponly" in said
        assert "samesite=strict" in said

    def test_too_large_is_refused_by_what_it_says_and_by_what_it_is(self, offered):
        visitor = opened(offered, upload_mb=1)
        big = b"x" * (2 * 2**20)
        said = visitor.post("/api/uploads", data={"victim": "picture"}, files={"files": ("x.npz", big)})
        assert said.status_code == 413

        def parts():
            yield b'--b\r\nContent-Disposition: form-data; name="files"; filename="x.npz"\r\n\r\n'
            for _ in range(20):
                yield b"x" * 2**17
            yield b"\r\n--b--\r\n"

        unsaid = visitor.post(
            "/api/uploads", content=parts(), headers={"content-type": "multipart/form-data; boundary=b"}
        )
        assert unsaid.status_code in (400, 413)

    @pytest.mark.parametrize(
        "path", ["/page/../app.py", "/page/..%2fapp.py", "/page/replay.html.j2", "/docs", "/openapi.json"]
    )
    def test_only_the_pages_own_files_are_had(self, client, path):
        assert client.get(path).status_code == 404


def test_the_page_has_no_script_or_style_of_its_own_and_needs_no_network():
    files = {file.name: file.read_text() for file in (resources.files("brinkmap.ui") / "page").iterdir()}
    page = files["index.html"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    for name, text in files.items():
        assert not re.search(r"""(?:src|href|url\(|fetch\()\s*=?\s*["'(]?(?:https?:)?//""", text), name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", text), name
