"""A model behind HTTP answers as it does in process, bit for bit, and costs as many queries."""

import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from serving import Model, changed, serving

import brinkmap
from brinkmap.testing import check_victim
from brinkmap.victims import Victim, wrap
from brinkmap.victims.http import Endpoint, Hook, HttpVictim, JsonTemplate, OpenInference
from victims.victim_models import linear, write_onnx
from victims_known import LabelsOnly, Linear, samples_for

KNOWN = {1: Linear((2, 12), bounds=(-3, 5)), 2: Linear((3, 6, 5)), 3: Linear((1, 3, 4, 4))}
OCTETS = Hook(
    encode=lambda batch: {"content": batch.tobytes(), "headers": {"Content-Type": "application/octet-stream"}},
    decode=lambda reply: np.frombuffer(reply.body, np.float32).reshape(-1, 3),
)
DIALECTS = {
    "oip, tensors as JSON": ("/v2/models/known", OpenInference(tensors="json")),
    "oip, binary tensors": ("/v2/models/known", OpenInference(tensors="binary")),
    "oip, names stated": ("/v2/models/known", OpenInference(input="pixels", output="scores", tensors="binary")),
    "oip, version": ("/v2/models/known/versions/2/infer", OpenInference(input="i", output="scores", tensors="json")),
    "json, batch": ("/plain", JsonTemplate('{"instances": "{batch}", "unused": [1, "x"]}', "outputs.0.scores")),
    "json, rows with ids": (
        "/rows",
        JsonTemplate('{"rows": [{"x": "{sample}", "id": "{id}"}]}', "rows.*.p", ids="rows.*.id"),
    ),
    "json, one sample": ("/one", JsonTemplate('{"image": {"values": "{sample}"}}', "p")),
    "hook": ("/octets", OCTETS),
}


def victim_at(service, name="json, batch", terms=None, **stated):
    path, dialect = DIALECTS[name]
    return HttpVictim(Endpoint(service.base + path, **(terms or {})), dialect, **stated)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("name", DIALECTS)
def test_answers_are_those_of_the_model_bit_for_bit(name, rank):
    model = KNOWN[rank]
    samples, _ = samples_for(model, 7)
    with serving(Model(model)) as service:
        victim = victim_at(service, name, bounds=model.bounds)
        assert isinstance(victim, Victim)
        for batch in (samples, samples[:1], samples[3:]):
            assert_array_equal(victim.predict(batch), model.predict(batch))
        assert (victim.shape, victim.classes, victim.bounds) == (model.shape, 3, model.bounds)
        assert victim.sent == victim.answered == service.classified == 12
        assert victim.refused == 0


@pytest.mark.parametrize("binary", [False, True])
def test_the_service_tells_shape_classes_and_what_it_can(binary):
    with serving(Model(KNOWN[2]), binary=binary) as service:
        victim = HttpVictim(service.model_url, OpenInference())
        assert (victim.shape, victim.classes, victim.name) == ((3, 6, 5), 3, "known")
        assert (service.posts, victim.sent) == (0, 0)
        victim.predict(samples_for(KNOWN[2], 2)[0])
        assert ("Inference-Header-Content-Length" in service.headers[0]) == binary


@pytest.mark.parametrize("tensors", ["json", "binary"])
def test_an_onnx_file_answers_the_same_served_and_in_process(tmp_path, tensors):
    in_process = wrap(write_onnx(tmp_path / "m.onnx", (3, 6, 5), linear((3, 6, 5)), 1), mean=0.5, std=0.25)
    session = wrap(write_onnx(tmp_path / "m.onnx", (3, 6, 5), linear((3, 6, 5)), 1), bounds=(-9, 9))
    model = Model(session)
    model.victim = type("Logits", (), {"predict": staticmethod(session.function)})
    samples = np.random.default_rng(0).random((9, 3, 6, 5), dtype=np.float32)
    with serving(model) as service:
        victim = HttpVictim(
            service.model_url, OpenInference(tensors=tensors), outputs="logits", mean=0.5, std=0.25, classes=4
        )
        assert_array_equal(victim.predict(samples), in_process.predict(samples))


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("oip, tensors as JSON", False),
        ("oip, tensors as JSON", True),  # what MLServer makes of scikit-learn
        ("oip, binary tensors", True),
        ("json, batch", False),
        ("json, one sample", False),
    ],
)
def test_labels_are_read(name, column):
    model = LabelsOnly(KNOWN[2])
    samples, labels = samples_for(model, 6)
    shape = (-1, 1) if column else (-1,)
    with serving(Model(model), always=changed(lambda answers: answers.argmax(axis=1).reshape(shape))) as service:
        victim = victim_at(service, name, outputs="labels", classes=3)
        assert_array_equal(victim.predict(samples).argmax(axis=1), labels)
        assert not victim.scores


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("oip, binary tensors", {"agent": "credit", "patch": 2}),
        ("json, rows with ids", {"agent": "random", "patch": 2}),
        ("json, one sample", {"agent": "square"}),
    ],
    ids=str,
)
def test_an_attack_ends_as_it_does_in_process(name, terms):
    model = KNOWN[2]
    samples, labels = samples_for(model, 4)
    run = brinkmap.Run(**terms, budget=30, max_l2=1.0)
    with serving(Model(model)) as service:
        victim = victim_at(service, name, terms={"concurrency": 3})
        there = {one.index: one for one in brinkmap.attack(victim, samples, labels, run)}
        counted = (victim.sent, victim.answered, service.classified)
    here = {one.index: one for one in brinkmap.attack(model, samples, labels, run)}
    assert set(counted) == {sum(one.queries for one in there.values())}
    for index, result in here.items():
        assert_array_equal(there[index].adversarial, result.adversarial)
        assert (there[index].queries, there[index].success, there[index].l2) == (
            result.queries,
            result.success,
            result.l2,
        )


def test_requests_side_by_side_keep_the_order():
    model = KNOWN[2]
    samples, _ = samples_for(model, 23)

    def last_is_first(_, answers):
        time.sleep(0.05 * float(answers[0, 0]))
        return answers

    with serving(Model(model), always=last_is_first) as service:
        victim = victim_at(service, "oip, binary tensors", terms={"concurrency": 5})
        assert_array_equal(victim.predict(samples), model.predict(samples))
        assert sorted(service.batches) == [4, 4, 5, 5, 5]
        assert service.most_under_way > 1


def test_the_contract_kit_is_content():
    with serving(Model(KNOWN[2])) as service:
        check_victim(victim_at(service, "json, rows with ids"), samples_for(KNOWN[2], 5)[0])


def test_a_closed_victim_can_be_asked_again():
    samples, _ = samples_for(KNOWN[2], 4)
    with serving(Model(KNOWN[2])) as service:
        victim = victim_at(service, "oip, binary tensors", terms={"concurrency": 2})
        first = victim.predict(samples)
        victim.close()
        assert_array_equal(victim.predict(samples), first)
        victim.close()


def test_no_number_of_requests_at_once_changes_an_answer():
    samples, _ = samples_for(KNOWN[2], 16)
    expected = KNOWN[2].predict(samples)
    with serving(Model(KNOWN[2])) as service:
        victim = victim_at(service, "oip, binary tensors")
        for _ in range(20):
            assert_array_equal(victim.predict(samples), expected)
        assert victim.concurrency in (1, 2, 4, 8, 16)
