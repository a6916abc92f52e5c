"""A service that fails in every way it can: what is tried again, what is counted, what is said."""

import re
import socket

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from serving import Clock, Model, breaks_off, changed, hangs, late, says, serving, status

import brinkmap
from brinkmap.errors import VictimError
from brinkmap.victims.http import Endpoint, Hook, HttpVictim, JsonTemplate, OpenInference
from victims_known import Linear, near, samples_for

KNOWN = Linear((1, 3, 4))
SAMPLES, _ = samples_for(KNOWN, 4)
PLAIN = JsonTemplate('{"instances": "{batch}"}', "outputs.0.scores")
ROWS = JsonTemplate('{"rows": [{"x": "{sample}", "id": "{id}"}]}', "rows.*.p", ids="rows.*.id")
BINARY = OpenInference(input="x", output="scores", tensors="binary")


def victim_at(service, clock=None, dialect=PLAIN, path="/plain", **terms):
    clock = clock or Clock()
    terms = {"concurrency": 1} | terms
    return HttpVictim(Endpoint(service.base + path, **terms), dialect, clock=clock, sleep=clock.sleep)


def counts(victim):
    return victim.sent, victim.answered, victim.refused


@pytest.mark.parametrize(
    ("fault", "classified", "refused"),
    [
        (status(500), 4, 0),
        (status(503), 4, 0),
        (status(408), 4, 4),
        (late(500), 8, 0),
        (late(502), 8, 0),
        (status(429), 4, 4),
        (breaks_off, 8, 0),
        (hangs, 8, 0),
    ],
    ids=["500", "503", "408", "500 after all", "502 after all", "429", "breaks off", "hangs"],
)
def test_what_passes_is_tried_again_and_every_attempt_is_counted(fault, classified, refused):
    with serving(Model(KNOWN), faults=[fault]) as service:
        clock = Clock()
        victim = victim_at(service, clock, timeout_s=0.3)
        assert_array_equal(victim.predict(SAMPLES), KNOWN.predict(SAMPLES))
        assert counts(victim) == (8, 4, refused)
        assert (service.classified, service.posts, len(clock.slept)) == (classified, 2, 1)


def test_waits_grow_and_differ():
    with serving(Model(KNOWN), faults=[status(500)] * 4) as service:
        clock = Clock()
        victim_at(service, clock).predict(SAMPLES)
    for wait, longest in zip(clock.slept, [0.5, 1, 2, 4], strict=True):
        assert longest / 2 <= wait <= longest
    assert len({wait / longest for wait, longest in zip(clock.slept, [0.5, 1, 2, 4], strict=True)}) == 4


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [("7", 7), ("Fri, 15 Jan 2027 08:01:00 GMT", 60), ("Fri, 15 Jan 2027 07:59:00 GMT", 0), ("0", 0)],
)
@pytest.mark.parametrize("code", [429, 503])
def test_retry_after_is_obeyed(stated, seconds, code):
    with serving(Model(KNOWN), faults=[status(code, Retry_After=stated)]) as service:
        clock = Clock()
        victim_at(service, clock).predict(SAMPLES)
        assert clock.slept == [seconds]


def test_an_unintelligible_retry_after_is_no_reason_to_fail():
    with serving(Model(KNOWN), faults=[status(429, Retry_After="soon")]) as service:
        clock = Clock()
        victim_at(service, clock).predict(SAMPLES)
        assert 0 < clock.slept[0] <= 0.5


def test_nobody_sends_while_one_request_was_told_to_wait():
    with serving(Model(KNOWN), faults=[status(429, Retry_After="50")]) as service:
        clock = Clock()
        victim = victim_at(service, clock, concurrency=4)
        victim.predict(SAMPLES)
        assert counts(victim) == (5, 4, 1)
        assert sum(clock.slept) >= 50


def test_a_later_request_waits_as_well():
    with serving(Model(KNOWN), faults=[status(429, Retry_After="50")]) as service:
        clock = Clock()
        victim = victim_at(service, clock, attempts=1)
        with pytest.raises(VictimError, match="given up after 1 attempt, the last ended with status 429"):
            victim.predict(SAMPLES)
        clock.now += 20
        victim.predict(SAMPLES)
        assert clock.slept == [30]


