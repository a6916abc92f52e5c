"""A visitor of a page over victims whose answers are known."""

import pytest
from page_known import catalogue, opened


@pytest.fixture
def offered():
    return catalogue()


@pytest.fixture
def client(offered):
    return opened(offered)
