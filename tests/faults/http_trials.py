"""The faults of a classifier behind HTTP: a real service in a process of its own, and a proxy before it that fails."""

from __future__ import annotations

import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import Bench, Outcome, close, costs, count_of, ended, received, until
from service import PLAIN, ROWS, Proxy, Upstream, breaks_off, broken, broken_after_all, proxied, too_many
from trials import FAULTS, Fault, Trial

AGAIN = 20
"""So often is a command given again that a storm has ended."""


@dataclass
class Site:
    """A service, the proxy before it, and the file that tells Brinkmap of them."""

    upstream: Upstream
    proxy: Proxy
    victim: str


@contextmanager
def site(bench: Bench, out: Path, rng: random.Random, faults=(), share=0.0, form=ROWS, terms="") -> Iterator[Site]:
    out.parent.mkdir(parents=True, exist_ok=True)
    upstream = Upstream(count_of(out))
    with proxied(upstream.port, list(faults), share, rng.randrange(2**30)) as proxy:
        file = out.with_name(out.name + ".toml")
        keys = {"protocol": "json", "url": f"http://127.0.0.1:{proxy.port}/", "shape": [1, 8, 8], "classes": 3} | form
        told = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
        file.write_text("\n".join([*told, terms]) + "\n")
        try:
            yield Site(upstream, proxy, str(file))
        finally:
            upstream.kill()


def reckoned(outcome: Outcome, out: Path, site: Site) -> None:
    """The ledger against the service's own count and the proxy's.

    Each attempt that went out is in `sent`, so what the classifier was given cannot be more; and each question is in
    the ledger once, however often it was sent, so what the ledger holds cannot be more than what reached the proxy.
    """
    ledger = costs(out)
    outcome.unreported += max(0, received(out) - int(ledger["ledger_sent"]))
    outcome.double += max(0, int(ledger["ledger_total"]) - site.proxy.received)
    close(outcome, out)


