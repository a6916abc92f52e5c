"""Several visitors at once: they do not meet, and whoever leaves stops asking."""

import threading

import pytest
from page_known import Slow, catalogue, opened, order, seen, served, told, until, visitor_of, watched


def followed(address, found, name, **changes):
    with visitor_of(address) as visitor, visitor.stream("POST", "/api/attacks", json=order(**changes)) as answer:
        found[name] = list(told(answer.iter_lines()))


def figures(events):
    return [(data["queries"], data.get("l2"), data.get("top")) for kind, data in events if kind != "begun"]


def test_two_at_once_see_what_each_would_see_alone():
    orders = {"first": {"index": 0, "seed": 1}, "second": {"index": 2, "seed": 2}}
    alone = {name: figures(watched(opened(catalogue()), **changes)) for name, changes in orders.items()}
    offered, found = catalogue(), {}
    with served(offered) as (address, _):
        threads = [
            threading.Thread(target=followed, args=(address, found, name), kwargs=orders[name]) for name in orders
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert {name: figures(events) for name, events in found.items()} == alone
    assert sum(events[-1][1]["queries"] for events in found.values()) == seen(offered)


def test_an_attack_is_its_own_visitors_alone():
    with served(catalogue(Slow)) as (address, _), visitor_of(address) as one, visitor_of(address) as other:  # noqa: SIM117
        with one.stream("POST", "/api/attacks", json=order(budget=1000, pace=2)) as answer:
            events = told(answer.iter_lines())  # held: a stream that is let go of is closed
            _, begun = next(events)
            for path in ("pause", "stop", "pace"):
                assert other.post(f"/api/attacks/{begun['id']}/{path}", json={"pace": 1}).status_code == 404
            assert other.get(f"/api/attacks/{begun['id']}/replay.html").status_code == 404
            assert one.get(f"/api/attacks/{begun['id']}/replay.html").status_code == 409
            assert one.post(f"/api/attacks/{begun['id']}/pause").json() == {"paused": True}


def test_an_upload_is_its_own_visitors_alone(offered):
    one, other = opened(offered), opened(offered)
    [session] = one.app.state.clients._all.values()
    from brinkmap.ui.uploads import Sampled

    name = session.keep(Sampled("x.npz", offered.sets["picture"].samples[0], ()))
    assert other.post("/api/attacks", json=order(upload=name)).status_code == 404


def test_a_dropped_connection_ends_its_attack_and_frees_its_place():
    offered = catalogue(Slow)
    with served(offered, attacks=1) as (address, clients), visitor_of(address) as visitor:
        with visitor.stream("POST", "/api/attacks", json=order(budget=1500, index=3, max_l2=0.01)) as answer:
            events = told(answer.iter_lines())
            for _ in range(5):
                next(events)
        until(lambda: not clients.running)
        spent = seen(offered)
        assert spent < 1000
        assert visitor.post("/api/hello").json()["limits"]["spent"] == spent, "what it had asked is counted"
        threading.Event().wait(0.1)
        assert seen(offered) == spent
        assert visitor.post("/api/attacks", json=order(budget=2, refine=0)).status_code == 200


def test_a_paused_attack_that_is_dropped_ends_too():
    with served(catalogue(Slow)) as (address, clients), visitor_of(address) as visitor:
        with visitor.stream("POST", "/api/attacks", json=order(budget=1000)) as answer:
            events = told(answer.iter_lines())  # held: a stream that is let go of is closed
            _, begun = next(events)
            visitor.post(f"/api/attacks/{begun['id']}/pause")
        until(lambda: not clients.running)


def test_pause_step_and_stop_hold_the_queries():
    offered = catalogue(Slow)
    with served(offered) as (address, _), visitor_of(address) as visitor:  # noqa: SIM117
        with visitor.stream("POST", "/api/attacks", json=order(budget=1000, max_l2=0.01, pace=5)) as answer:
            events = told(answer.iter_lines())
            name = next(events)[1]["id"]
            visitor.post(f"/api/attacks/{name}/pause").raise_for_status()
            threading.Event().wait(0.1)
            held = seen(offered)
            threading.Event().wait(0.3)
            assert seen(offered) == held
            for more in (1, 2, 3):
                visitor.post(f"/api/attacks/{name}/step").raise_for_status()
                until(lambda more=more: seen(offered) == held + more)
            threading.Event().wait(0.3)
            assert seen(offered) == held + 3
            visitor.post(f"/api/attacks/{name}/stop").raise_for_status()
            *_, (kind, ended) = events
    assert (kind, ended["outcome"], ended["words"]) == ("end", "stopped", "Stopped by you.")
    assert ended["queries"] == held + 3


@pytest.mark.parametrize("command", ["jump", "__class__"])
def test_there_are_no_other_commands(client, command):
    (_, begun), *_ = watched(client)
    assert client.post(f"/api/attacks/{begun['id']}/{command}").status_code == 404


def test_a_server_that_is_closed_says_so_to_those_who_watch():
    found = {}
    offered = catalogue(Slow)
    with served(offered) as (address, clients):
        thread = threading.Thread(
            target=followed, args=(address, found, "one"), kwargs={"budget": 1500, "max_l2": 0.01}
        )
        thread.start()
        until(lambda: seen(offered) > 3)
        clients.close()
        thread.join(10)
    assert found["one"][-1][1]["why"] == "closed"
