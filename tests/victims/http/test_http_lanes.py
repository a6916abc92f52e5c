"""How many requests go side by side: the search on a made-up service whose rates are known."""

import threading

import numpy as np
import pytest

pytest.importorskip("httpx")
pytest.importorskip("tenacity")

from brinkmap.victims.http.lanes import LaneCount, Lanes, cut


def settled(rate, rows=64, frozen=None):
    count = LaneCount(frozen)
    for _ in range(100):
        count.timed(rows, rows / rate(count.current))
    return count.frozen


@pytest.mark.parametrize(
    ("rate", "found"),
    [
        (lambda lanes: 100, 1),
        (lambda lanes: 100 * min(lanes, 2), 2),
        (lambda lanes: 100 * min(lanes, 8), 8),
        (lambda lanes: 100 * lanes, 16),
        (lambda lanes: 100 / lanes, 1),
        (lambda lanes: 100 * lanes**0.1, 1),
    ],
)
def test_the_search_stops_where_the_rate_does(rate, found):
    assert settled(rate) == found


def test_there_are_no_more_requests_than_samples():
    assert settled(lambda lanes: 100 * lanes, rows=5) == 4


def test_a_stated_number_is_kept():
    assert settled(lambda lanes: 100 * lanes, frozen=3) == 3


def test_batches_of_other_sizes_are_not_compared():
    count = LaneCount()
    for rows in (16, 16, 16, 64, 64, 64, 64):  # four times as fast for the larger batch, whatever the number
        count.timed(rows, 1.0)
    assert count.frozen is None
    assert count.current == 2
    for _ in range(3):
        count.timed(64, 1.0)
    assert count.frozen == 1


@pytest.mark.parametrize(
    ("rows", "pieces", "largest"), [(1, 4, None), (7, 3, None), (64, 1, 10), (9, 16, 2), (5, 5, 1)]
)
def test_pieces_are_the_batch(rows, pieces, largest):
    batch = np.arange(rows * 2, dtype=np.float32).reshape(rows, 2)
    made = cut(batch, pieces, largest)
    sizes = [len(piece) for piece in made]
    assert np.array_equal(np.concatenate(made), batch)
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= (largest or rows)
    assert len(made) >= min(pieces, rows)


def test_the_first_failure_is_raised_when_nothing_is_under_way():
    under_way, abandoned = [], threading.Event()

    def send(piece):
        under_way.append(1)
        try:
            if piece[0] == 1:
                raise KeyError("one")
            abandoned.wait(5)
            return piece
        finally:
            under_way.pop()

    lanes = Lanes(abandoned.set)
    with pytest.raises(KeyError, match="one"):
        lanes.send(send, [np.float32([value]) for value in range(12)], 3)
    assert not under_way
    lanes.close()