def storm(*faults, share=0.3) -> Trial:
    """The run ends as ever, or is given up; the same command goes on until it is through."""

    def trial(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
        out = bench.next_folder()
        with site(bench, out, rng, faults, share) as there:
            there.upstream.start()
            for _ in range(AGAIN):
                code, said = bench.run(out, "none:0", there.victim)
                outcome.expect(code in (0, 2), f"it ended with {code}: {said[-300:]}")
                if code != 2:
                    break
                outcome.expect("given up" in said or "not asked" in said, f"it said {said[-300:]}")
            outcome.expect(there.proxy.struck > 0, "no fault came about")
            outcome.expect(bench.is_calm(out), "the results are not those of the undisturbed run")
            reckoned(outcome, out, there)

    return trial


def dies_and_comes_back(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """The service is killed in the middle and is there again a second later: one run, that waits."""
    out = bench.next_folder()
    with site(bench, out, rng, terms="attempts = 9\nbreaker = 40") as there:
        there.upstream.start()
        at = rng.randrange(bench.queries // 2)

        def accident() -> None:
            while received(out) < at:
                time.sleep(0.001)
            there.upstream.kill()
            time.sleep(rng.uniform(0.1, 1.0))
            there.upstream.start()

        thread = threading.Thread(target=accident)
        thread.start()
        code, said = ended(bench.start(out, "none:0", there.victim), 300)
        thread.join()
        outcome.expect(code == 0, f"it ended with {code}: {said[-300:]}")
        outcome.expect(bench.is_calm(out), "the results are not those of the undisturbed run")
        reckoned(outcome, out, there)


def dies_for_longer(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """The service is gone until the run has given it up; then it is there again, and so is the command."""
    out = bench.next_folder()
    with site(bench, out, rng, terms="attempts = 2\nbreaker = 2") as there:
        there.upstream.start()
        process = bench.start(out, "none:0", there.victim)
        at = rng.randrange(bench.queries // 2)
        until(lambda: received(out) > at, process)
        there.upstream.kill()
        code, said = ended(process, 300)
        outcome.expect(code == 2 and "See whether the service is up" in said, f"it ended with {code}: {said[-300:]}")
        there.upstream.start()
        bench.heals(outcome, out, there.victim)
        reckoned(outcome, out, there)


def hangs(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """One answer never comes: the request is given up after timeout_s and made again."""
    out = bench.next_folder()

    def silence(proxy, handler, body):
        proxy.ask(body)
        time.sleep(4.0)
        handler.close_connection = True
        return True

    with site(bench, out, rng, [silence], 0.03, terms="timeout_s = 2") as there:
        there.upstream.start()
        code, said = bench.run(out, "none:0", there.victim)
        outcome.expect(code == 0, f"it ended with {code}: {said[-300:]}")
        outcome.expect(bench.is_calm(out), "the results are not those of the undisturbed run")
        reckoned(outcome, out, there)


def shuffled(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """Every answer has its rows in another order, and the audit asks for no ids."""
    out = bench.next_folder()
    with site(bench, out, rng, form=PLAIN) as there:
        there.upstream.start(FAULTS_SHUFFLE="1")
        bench.run(out, "none:0", there.victim)
        outcome.expect(bench.is_calm(out), "the results are wrong and the audit did not notice")
        reckoned(outcome, out, there)


def put_back(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """The same with ids."""
    out = bench.next_folder()
    with site(bench, out, rng, form=ROWS) as there:
        there.upstream.start(FAULTS_SHUFFLE="1")
        code, said = bench.run(out, "none:0", there.victim)
        outcome.expect(code == 0 and bench.is_calm(out), f"it ended with {code}: {said[-300:]}")
        reckoned(outcome, out, there)


def checked(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """`brinkmap check` sees it."""
    out = bench.next_folder()
    with site(bench, out, rng, form=PLAIN) as there:
        there.upstream.start(FAULTS_SHUFFLE="1")
        code, said = bench.check(out, 6, "none:0", there.victim)
        outcome.expect(code == 1 and "another answer" in said, f"it ended with {code}: {said[-300:]}")
        outcome.asked = received(out)


def killed_while_asking(bench: Bench, outcome: Outcome, rng: random.Random) -> None:
    """kill -9 in the middle of requests."""
    out = bench.next_folder()
    with site(bench, out, rng) as there:
        there.upstream.start()
        process = bench.start(out, "none:0", there.victim)
        at = rng.randrange(bench.queries // 2)
        until(lambda: received(out) > at, process)
        process.send_signal(signal.SIGKILL)
        ended(process, 60)
        time.sleep(0.1)  # what was under way arrives
        outcome.in_flight = max(0, int(costs(out)["ledger_total"]) - there.proxy.received)
        bench.heals(outcome, out, there.victim)
        reckoned(outcome, out, there)
        outcome.double = max(0, outcome.double - outcome.in_flight)


FAULTS |= {
    "HTTP: 429 storm": Fault(storm(too_many), 3, "asked again; given up after 5 attempts, the same command goes on"),
    "HTTP: 500 storm": Fault(
        storm(broken, broken_after_all, breaks_off), 5, "asked again, each attempt counted as sent; as with 429"
    ),
    "HTTP: an answer never comes": Fault(hangs, 3, "given up after timeout_s and asked again"),
    "HTTP: service dies, is back in a second": Fault(
        dies_and_comes_back, 3, "the run waits (here `attempts = 9`) and goes on"
    ),
    "HTTP: service dies for longer": Fault(dies_for_longer, 3, "exit code 2; the same command goes on"),
    "HTTP: kill -9": Fault(killed_while_asking, 5, "at once; the same command goes on"),
    "HTTP: rows shuffled, ids asked for": Fault(put_back, 3, "put back in order by their ids"),
    "HTTP: rows shuffled, no ids, `brinkmap check`": Fault(checked, 3, "exit code 1 says so, for 4 n + 2 queries"),
    "HTTP: rows shuffled, no ids, audit alone": Fault(shuffled, 3, "**not noticed**: the results are wrong"),
}
