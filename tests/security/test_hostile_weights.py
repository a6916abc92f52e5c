"""Weights and cards from a stranger: agents, classifiers, folders. Nothing in them is run, and nothing is believed."""

import json

import numpy as np
import pytest
from hostile import pickled, refused_or_read, safetensors, tensors
from hypothesis import given
from hypothesis import strategies as st

from brinkmap import Run
from brinkmap.agents.saved import load_agent
from brinkmap.attack import attack
from brinkmap.victims import load_victim
from victims_known import Linear, samples_for

pytest.importorskip("torch")

RESPONSE = {
    "kind": "response", "name": "n", "channels": 1, "rank": 2, "classes": 3, "widths": [2, 3],
    "distortions": ["illuminate"], "default": ["illuminate"], "patches": ["2"],
}  # fmt: skip
PPO = {
    "kind": "ppo", "name": "n", "channels": 1, "rank": 2, "filters": [["illuminate", 5]], "width": 4, "blocks": 1,
    "distortions": ["illuminate"], "patch": "2",
}  # fmt: skip
VGG = {
    "kind": "brinkmap-classifier", "architecture": "small-vgg", "bounds": [0.0, 1.0],
    "network": {"shape": [1, 8, 8], "classes": 3, "widths": [4], "hidden": 4, "layer_norm": True},
}  # fmt: skip


def weights_of(card):
    if card["kind"] == "response":
        from brinkmap.response.net import ResponseNet

        net = ResponseNet(card["channels"], card["rank"], card["classes"], card["widths"])
    elif card["kind"] == "ppo":
        from brinkmap.response.cells import CellNet

        net = CellNet(card["channels"], card["rank"], 5, card["width"], card["blocks"])
    else:
        from brinkmap.victims.networks import SmallVGG

        net = SmallVGG(**card["network"])
    return {name: values.numpy() for name, values in net.state_dict().items()}


LOADERS = {"response": (RESPONSE, load_agent), "ppo": (PPO, load_agent), "classifier": (VGG, load_victim)}


@pytest.mark.parametrize(("card", "load"), LOADERS.values(), ids=LOADERS)
class TestCards:
    def test_the_true_one_is_read(self, tmp_path, card, load):
        (tmp_path / "a.safetensors").write_bytes(tensors(card, **weights_of(card)))
        assert refused_or_read(load, str(tmp_path / "a.safetensors")) is None

    @pytest.mark.parametrize(
        "text", ["null", "[]", "3", '"x"', "{", "[" * 100_000, '{"kind": []}', '{"kind": {"a": 1}}', "{}"]
    )
    def test_a_card_that_is_none_is_refused(self, tmp_path, card, load, text):
        (tmp_path / "a.safetensors").write_bytes(tensors(text, **weights_of(card)))
        assert refused_or_read(load, str(tmp_path / "a.safetensors")) is not None

    def test_hostile_values_are_read_or_refused(self, tmp_path, card, load):
        path, held = tmp_path / "a.safetensors", weights_of(card)
        values = [None, -1, 0, 2**40, 10**30, 1e308, "x", [], [[]], {}, [2**40] * 3, ["../../x"], True, "a" * 10**6]
        for place in (card, card.get("network", {})):
            for name in [*place]:
                for value in values:
                    kept, place[name] = place[name], value
                    path.write_bytes(tensors(card, **held))
                    place[name] = kept
                    refused_or_read(load, str(path))

    def test_depth_is_not_built_before_it_is_held_against_the_weights(self, tmp_path, card, load):
        deep = card | {"widths": [1] * 200_000, "blocks": 10**9, "members": 10**9}
        deep = deep | {"network": card.get("network", {}) | {"widths": [1] * 200_000, "shape": [1, 8, 8]}}
        if card["kind"] != "ppo":
            del deep["blocks"]
        if card["kind"] != "response":
            del deep["widths"]
        if card["kind"] != "brinkmap-classifier":
            del deep["network"]
        (tmp_path / "a.safetensors").write_bytes(tensors(deep, **weights_of(card)))
        assert refused_or_read(load, str(tmp_path / "a.safetensors")) is not None

    def test_other_tensors_are_refused(self, tmp_path, card, load):
        held = weights_of(card)
        first = next(iter(held))
        for wrong in (
            {first: np.zeros((3, 3, 3, 3, 3), np.float32)},
            {first: held[first].astype(np.float64), "extra": np.zeros(1)},
            {},
        ):
            (tmp_path / "a.safetensors").write_bytes(tensors(card, **((held | wrong) if wrong else {})))
            assert "do not belong together" in str(refused_or_read(load, str(tmp_path / "a.safetensors")))

    def test_broken_files_are_refused(self, tmp_path, card, load):
        canary = tmp_path / "ran"
        spans = {"w": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 2**42]}}
        overlap = {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in "ab"}
        for content in (
            b"", b"x", pickled(canary), safetensors({}, length=2**63), safetensors({}, length=2**30),
            safetensors(spans, bytes(16)), safetensors(overlap, bytes(8)), safetensors(b"[" * 100_000),
            safetensors({"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        ):  # fmt: skip
            (tmp_path / "a.safetensors").write_bytes(content)
            assert refused_or_read(load, str(tmp_path / "a.safetensors")) is not None
        assert not canary.exists()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(kind=st.sampled_from([*LOADERS]), changes=st.data())
def test_any_card_is_read_or_refused(tmp_path_factory, kind, changes):
    card, load = LOADERS[kind]
    odd = changes.draw(st.dictionaries(st.sampled_from([*card]), JSON, max_size=2))
    path = tmp_path_factory.getbasetemp() / "odd.safetensors"
    path.write_bytes(tensors(json.dumps(card | odd), **weights_of(card)))
    refused_or_read(load, str(path))


def test_an_agent_names_no_code_to_run(tmp_path):
    canary = tmp_path / "ran"
    code = tmp_path / "filters.py"
    code.write_text(f"open({str(canary)!r}, 'w')\ndef fog(content, level, rng):\n    return content\n")
    card = RESPONSE | {"distortions": [f"{code}:fog"], "default": [f"{code}:fog"], "classes": 4}
    (tmp_path / "agent.safetensors").write_bytes(tensors(card, **weights_of(card)))
    victim = Linear((1, 8, 8), classes=4)
    samples, labels = samples_for(victim, 1)

    def used(**stated):
        list(attack(victim, samples, labels, Run(agent=str(tmp_path / "agent.safetensors"), budget=3, **stated)))

    error = refused_or_read(used)
    assert "the agent's card names code to run" in str(error)
    assert not canary.exists()
    used(distortions=[f"{code}:fog"])  # stated by the user it is the user's own
    assert canary.exists()


@pytest.mark.parametrize("name", ["model.pt", "model.pth", "pytorch_model.bin", "model.pkl", "model.joblib"])
def test_pickled_models_are_never_opened(tmp_path, name):
    canary, path = tmp_path / "ran", tmp_path / name
    path.write_bytes(pickled(canary))
    assert refused_or_read(load_victim, str(path)) is not None
    (tmp_path / "config.json").write_text('{"model_type": "vit", "architectures": ["ViTForImageClassification"]}')
    assert refused_or_read(load_victim, str(tmp_path)) is not None
    assert not canary.exists()
