"""The meter's clock: the rate limit, and the time that the victim takes."""

import numpy as np
import pytest
from metering import Answering, answer_to, ask, metered


class Clock:
    """Time that passes only where the victim works or the meter sleeps."""

    def __init__(self):
        self.now, self.slept = 50.0, 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds
        self.slept += seconds


def working(clock, seconds_a_sample):
    def answer(batch):
        clock.now += seconds_a_sample * len(batch)
        return np.stack([answer_to(int(content)) for content in batch[:, 0, 0]])

    return Answering(answer)


@pytest.mark.parametrize("work", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_the_rate_limit_is_kept_and_not_slower_than_need_be(batch_size, work):
    clock, starts = Clock(), []
    victim = working(clock, work)
    predict = victim.predict
    victim.predict = lambda batch: (starts.append((clock.now, len(batch))), predict(batch))[1]
    meter = metered(victim, batch_size=batch_size, rate_limit=10, clock=clock, sleep=clock.sleep)
    for content in range(0, 80, 8):
        ask(meter, *[(0, content + one) for one in range(8)])
    began, rows = np.array(starts).T
    before = np.cumsum(rows) - rows
    assert (before <= 10 * (began - began[0]) + 1e-6).all()
    assert clock.now - 50 == pytest.approx(max(80 * work, (80 - batch_size) / 10 + batch_size * work), rel=0.01)


def test_without_a_rate_limit_nothing_waits():
    clock = Clock()
    meter = metered(working(clock, 0.5), clock=clock, sleep=clock.sleep)
    ask(meter, (0, 1), (0, 2))
    assert clock.slept == 0


@pytest.mark.parametrize("batch_size", [None, 4, 64])
def test_time_in_the_victim_and_the_peak_rate_are_noted(batch_size):
    clock = Clock()
    meter = metered(working(clock, 0.5), batch_size=batch_size, clock=clock, sleep=clock.sleep)
    assert meter.batches.peak_rate == 0
    ask(meter, (0, 1), (0, 2), (1, 1))
    assert meter.ledger.victim_seconds == pytest.approx(1.5)
    assert meter.batches.peak_rate == pytest.approx(2)


def test_time_in_a_victim_that_raises_is_noted():
    clock = Clock()

    def answer(batch):
        clock.now += 3
        raise RuntimeError("no")

    meter = metered(Answering(answer), clock=clock)
    ask(meter, (0, 1))
    assert meter.ledger.victim_seconds == pytest.approx(3)
