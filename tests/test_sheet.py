"""The contact sheets hold every filter of their rank, and leave out what cannot be drawn here."""

import sys

import pytest
from PIL import Image

from brinkmap.cli import main
from brinkmap.distortions import Family
from brinkmap.registry import entries, resolve
from brinkmap.sheet import SHEETS, sheet_rows


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda sheet: sheet.name)
def test_every_filter_of_a_rank_is_on_its_sheet(sheet):
    pytest.importorskip("pywt")
    shown = {one.name.rstrip("+-0") for one in sheet_rows(sheet.sample(), sheet)}
    rank = sheet.sample().ndim - 1
    for entry in entries("distortion"):
        found = resolve("distortion", entry.name)
        if not isinstance(found, Family) and rank in found().ranks:
            assert entry.name in shown
    assert {"tint", "illuminate"} <= shown
    assert ("powerline-6" in shown) == (rank == 1)


def test_the_command_writes_what_it_can_and_says_what_it_left_out(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pywt", None)
    monkeypatch.setattr("brinkmap.sheet.SHEETS", SHEETS[:2])
    assert main(["list", "--figures", str(tmp_path / "figures")]) == 0
    said = capsys.readouterr().out
    assert "Left out: the contact sheet of signals" in said
    assert "brinkmap[ecg]" in said
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["distortions-image.png"]
    assert Image.open(tmp_path / "figures" / "distortions-image.png").width > 500