def test_failures_with_answers_between_them_are_not_in_a_row():
    with serving(Model(KNOWN), faults=[status(500), None] * 6) as service:
        victim = victim_at(service, breaker=2)
        for _ in range(6):
            victim.predict(SAMPLES)
        assert service.posts == 12


def test_a_wait_beyond_patience_is_named():
    with serving(Model(KNOWN), always=status(429, b"daily quota", Retry_After="86400")) as service:
        victim = victim_at(service)
        with pytest.raises(VictimError, match=r"429, it said: 'daily quota'\. It asks to wait 86400 s, longer than"):
            victim.predict(SAMPLES)
        assert service.posts == 1


@pytest.mark.parametrize("seed", range(6))
def test_what_was_sent_is_what_the_service_received_in_any_storm(seed):
    rng = np.random.default_rng(seed)
    storm = [None, None, None, status(429), status(500), late(500), breaks_off]
    faults = [storm[rng.integers(len(storm))] for _ in range(40)]
    with serving(Model(KNOWN), faults=faults) as service:
        victim = victim_at(service, concurrency=3, attempts=50, breaker=50)
        for size in (1, 9, 16, 4):
            samples, _ = samples_for(KNOWN, size, seed=size)
            assert_array_equal(victim.predict(samples), KNOWN.predict(samples))
        assert victim.sent == service.received
        assert victim.answered == 30
        assert victim.answered <= service.classified <= victim.sent - victim.refused


@pytest.mark.parametrize("code", [301, 400, 401, 403, 404, 422, 501])
def test_what_stays_is_not_tried_again(code):
    with serving(Model(KNOWN), always=status(code, b"because\nof that")) as service:
        clock = Clock()
        victim = victim_at(service, clock)
        message = rf"^POST {service.base}/plain: status {code}, it said: 'because\\nof that'\. \S.*\.$"
        with pytest.raises(VictimError, match=message):
            victim.predict(SAMPLES)
        assert (service.posts, clock.slept) == (1, [])
        assert counts(victim) == (4, 0, 4 * (400 <= code < 500))


def test_a_batch_too_large_is_halved_and_the_size_is_remembered():
    samples, _ = samples_for(KNOWN, 20)
    with serving(Model(KNOWN), largest=6) as service:
        victim = victim_at(service)
        assert_array_equal(victim.predict(samples), KNOWN.predict(samples))
        assert (victim.largest_request, service.classified) == (5, 20)
        assert counts(victim) == (20 + 10 + 10 + 20, 20, 40)
        del service.batches[:]
        assert_array_equal(victim.predict(samples[:11]), KNOWN.predict(samples[:11]))
        assert sorted(service.batches) == [3, 4, 4]


