"""The reports of everything that is no audit: they say what the folder holds, and can be made again."""

import json

import numpy as np
import pandas as pd
import pytest
from views import HOSTILE

from brinkmap.benchmark.board import keep_board, kept_board, standings
from brinkmap.cli import main
from brinkmap.errors import InputError
from brinkmap.explain import Explanation
from brinkmap.explain.kept import SHOWN, Kept, kept_maps
from brinkmap.explain.overlay import Scene
from brinkmap.report import publish, render

BOARD = {"title": "Leaderboard", "about": "a set", "command": "brinkmap leaderboard", "source": {"set": "s"}}


def board(accuracies, clean=1.0):
    rows = [("clean", "", clean, 0.0), *((kind, severity, share, l2) for kind, severity, share, l2 in accuracies)]
    table = pd.DataFrame(rows, columns=["distortion", "severity", "accuracy", "l2"])
    return table.assign(samples=10, clean_accuracy=clean)


TABLES = {
    "weak": board([("blur", "x2", 0.5, 1.0), ("blur", "x4", 0.1, 2.0)]),
    HOSTILE[1]: board([("blur", "x2", 1.0, 1.0), ("blur", "x4", 0.7, 2.0)]),
}


def test_a_leaderboard_reads_back_in_order_and_puts_the_best_first(tmp_path):
    keep_board(tmp_path, TABLES)
    read = kept_board(tmp_path)
    assert list(read) == list(TABLES)
    assert read["weak"]["severity"].tolist() == ["", "x2", "x4"]
    best, worst = standings(read)
    assert (best.model, worst.model) == (HOSTILE[1], "weak")
    assert (round(best.error, 3), round(worst.error, 3)) == (0.15, 0.7)
    assert worst.relative == 1.0


def test_a_leaderboard_is_shown_with_names_escaped(tmp_path):
    keep_board(tmp_path, TABLES)
    text = publish(tmp_path, "leaderboard", BOARD).read_text()
    assert "onerror=&#34;" in text
    assert "<img" not in text
    assert "blur, x4" in text
    assert "the baseline of relative errors is weak" in text
    assert "accuracy, distorted" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", "distortion,severity,accuracy,l2,clean_accuracy,model\n"])
def test_a_spoilt_leaderboard_is_told_in_one_line(content, tmp_path):
    keep_board(tmp_path, TABLES)
    publish(tmp_path, "leaderboard", BOARD)
    (tmp_path / "leaderboard.csv").write_text(content)
    with pytest.raises(InputError, match=r"leaderboard\.csv"):
        render(tmp_path)


@pytest.mark.parametrize("shape", [(2, 60), (1, 12, 12), (3, 5, 10, 8)], ids=str)
def test_explanations_show_samples_maps_masks_and_words(shape, tmp_path):
    kept = Kept(tmp_path, {"victim": "v"})
    rng = np.random.default_rng(0)
    for index in range(2):
        found = rng.uniform(-1, 1, shape[1:]).astype(np.float32) * (index == 0)
        explanation = Explanation(
            index=index, method="rise", target=1, reference=1, answer=np.float32([0.2, 0.8]), map=found, queries=31
        )  # fmt: skip
        sample = rng.uniform(0, 1, shape).astype(np.float32)
        kept.keep(explanation, Scene(sample, (0.0, 1.0), "title"))
    kept.finish(("<b>.png", "two.png"))
    facts = {"title": "Maps", "command": "brinkmap explain", "class_names": ["cat", "dog"], "bounds": [0, 1],
             "unit": "", "rate_hz": None, "method": "rise"}  # fmt: skip
    path = publish(tmp_path, "explain", facts)
    text = path.read_text()
    assert "&lt;b&gt;.png: dog, answered at 80%" in text
    assert "no mask found" in text
    assert "<b>.png" not in text
    assert text.count("data:image/png") == (0 if len(shape) == 2 else 6)
    assert ("Stop the clips" in text) == (len(shape) == 4)
    before = path.read_bytes()
    path.unlink()
    assert render(tmp_path).read_bytes() == before


