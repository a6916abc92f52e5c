"""The count between parts: written before a batch goes out, read back whole or not at all."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from brinkmap.errors import BrinkmapError, VictimError
from brinkmap.victims.metered import FAILURES_IN_A_ROW, Metered
from brinkmap.victims.tally import Tally, read_tally
from victims_known import AnswersNaNFor, CountsSamples, Linear, RaisesFor, samples_for

VICTIM = Linear((1, 8, 8))


def test_what_was_written_is_read(tmp_path):
    with Tally(tmp_path / "queries") as tally:
        for asked in (0, 7, 10**12, 8):
            tally.write(asked, asked + 1)
            assert read_tally(tmp_path / "queries") == (asked, asked + 1)
    with Tally(tmp_path / "queries"):
        assert read_tally(tmp_path / "queries") == (8, 9)


@pytest.mark.parametrize("content", [b"", b"17", b"0" * 39, b"-1 -1\n", b"x" * 100])
def test_what_no_tally_wrote_counts_for_nothing(tmp_path, content):
    (tmp_path / "queries").write_bytes(content)
    assert read_tally(tmp_path / "queries") == (0, 0)
    assert read_tally(tmp_path / "nowhere") == (0, 0)


def test_a_full_disk_is_named_before_anything_is_asked():
    victim = CountsSamples(VICTIM)
    with Tally("/dev/full") as tally:
        metered = Metered(victim, journal=lambda ledger: tally.write(ledger.total, ledger.sent))
        with pytest.raises(BrinkmapError, match="the count of queries cannot be written: No space left"):
            metered.ask_once(range(4), samples_for(VICTIM, 4)[0])
    assert victim.seen == 0


def test_the_journal_is_ahead_of_the_victim():
    told = []

    class Looks(CountsSamples):
        def predict(self, batch):
            assert told[-1] == self.seen + len(batch)
            return super().predict(batch)

    victim = Looks(VICTIM)
    metered = Metered(victim, batch_size=3, journal=lambda ledger: told.append(ledger.total))
    metered.ask_once(range(10), samples_for(VICTIM, 10)[0])
    assert told == [3, 6, 8, 10]
    assert metered.ledger.sent == metered.ledger.total == victim.seen == 10


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from brinkmap.victims.tally import Tally
with Tally(Path(sys.argv[1])) as tally:
    for asked in range(1, 10_000):
        tally.write(asked, asked)
        if asked == 5_000:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_loses_nothing(tmp_path):
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "queries"), os.getcwd()])
    assert died.returncode == -signal.SIGKILL
    assert read_tally(tmp_path / "queries") == (5_000, 5_000)


class TestVictimThatIsDown:
    SAMPLES = samples_for(VICTIM, 2 * FAILURES_IN_A_ROW)[0]

    @pytest.mark.parametrize("kind", [RaisesFor, AnswersNaNFor])
    def test_it_ends_the_run(self, kind):
        metered = Metered(kind(VICTIM, lambda row: True), batch_size=16)
        with pytest.raises(VictimError, match=f"could not answer {FAILURES_IN_A_ROW} samples in a row, the last bec"):
            metered.ask_once(range(len(self.SAMPLES)), self.SAMPLES)

    def test_one_answer_between_failures_is_enough(self):
        good = self.SAMPLES[:: FAILURES_IN_A_ROW // 2]
        victim = RaisesFor(VICTIM, lambda row: not any(np.array_equal(row, one) for one in good))
        metered = Metered(victim, batch_size=16)
        answers = metered.ask_once(range(len(self.SAMPLES)), self.SAMPLES)
        assert len(answers.failed) == len(self.SAMPLES) - len(good)
