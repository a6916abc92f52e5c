"""`brinkmap train --policy`: a policy beside the response model, which audit takes."""

import numpy as np
import pytest

pytest.importorskip("torch")

from brinkmap.agents.saved import read_agent
from brinkmap.cli import main

VICTIM = """
import numpy as np
import brinkmap

def answer(batch):
    motion = np.abs(np.diff(batch.astype(np.float64), axis=2)).reshape(len(batch), -1).mean(axis=1)
    share = 1 / (1 + np.exp(-40 * (motion - 0.3)))
    return np.stack([share, 1 - share], axis=1)

def moves():
    return brinkmap.wrap(answer, shape=(1, 4, 6, 6), classes=2)
"""
TRAIN = ["train", "--victim", "victim.py:moves", "--data", "clips.npz", "--patch", "2x3x3", "--distortions", "flicker"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "victim.py").write_text(VICTIM)
    samples = np.random.default_rng(0).random((12, 1, 4, 6, 6)).astype(np.float32)
    np.savez(tmp_path / "clips.npz", x=samples, y=np.zeros(12, np.int64))
    return tmp_path


def test_the_policy_lies_beside_the_model_and_audit_takes_it(folder, capsys):
    flags = ["--queries", "256", "--passes", "1", "--policy", "joint", "--updates", "2", "--max-l2", "1.5"]
    assert main([*TRAIN, *flags, "--out", "made"]) == 0
    said = capsys.readouterr().out
    assert "training queries: 256" in said
    assert "agent: made/agent-joint.safetensors" in said
    card = read_agent("made/agent-joint.safetensors")[0]
    assert card["training_queries"] == 256
    assert card["temporal_shift"]
    wanted = {"heads": "joint", "max_l2": 1.5, "updates": 2}
    assert {name: card["policy"][name] for name in wanted} == wanted
    assert read_agent("made/agent.safetensors")[0]["kind"] == "response"
    audit = ["audit", "--victim", "victim.py:moves", "--data", "clips.npz", "--limit", "2", "--budget", "4"]
    assert main([*audit, "--agent", "made/agent-joint.safetensors", "--refine-budget", "0"]) == 0


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--policy", "both"], "policy: expected flat, joint, temporal, spatial, got 'both'"),
        (["--policy", "flat", "--updates", "0"], "updates: expected at least 1"),
        (["--policy", "flat", "--kind", "ppo"], "policy: is trained in a response model, which --kind ppo has not"),
    ],
    ids=str,
)
def test_bad_policies_are_one_line_before_anything_is_paid(folder, capsys, flags, said):
    assert main([*TRAIN, *flags]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (folder / "brinkmap-agent" / "checkpoint.safetensors").exists()
