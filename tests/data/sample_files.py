"""Files with samples in them, written for a test."""

import numpy as np
from PIL import Image


def pixels(seed, shape=(5, 7, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save_image(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return values


def save_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def table(path, text):
    (path / "d.csv").write_text(text)
    return path / "d.csv"
