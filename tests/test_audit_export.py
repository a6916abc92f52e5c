"""Exported files: scored again, counted, paid for, and refused where they cannot be written."""

import json

import numpy as np
import pytest

import audited
from audited import LABELS, RUN, SAMPLES, VICTIM, Stopped, stop_after
from brinkmap import InputError, Presentation, Run, audit
from brinkmap.rows import read_results
from victims_known import CountsSamples, FlipsWhenDark, Linear, samples_for

shown = audited.shown  # a fixture for every test here


@pytest.mark.parametrize("kind", ["png", "npy"])
@pytest.mark.parametrize("channels", [1, 3])
def test_exported_files_survive_and_their_queries_are_counted(tmp_path, kind, channels):
    victim = CountsSamples(Linear((channels, 8, 8), bounds=(-1.0, 1.0)))
    run = Run(**vars(RUN) | {"quantise": 8})
    done = audit(
        victim, *samples_for(victim.victim, 12), run, out=tmp_path, presentation=Presentation(export=kind)
    ).summary
    assert done["export"] == {"files": done["successes"], "survived": done["successes"], "queries": done["successes"]}
    assert done["successes"] >= 3
    assert done["ledger_total"] == victim.seen == done["queries_total"] + done["export"]["queries"]
    assert done["queries_lost"] == 0
    names = {f"{one.index:06d}.{kind}" for one in read_results(tmp_path / "results.parquet") if one.success}
    assert {path.name for path in (tmp_path / "adversarial").iterdir()} == names


def test_scoring_files_again_is_paid_for_again(tmp_path):
    victim = CountsSamples(VICTIM)
    for times in (1, 2):
        done = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path, presentation=Presentation(export="npy")).summary
        assert done["export"]["queries"] == times * done["successes"]
        assert done["ledger_total"] == victim.seen
        assert done["queries_lost"] == 0


class InterruptedAfter(CountsSamples):
    """Is interrupted in the batch that comes once it has seen so many samples."""

    def __init__(self, victim, seen):
        super().__init__(victim)
        self.most = seen

    def predict(self, batch):
        if self.seen >= self.most:
            self.seen += len(batch)
            raise KeyboardInterrupt
        return super().predict(batch)


def test_what_was_asked_about_files_before_a_kill_is_counted(tmp_path):
    whole = audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path / "whole").summary
    dying, victim = InterruptedAfter(VICTIM, whole["ledger_total"]), CountsSamples(VICTIM)
    presentation = Presentation(export="npy")
    with pytest.raises(KeyboardInterrupt):
        audit(dying, SAMPLES, LABELS, RUN, out=tmp_path / "run", presentation=presentation)
    assert dying.seen > whole["ledger_total"]
    done = audit(victim, SAMPLES, LABELS, RUN, out=tmp_path / "run", presentation=presentation).summary
    assert done["ledger_total"] == dying.seen + victim.seen
    assert done["queries_lost"] == dying.seen - whole["ledger_total"]
    costs = json.loads((tmp_path / "run" / "run.json").read_text())["costs"]
    assert costs["ledger_sent"] == costs["ledger_total"] == done["ledger_total"]


def test_a_stopped_run_still_exports_every_success(tmp_path):
    presentation = Presentation(export="npy")
    with pytest.raises(Stopped):
        audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path, presentation=presentation, watch=stop_after(6))
    done = audit(VICTIM, SAMPLES, LABELS, RUN, out=tmp_path, presentation=presentation).summary
    assert done["export"]["files"] == done["export"]["survived"] == done["successes"] > 3


def test_files_that_do_not_survive_are_not_counted_as_if_they_did(tmp_path):
    """Without `quantise` the nearest flips are lost in 8 bits."""
    victim, samples = FlipsWhenDark(cell=0, patch=8, level=0.503, fall=0.2999), np.full((1, 1, 8, 8), 0.503, np.float32)
    run = Run(agent="greedy", distortions=("illuminate",), patch=8, budget=20)
    done = audit(victim, samples, None, run, out=tmp_path, presentation=Presentation(export="png")).summary
    assert (done["export"]["files"], done["export"]["survived"]) == (1, 0)


@pytest.mark.parametrize(
    ("shape", "kind", "said"),
    [
        ((1, 8, 8), "gif", "export: expected png or npy, got 'gif'"),
        (
            (2, 8, 8),
            "png",
            r"export png: expected pictures of 1 or 3 channels, got samples of shape \(2, 8, 8\). Use npy",
        ),
        ((1, 16), "png", "export png: expected pictures"),
    ],
    ids=str,
)
def test_an_export_that_cannot_work_is_refused_and_leaves_no_folder(tmp_path, shape, kind, said):
    victim = CountsSamples(Linear(shape))
    with pytest.raises(InputError, match=said):
        audit(victim, *samples_for(victim.victim, 2), RUN, out=tmp_path / "new", presentation=Presentation(export=kind))
    assert victim.seen == 0
    assert not (tmp_path / "new").exists()
