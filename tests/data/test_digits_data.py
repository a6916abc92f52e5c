import hashlib

import numpy as np
from sklearn.datasets import load_digits

from brinkmap.data import digits_heldout, digits_train


def test_the_two_parts_make_up_all_digits_and_share_none():
    (train, train_labels), (heldout, heldout_labels) = digits_train(), digits_heldout()
    rows = np.concatenate([train, heldout]).reshape(-1, 64) * 16
    both = np.column_stack([rows, np.concatenate([train_labels, heldout_labels])])
    original = load_digits()
    everything = np.column_stack([original.data, original.target])
    assert sorted(map(tuple, both)) == sorted(map(tuple, everything))
    assert (len(train), len(heldout)) == (1257, 540)


def test_samples_are_float32_within_0_and_1():
    for x, y in (digits_train(), digits_heldout()):
        assert (x.shape[1:], x.dtype, y.dtype) == ((1, 8, 8), np.float32, np.int64)
        assert (x.min(), x.max()) == (0, 1)
        assert set(y.tolist()) == set(range(10))


def test_the_split_is_the_one_the_shipped_weights_were_trained_on():
    x, y = digits_heldout()
    assert (
        hashlib.sha256(x.tobytes() + y.astype("<i8").tobytes()).hexdigest()
        == "1b39db713fcbe92c4bd26ea4b9c6300728a5be6ced27222bba09616172007005"
    )
