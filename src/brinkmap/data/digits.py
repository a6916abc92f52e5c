"""The data that come with Brinkmap: scikit-learn's 8 x 8 handwritten digits, with a fixed split.

Source: UCI Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998), the 1,797 test digits, CC BY 4.0.
"""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Array, Ints

__all__ = ["digits_heldout", "digits_train"]

SPLIT_SEED = 0
HELDOUT = 540
"""How many of the 1,797 digits no shipped model was trained on."""


def digits_train() -> tuple[Array, Ints]:
    """The 1,257 digits that the shipped victim was trained on.

    Returns:
        samples (1257, 1, 8, 8) float32 in 0..1, labels (1257,) int64. Sample order is that of the seeded shuffle.
    """
    samples, labels, order = _shuffled()
    return samples[order[HELDOUT:]], labels[order[HELDOUT:]]


def digits_heldout() -> tuple[Array, Ints]:
    """The 540 digits to measure on.

    Returns:
        samples (540, 1, 8, 8) float32 in 0..1, labels (540,) int64. Sample order is that of the seeded shuffle.
    """
    samples, labels, order = _shuffled()
    return samples[order[:HELDOUT]], labels[order[:HELDOUT]]


def _shuffled() -> tuple[Array, Ints, Ints]:
    from sklearn.datasets import load_digits  # a second to import, and most runs bring their own data

    digits = load_digits()
    samples = (digits.images[:, None] / 16).astype(np.float32)
    order = np.random.Generator(np.random.PCG64(SPLIT_SEED)).permutation(len(samples))
    return samples, digits.target.astype(np.int64), order