def test_one_sample_too_large_is_named():
    with serving(Model(KNOWN), always=status(413)) as service, pytest.raises(VictimError, match="one sample alone is"):
        victim_at(service).predict(SAMPLES)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (changed(lambda answers: answers[:2]), r"expected scores of shape \(4, classes\) or 4 labels, got \(2, 3\)"),
        (changed(lambda answers: answers.T), r"expected scores of shape \(4, classes\) or 4 labels, got \(3, 4\)"),
        (changed(lambda answers: answers[..., None]), r"got \(4, 3, 1\)"),
        (says(b"<html>"), r"its answer is no JSON: .*Status 200, it said: '<html>'"),
        (says(b"[" * 100_000), r"its answer is no JSON"),
        (says(b"{}"), r"expected scores at 'outputs\.0\.scores', got nothing at 'outputs' in it"),
        (says(b'{"outputs": []}'), r"got nothing at '0' in it"),
        (says(b'{"outputs": [{"scores": [[1, null], [0, 1], [0, 1], [0, 1]]}]}'), "expected numbers, got None"),
        (says(b'{"outputs": [{"scores": [["a", "b"]]}]}'), "expected numbers, got 'a'"),
        (says(b'{"outputs": [{"scores": [[1, 0], [1]]}]}'), "decode failed with ValueError"),
        (says(b'{"outputs": [{"scores": [[1], [1], [1], [1]]}]}'), r"expected an answer of shape \(4, classes\)"),
        (changed(lambda answers: answers * np.nan), "sample 0 of the first batch: the victim answered NaN"),
        (says(b"plain", **{"Content-Encoding": "gzip"}), r"DecodingError: .*\. The service cannot be used so\."),
    ],
)
def test_an_answer_that_cannot_be_used_is_named_and_not_asked_again(fault, message):
    with serving(Model(KNOWN), always=fault) as service:
        victim = victim_at(service)
        with pytest.raises(VictimError, match=message):
            victim.predict(SAMPLES)
        assert service.posts == 1


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (says(b"[]"), "expected a JSON object"),
        (says(b'{"id": "other", "outputs": []}'), "expected the answer to request .*, got that to 'other'"),
        (says(b'{"outputs": [{"name": "logits"}]}'), "expected an output 'scores', got logits"),
        (says(b'{"outputs": [{"name": "scores", "shape": [4, 3], "datatype": "BYTES"}]}'), "datatype 'BYTES'"),
        (says(b'{"outputs": [{"name": "scores", "shape": [4, -3], "datatype": "FP32"}]}'), "as a list of sizes"),
        (
            says(b'{"outputs": [{"name": "scores", "shape": [4, 3], "datatype": "FP32", "data": [1]}]}'),
            r"expected 12 values for shape \[4, 3\], got 1",
        ),
        (
            says(b'{"outputs": [{"name": "scores", "shape": [1], "datatype": "FP32", "data": ["x"]}]}'),
            "its data are no numbers",
        ),
        (says(b"{}", **{"Inference-Header-Content-Length": "99"}), "is '99' for a body of 2 bytes"),
        (
            says(
                b'{"outputs": [{"name": "scores", "shape": [1], "datatype": "FP32", "parameters": '
                b'{"binary_data_size": 4}}]}'
            ),
            "expected 4 bytes of FP32, got 0",
        ),
        (
            says(
                b'{"outputs": [{"name": "scores", "shape": [1], "datatype": "FP32", "parameters": '
                b'{"binary_data_size": -1}}]}'
            ),
            "expected a number of bytes in binary_data_size, got -1",
        ),
    ],
)
def test_an_open_inference_answer_that_cannot_be_used_is_named(fault, message):
    with serving(Model(KNOWN), always=fault) as service:
        victim = victim_at(service, dialect=BINARY, path="/v2/models/known")
        with pytest.raises(VictimError, match=message):
            victim.predict(SAMPLES)
        assert (service.posts, victim.answered) == (1, 0)


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (says(b'{"rows": [{"p": [1, 0], "id": 0}, {"p": [1, 0], "id": 0}]}'), r"expected the ids 0, 1, 2, 3, got 0, 0"),
        (says(b'{"rows": [{"p": [1, 0]}]}'), "got nothing at 'id' in it"),
    ],
)
def test_answers_with_other_ids_are_refused(fault, message):
    with serving(Model(KNOWN), always=fault) as service, pytest.raises(VictimError, match=message):
        victim_at(service, dialect=ROWS, path="/rows").predict(SAMPLES)


def test_pieces_with_different_classes_are_refused():
    two = [changed(lambda answers: answers[:, :2])]
    message = "expected as many classes in every answer, got 2 and 3"
    with serving(Model(KNOWN), faults=two) as service, pytest.raises(VictimError, match=message):
        victim_at(service, concurrency=2).predict(SAMPLES)


def test_a_hook_that_fails_is_named():
    def fails(_):
        raise KeyError("scores")

    with serving(Model(KNOWN)) as service:
        for hook, message in [
            (Hook(fails, lambda reply: reply.json()), "encode failed with KeyError: 'scores'"),
            (Hook(lambda batch: {"json": {"instances": batch.tolist()}}, fails), "decode failed with KeyError"),
            (Hook(lambda batch: {"params": {}}, fails), "encode: expected content, data, files, headers, json in a"),
        ]:
            with pytest.raises(VictimError, match=message):
                victim_at(service, dialect=hook).predict(SAMPLES)