def test_only_the_first_samples_are_kept_beside_their_maps(tmp_path):
    kept = Kept(tmp_path, {})
    for index in (0, SHOWN):
        one = Explanation(index=index, method="m", target=0, reference=0, answer=None, queries=1,
                          map=np.ones(4, np.float32))  # fmt: skip
        kept.keep(one, Scene(np.zeros((1, 4), np.float32), (0.0, 1.0), ""))
    assert list(kept_maps(tmp_path)) == [0]


def harden(folder, audited=""):
    picked = {"epoch": 4, "seconds": 2.0, "natural": {"validation": 0.9}, "judged": {"validation": 0.6}, "queries": 70}
    kept = {"recipe": "Recipe(<x>)", "picked": picked, "epochs": 8, "ended": "patience", "patience": 2}
    (folder / "summary.json").write_text(json.dumps(kept))
    (folder / "history.csv").write_text(
        "epoch,seconds,loss,reward,natural_validation,judged_validation\n2,1.0,2.1,-0.2,0.5,0.2\n4,2.0,1.1,0.2,0.9,0.6\n"
    )
    side = {"samples": 9, "queries": 99, "l2_mean": None, "queries_capped_mean": 20.0}
    trained = {"seconds": 2.5, "epochs": 8, "picked": 4, "training_queries": 70, "ended": "patience"}
    found = {"hardened": side | trained | {"clean_accuracy": 0.8, "success_rate": 0.25},
             "before": side | {"clean_accuracy": 0.9, "success_rate": 0.75},
             "pgd": side | trained | {"clean_accuracy": 0.7, "success_rate": 0.5, "ended": "seconds"}}  # fmt: skip
    (folder / "before-after.json").write_text(json.dumps(found))
    columns = ["before", "hardened", "pgd"] if audited else []
    facts = {"title": "Hardening", "command": "brinkmap harden", "adversary": "FGSM", "gradient": "FGSM",
             "audited": audited, "columns": columns}  # fmt: skip
    return publish(folder, "harden", facts).read_text()


def test_hardening_shows_before_and_after_and_every_look(tmp_path):
    text = harden(tmp_path, audited="9 samples")
    assert "75.0% → 25.0%" in text
    assert "90.0% → 80.0%" in text
    assert text.index(">before<") < text.index(">hardened<") < text.index(">pgd<")
    assert "after 2 looks without a better one" in text
    assert "4 (picked)" in text
    assert "Recipe(&lt;x&gt;)" in text
    assert "After the last, validation: 60%" in text


def test_an_audit_of_an_earlier_training_is_not_shown(tmp_path):
    assert "No attack was made before and after" in harden(tmp_path)


def test_a_test_set_is_shown_and_a_comparison_too(tmp_path, capsys):
    pytest.importorskip("torch")
    out = {name: str(tmp_path / name) for name in ("set", "side")}
    of = ["--victim", "digits", "--data", "digits", "--limit", "6", "--name", "<b>set", "--out", out["set"]]
    made = ["--distortions", "illuminate", "--severities", "level:5", "x2", "--budget", "30"]
    assert main(["benchmark", *of, *made]) == 0
    text = (tmp_path / "set" / "report.html").read_text()
    assert "Test set &lt;b&gt;set" in text
    assert "illuminate, x2" in text
    assert text.count("data:image/png") == 3
    assert main(["compare", "--attacks", "random", "square", "--samples", "6", "--budget", "20", "--max-l2", "2",
                 "--out", out["side"]]) == 0  # fmt: skip
    text = (tmp_path / "side" / "report.html").read_text()
    assert "Natural, L2 &lt;= 2" in text
    assert "Unnatural, norm-matched, L2 &lt;= 2" in text
    assert "digits: success rate" in text
    for folder in out.values():
        before = (tmp_path / folder / "report.html").read_bytes()
        assert main(["report", folder]) == 0
        assert (tmp_path / folder / "report.html").read_bytes() == before
