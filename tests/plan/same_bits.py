"""Equality to the bit, which also tells 0 from -0."""

import numpy as np
from numpy.testing import assert_array_equal


def assert_same_bits(a, b):
    assert_array_equal(np.ascontiguousarray(a).view(np.uint32), np.ascontiguousarray(b).view(np.uint32))