def test_nan_costs_its_sample_and_no_other():
    samples, labels = samples_for(KNOWN, 6)
    is_third = near(samples[2], but_clean=True)

    class Sick:
        shape, classes = KNOWN.shape, KNOWN.classes

        def __call__(self, batch):
            answers = KNOWN.predict(batch)
            answers[[is_third(row) for row in batch]] = np.nan
            return answers

    with serving(Sick()) as service:
        run = brinkmap.Run(agent="random", patch=2, budget=10)
        results = {one.index: one for one in brinkmap.attack(victim_at(service), samples, labels, run)}
    assert "NaN" in results[2].error
    assert [one.index for one in results.values() if one.error] == [2]


class TestDeadService:
    @pytest.fixture
    def nowhere(self):
        with socket.socket() as bound:  # bound and not listening: connections are refused
            bound.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{bound.getsockname()[1]}/plain"

    def test_a_refused_connection_is_no_query(self, nowhere):
        clock = Clock()
        victim = HttpVictim(Endpoint(nowhere), PLAIN, clock=clock, sleep=clock.sleep)
        message = rf"^POST {re.escape(nowhere)}: given up after 5 attempts, the last ended with ConnectError: .*refused"
        with pytest.raises(VictimError, match=message):
            victim.predict(SAMPLES)
        assert counts(victim) == (0, 0, 0)

    @pytest.mark.parametrize("concurrency", [1, 4])
    def test_it_ends_within_the_limit(self, nowhere, concurrency):
        clock = Clock()
        terms = Endpoint(nowhere, attempts=100, breaker=6, concurrency=concurrency)
        victim = HttpVictim(terms, PLAIN, clock=clock, sleep=clock.sleep)
        with pytest.raises(VictimError, match=r"given up after|not asked"):
            victim.predict(SAMPLES)
        assert sum(clock.slept) < 30
        slept = len(clock.slept)
        with pytest.raises(VictimError, match=r"not asked, \d+ requests in a row have failed, the last with ConnectE"):
            victim.predict(SAMPLES)
        assert len(clock.slept) == slept

    def test_it_ends_an_attack(self, nowhere):
        clock = Clock()
        victim = HttpVictim(Endpoint(nowhere), PLAIN, shape=(1, 3, 4), classes=3, clock=clock, sleep=clock.sleep)
        with pytest.raises(VictimError, match="given up after 5 attempts"):
            list(brinkmap.attack(victim, SAMPLES, np.zeros(4, int), brinkmap.Run(agent="random", patch=2, budget=9)))


def test_a_service_that_comes_back_is_asked_again_by_one_request_first():
    with serving(Model(KNOWN), always=status(500)) as service:
        clock = Clock()
        victim = victim_at(service, clock, attempts=3, breaker=2, rest_s=30, concurrency=4)
        with pytest.raises(VictimError, match=r"given up|not asked"):
            victim.predict(SAMPLES)
        clock.now += 31
        posts = service.posts
        with pytest.raises(VictimError, match="given up after 1 attempt, the last ended with status 500"):
            victim.predict(SAMPLES)
        assert service.posts == posts + 1
        with pytest.raises(VictimError, match=r"not asked, \d+ requests in a row"):
            victim.predict(SAMPLES)
        assert service.posts == posts + 1
        clock.now += 31
        service.always = None
        assert_array_equal(victim.predict(SAMPLES), KNOWN.predict(SAMPLES))
        assert service.posts == posts + 5


def test_when_one_request_fails_the_others_do_not_go_on_for_long():
    def is_first(handler, answers):
        return handler.send(400, b"not this one") if answers[0, 0] == first else handler.send(500, b"later")

    first = KNOWN.predict(SAMPLES)[0, 0]
    with serving(Model(KNOWN), always=is_first) as service:
        victim = HttpVictim(Endpoint(service.base + "/plain", concurrency=4, attempts=1000, breaker=1000), PLAIN)
        with pytest.raises(VictimError, match="not this one"):
            victim.predict(SAMPLES)
        assert service.posts < 12
