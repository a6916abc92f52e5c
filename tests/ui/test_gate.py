"""An attack waits where it is told to, and no longer."""

import threading

import pytest
from page_known import until

from brinkmap.ui import gate as gates
from brinkmap.ui.gate import Gate, Stopped


class Walker:
    """A thread that takes steps through a gate."""

    def __init__(self, gate):
        self.steps, self.ended = 0, None
        self._gate = gate
        threading.Thread(target=self._walk, daemon=True).start()

    def _walk(self):
        try:
            while True:
                self._gate.wait()
                self.steps += 1
        except Stopped as stopped:
            self.ended = str(stopped)


def test_a_pause_holds_and_a_step_lets_exactly_one_through():
    gate = Gate(0, 60)
    gate.pause()
    walker = Walker(gate)
    for step in (1, 2, 3):
        gate.step()
        until(lambda step=step: walker.steps == step)
    threading.Event().wait(0.05)
    assert walker.steps == 3
    gate.go()
    until(lambda: walker.steps > 10)
    gate.stop("stopped")
    until(lambda: walker.ended == "stopped")


def test_a_pause_that_comes_while_a_step_waits_for_its_turn_holds_it():
    gate = Gate(0.5, 60)  # the second step would be due two seconds on
    walker = Walker(gate)
    until(lambda: walker.steps == 1)
    gate.pause()
    gate.set_pace(0)
    threading.Event().wait(0.05)
    assert walker.steps == 1
    gate.stop("stopped")
    until(lambda: walker.ended == "stopped")


@pytest.mark.parametrize(("prepare", "why"), [(lambda gate: gate.pause(), "idle"), (lambda gate: None, "dropped")])
def test_nobody_is_waited_for_for_ever(prepare, why, monkeypatch):
    monkeypatch.setattr(gates, "UNREAD_S", 0.05)
    gate = Gate(0, 0.05)
    prepare(gate)
    for _ in range(gates.AHEAD if why == "dropped" else 0):
        gate.told()
    walker = Walker(gate)
    until(lambda: walker.ended == why)
    assert walker.steps == 0


def test_what_lies_unread_holds_the_attack_until_it_is_read():
    gate = Gate(0, 60)
    for _ in range(gates.AHEAD):
        gate.told()
    walker = Walker(gate)
    threading.Event().wait(0.05)
    assert walker.steps == 0
    gate.read()
    until(lambda: walker.steps > 0)
    gate.stop("stopped")
