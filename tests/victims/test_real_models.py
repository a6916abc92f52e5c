"""Published CIFAR-10 models are as accurate through `wrap` as when they are called directly."""

import importlib.util
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.testing import assert_allclose
from victim_models import softmax

from brinkmap.victims import wrap

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SAMPLES = SHARED / "cifar10" / "test_lossless_460.npz"
IMAGES = 100
MEAN = (0.4914, 0.4822, 0.4465)

pytestmark = pytest.mark.skipif(not SAMPLES.is_file(), reason=f"real models and samples are not at {SHARED}")


def images(count):
    with np.load(SAMPLES) as stored:
        return stored["x"][:count], stored["y"][:count]


def accuracy(victim, count):
    x, y = images(count)
    answers = np.concatenate([victim.predict(x[i : i + 50]) for i in range(0, len(x), 50)])
    return float(np.mean(answers.argmax(axis=1) == y))


def test_resnet20_through_wrap():
    spec = importlib.util.spec_from_file_location("models_cifar", SHARED / "models_cifar.py")
    models = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(models)
    assert accuracy(wrap(models.load("resnet20")), 460) == pytest.approx(0.935, abs=0.006)


@pytest.mark.parametrize(
    ("file", "std", "least"),
    [("sri_resnet_a", (0.2471, 0.2435, 0.2616), 0.80), ("vit_pgd_2_3_16", (0.2023, 0.1994, 0.2010), 0.58)],
    ids=["batch fixed to 1", "dynamic batch"],
)
def test_onnx_through_wrap(file, std, least):
    path = SHARED / "cifar10_robust" / f"{file}.onnx"
    victim = wrap(path, mean=MEAN, std=std)
    x, y = images(IMAGES)
    session = onnxruntime.InferenceSession(str(path))
    ready = ((np.moveaxis(x, -1, 1) / 255 - np.reshape(MEAN, (3, 1, 1))) / np.reshape(std, (3, 1, 1))).astype(
        np.float32
    )
    direct = softmax(np.concatenate([session.run(None, {"input": ready[i : i + 1]})[0] for i in range(IMAGES)]))
    assert victim.shape == (3, 32, 32)
    assert_allclose(victim.predict(x), direct, atol=1e-4)
    assert np.mean(direct.argmax(axis=1) == y) >= least
