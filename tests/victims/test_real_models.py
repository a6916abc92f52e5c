"""Published CIFAR-10 models reach the accuracy their authors report when they answer through `wrap`."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from brinkmap.victims import wrap

SHARED = Path(__file__).parents[2].parent / "shared" / "data"
SAMPLES = SHARED / "cifar10" / "test_lossless_460.npz"
IMAGES = 100
MEAN = (0.4914, 0.4822, 0.4465)

pytestmark = pytest.mark.skipif(not SAMPLES.is_file(), reason=f"real models and samples are not at {SHARED}")


def accuracy(victim, images):
    with np.load(SAMPLES) as stored:
        x, y = stored["x"][:images], stored["y"][:images]
    answers = np.concatenate([victim.predict(x[i : i + 50]) for i in range(0, len(x), 50)])
    return float(np.mean(answers.argmax(axis=1) == y))


def test_resnet20_through_wrap():
    spec = importlib.util.spec_from_file_location("models_cifar", SHARED / "models_cifar.py")
    models = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(models)
    assert accuracy(wrap(models.load("resnet20")), 460) == pytest.approx(0.935, abs=0.006)


@pytest.mark.parametrize(
    ("file", "std", "reported"),
    [("sri_resnet_a", (0.2471, 0.2435, 0.2616), 0.847), ("vit_pgd_2_3_16", (0.2023, 0.1994, 0.2010), 0.694)],
    ids=["batch fixed to 1", "dynamic batch"],
)
def test_onnx_through_wrap(file, std, reported):
    victim = wrap(SHARED / "cifar10_robust" / f"{file}.onnx", mean=MEAN, std=std)
    assert victim.shape == (3, 32, 32)
    assert accuracy(victim, IMAGES) == pytest.approx(reported, abs=0.09)
