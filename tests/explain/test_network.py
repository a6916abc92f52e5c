"""A victim's network: it answers as the victim does, black boxes have none, and a copy of it can forget."""

import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

torch = pytest.importorskip("torch")
nn = torch.nn

from open_networks import SHAPES, learned, shown  # noqa: E402

from brinkmap.explain.network import Network, network_of, randomised  # noqa: E402
from brinkmap.victims import FunctionVictim, wrap  # noqa: E402
from brinkmap.victims.networks import SmallVGG, load_classifier, save_classifier  # noqa: E402

ranks = pytest.mark.parametrize("rank", SHAPES)


@pytest.mark.parametrize("outputs", ["logits", "probabilities"])
@pytest.mark.parametrize("stated", [{}, {"mean": 0.4, "std": 0.3}, {"mean": [0.4, 0.1], "std": [0.3, 2.0]}], ids=str)
@ranks
def test_a_torch_victims_network_answers_as_the_victim(rank, stated, outputs):
    module = learned(rank)
    module = module if outputs == "logits" else nn.Sequential(module, nn.Softmax(dim=1))
    samples = shown(rank)
    victim = wrap(module, outputs=outputs, bounds=(0, 1), **stated)
    found = network_of(victim)
    assert found.module is module
    with torch.no_grad():
        chances = found.logits(found.tensor(samples)).softmax(dim=1).numpy()
    assert_allclose(chances, victim.predict(samples), atol=1e-6)


def test_a_saved_classifiers_network_takes_samples_in_their_own_units(tmp_path):
    path = tmp_path / "model.safetensors"
    save_classifier(SmallVGG(SHAPES[1], 4, (4,), 8), path, bounds=(-3.0, 5.0))
    victim = load_classifier(path)
    found, samples = network_of(victim), 8 * shown(1) - 3
    with torch.no_grad():
        chances = found.logits(found.tensor(samples)).softmax(dim=1).numpy()
    assert found.bounds == (-3.0, 5.0)
    assert_allclose(chances, victim.predict(samples), atol=1e-6)


def test_a_sure_victims_logarithm_is_finite():
    sure = Network(nn.Flatten(), outputs="probabilities")
    assert torch.isfinite(sure.logits(torch.tensor([[[0.0, 1.0]]]))).all()


@pytest.mark.parametrize(
    "victim",
    [
        FunctionVictim(lambda batch: batch.mean(axis=-1)),
        wrap(lambda batch: batch.mean(axis=-1), outputs="logits"),
        wrap(nn.Flatten(), outputs="labels", classes=3),
    ],
    ids=["callable", "logits of a callable", "labels"],
)
def test_other_victims_are_black_boxes(victim):
    assert network_of(victim) is None


def test_an_onnx_victim_and_a_victim_of_ones_own_are_black_boxes(tmp_path):
    onnx = pytest.importorskip("onnx")
    values = [onnx.helper.make_tensor_value_info(name, 1, ["n", 1, 4]) for name in ("in", "out")]
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["in"], ["out"])], "same", values[:1], values[1:])
    path = tmp_path / "same.onnx"
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    assert network_of(wrap(str(path))) is None

    class Own:
        shape, classes, bounds = (1, 4), 2, (0.0, 1.0)

        def predict(self, batch):
            return batch[:, 0, :2]

    assert network_of(Own()) is None


def test_forgetting_begins_at_the_answer_and_keeps_the_scale():
    net = Network(learned(2), bounds=(0.0, 2.0))
    copies = [randomised(net, np.random.default_rng(3), layers) for layers in (1, 2, 4, None)]
    names = [name for name, _ in net.module.named_parameters()]
    for copied, own in zip(copies, (["7"], ["7", "3"], ["7", "3", "1", "0"], ["7", "3", "1", "0"]), strict=True):
        changed = {
            name.split(".")[0]
            for name in names
            if not torch.equal(copied.module.get_parameter(name), net.module.get_parameter(name))
        }
        assert changed == set(own)
        assert copied.bounds == net.bounds
    assert torch.equal(copies[0].module[7].weight, copies[3].module[7].weight)
    sizes = [one.module[7].weight.square().mean().sqrt().item() for one in (net, copies[3])]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.1)


def test_importing_them_imports_neither_torch_nor_captum():
    modules = ", ".join(f"brinkmap.explain.{name}" for name in ("cam", "gradients", "layers", "network", "white_box"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'captum' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
