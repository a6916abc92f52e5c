"""`brinkmap explain` as a user types it."""

import json

import numpy as np
import pytest
from PIL import Image

from brinkmap.cli import main

FLAT = """
import numpy as np

def flat(batch):
    return np.tile(np.float32([0.7, 0.3]), (len(batch), 1))

flat.shape, flat.classes = (1, 8, 8), 2
"""


def explained(out, *more: str, data: str = "digits") -> int:
    return main(["explain", "--data", data, "--limit", "3", "--out", str(out), *more])


@pytest.fixture
def victim(tmp_path):
    (tmp_path / "flat.py").write_text(FLAT)
    return f"{tmp_path / 'flat.py'}:flat"


def test_it_writes_maps_pictures_and_words(tmp_path, capsys):
    assert explained(tmp_path / "out", "--victim", "digits", "--queries", "60") == 0
    said = capsys.readouterr().out
    assert "of the evidence" in said
    assert "3 samples, 183 queries in all, 0 without a map" in said
    told = json.loads((tmp_path / "out" / "explanations.json").read_text())["explanations"]
    assert [one["index"] for one in told] == [0, 1, 2]
    assert {one["queries"] for one in told} == {61}
    for index in range(3):
        with np.load(tmp_path / "out" / "maps" / f"{index:06d}.npz", allow_pickle=False) as held:
            assert held["map"].shape == held["mask"].shape == (8, 8)
            assert held["mask"].any()
        with Image.open(tmp_path / "out" / "pictures" / f"{index:06d}.png") as picture:
            assert picture.width > 500


def test_the_same_command_goes_on(tmp_path):
    out = tmp_path / "out"
    assert explained(out, "--victim", "digits", "--method", "trace") == 0
    maps = {path.name: path.read_bytes() for path in (out / "maps").iterdir()}
    (out / "maps" / "000001.npz").unlink()
    kept = (out / "maps" / "000000.npz").stat().st_mtime_ns
    assert explained(out, "--victim", "digits", "--method", "trace") == 0
    assert (out / "maps" / "000000.npz").stat().st_mtime_ns == kept
    with np.load(out / "maps" / "000001.npz") as again:
        assert again["map"].any()
    assert set(maps) == {path.name for path in (out / "maps").iterdir()}


def test_another_run_is_not_mixed_in(tmp_path, capsys):
    assert explained(tmp_path, "--victim", "digits", "--queries", "40") == 0
    assert explained(tmp_path, "--victim", "digits", "--method", "lime") == 2
    assert "another run, which differs in method" in capsys.readouterr().err


def test_nothing_found_is_said_and_is_no_failure(tmp_path, victim, capsys):
    assert explained(tmp_path / "out", "--victim", victim, "--queries", "40") == 0
    said = capsys.readouterr().out
    assert "no mask found, the victim never moved" in said
    assert "3 without a map" in said
    with np.load(tmp_path / "out" / "maps" / "000000.npz") as held:
        assert not held["map"].any()


def test_one_picture_will_do(tmp_path, victim):
    path = tmp_path / "one.png"
    Image.fromarray(np.full((8, 8), 90, np.uint8)).save(path)
    assert explained(tmp_path / "out", "--victim", victim, "--method", "rise", "--picture", "svg", data=str(path)) == 0
    assert (tmp_path / "out" / "pictures" / "000000.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--method", "grad-cam"], "needs the victim's own PyTorch network"),
        (["--method", "nothing"], "unknown explainer 'nothing'"),
        (["--picture", "gif"], "picture: expected png or svg, got 'gif'"),
        (["--method", "lime", "--target", "7"], "expected classes from 0 to 1, got 7"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path, victim, capsys, more, message):
    assert explained(tmp_path / "out", "--victim", victim, *more) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
