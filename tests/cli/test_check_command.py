"""`brinkmap check` names what an audit cannot see."""

import numpy as np
import pytest

from brinkmap.cli import main

VICTIMS = """
import sys
import numpy as np
sys.path.insert(0, {tests!r})
from victims_known import Linear, Wrapped

rng = np.random.default_rng(0)

class Shuffles(Wrapped):
    def predict(self, batch):
        return np.roll(super().predict(batch), 1, axis=0)

class Wavers(Wrapped):
    def predict(self, batch):
        answers = super().predict(batch) + rng.uniform(0, 0.1, (len(batch), 3)).astype(np.float32)
        return answers / answers.sum(axis=1, keepdims=True)

def fine():
    return Linear((1, 8, 8))

def shuffles():
    return Shuffles(fine())

def wavers():
    return Wavers(fine())
"""


@pytest.fixture
def check(tmp_path, capsys):
    from pathlib import Path

    from victims_known import Linear, samples_for

    x, y = samples_for(Linear((1, 8, 8)), 20)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    (tmp_path / "kept.py").write_text(VICTIMS.format(tests=str(Path(__file__).parents[1])))

    def run(name, *more):
        words = ["check", "--victim", f"{tmp_path / 'kept.py'}:{name}", "--data", str(tmp_path / "data.npz"), *more]
        code = main(words)
        return code, "".join(capsys.readouterr())

    return run


def test_a_sound_victim(check):
    code, said = check("fine", "--samples", "5")
    assert code == 0
    assert "fine, 5 samples in 22 queries" in said


@pytest.mark.parametrize(
    ("name", "found"), [("shuffles", "asked in reverse, a sample gets another"), ("wavers", "asked again, a sample")]
)
def test_what_is_wrong_is_named(check, name, found):
    code, said = check(name)
    assert code == 1
    assert found in said


def test_too_few_samples(check):
    code, said = check("fine", "--samples", "1")
    assert code == 2
    assert "samples: expected at least 2, got 1" in said
