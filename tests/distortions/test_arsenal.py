"""From what a user names to the distortions an attack uses."""

from dataclasses import dataclass

import numpy as np
import pytest

from brinkmap.distortions import NATURAL, Medium, arsenal
from brinkmap.distortions.noise import GaussianNoise
from brinkmap.distortions.tone import Illuminate, Tint, tint
from brinkmap.errors import InputError

PICTURE, SIGNAL, LEADS = Medium((3, 8, 8)), Medium((1, 100)), Medium((12, 100))


@dataclass(frozen=True)
class OnlyVideo:
    """A filter that works on one rank only."""

    name: str = "only-video"
    levels: int = 1
    ranks: tuple[int, ...] = (3,)
    natural: bool = True

    def paint(self, sample, level, rng, grid):
        return sample + np.float32(0.5)


FILE = """
class Fog:
    "Fog."
    name, levels, ranks, natural = "fog", 2, (1, 2, 3), True
    def paint(self, sample, level, rng, grid):
        return sample
thick_fog = Fog()
thick_fog.name = "thick-fog"
nothing = 3
"""


def names(wanted, medium=PICTURE):
    return [one.name for one in arsenal(wanted, medium)]


@pytest.mark.parametrize(
    ("wanted", "medium", "found"),
    [
        (["gaussian-noise", "dead-pixel"], PICTURE, ["gaussian-noise", "dead-pixel"]),
        (["illuminate"], PICTURE, ["illuminate+", "illuminate-"]),
        (["illuminate-"], PICTURE, ["illuminate-"]),
        (["tint"], SIGNAL, ["tint+", "tint-"]),
        (["tint-"], SIGNAL, ["tint-"]),
        (["tint+-+"], PICTURE, ["tint+-+"]),
        (["tint+++", "illuminate+", "tint---"], PICTURE, ["tint+++", "illuminate+", "tint---"]),
        (["tint+00000000000"], LEADS, ["tint+00000000000"]),
        (["tint0000000-0000"], LEADS, ["tint0000000-0000"]),
        (["tint00000000000-"], LEADS, ["tint00000000000-"]),
        (["powerline-50", "electrode-rail"], Medium((1, 100), 360), ["powerline-50", "electrode-rail"]),
        ([GaussianNoise], PICTURE, ["gaussian-noise"]),
        ([GaussianNoise()], SIGNAL, ["gaussian-noise"]),
        ([Tint("+0-", epsilon=0.1), Illuminate("-")], PICTURE, ["tint+0-", "illuminate-"]),
        ([tint], SIGNAL, ["tint+", "tint-"]),
        (["brinkmap.distortions.noise:GaussianNoise"], PICTURE, ["gaussian-noise"]),
        ([OnlyVideo], Medium((3, 4, 8, 8)), ["only-video"]),
        (NATURAL, PICTURE, ["gaussian-noise", "gaussian-blur", "dead-pixel", "illuminate+", "illuminate-"]),
    ],
)
def test_what_is_named_is_found_in_order(wanted, medium, found):
    assert names(wanted, medium) == found


def test_an_object_is_used_as_it_is():
    mine = Tint("+0-", epsilon=0.1)
    assert arsenal([mine], PICTURE) == (mine,)


@pytest.mark.parametrize(("reference", "name"), [("Fog", "fog"), ("thick_fog", "thick-fog")])
def test_a_file_brings_its_own(tmp_path, reference, name):
    path = tmp_path / "filters.py"
    path.write_text(FILE)
    assert names([f"{path}:{reference}", "dead-pixel"]) == [name, "dead-pixel"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([], "distortions: expected at least one, got none"),
        (["fog"], "unknown distortion 'fog'. Known: .*dead-pixel, .*gaussian-noise, .*tint"),
        (["fog+"], "unknown distortion 'fog'. Known: .*dead-pixel"),
        (["jpeg80"], "unknown distortion 'jpeg80'. Known: .*dead-pixel"),
        (["dead-pixel", "dead-pixel"], r"distortions: \['dead-pixel'\] given more than once. Give each name once"),
        (["tint", "tint+-+"], r"distortions: \['tint\+-\+'\] given more than once"),
        (["illuminate", Illuminate("-")], r"\['illuminate-'\] given more than once"),
        ([OnlyVideo()], r"'only-video' works on samples of rank \(3,\), these are of rank 2 \(shape \(3, 8, 8\)\)"),
        (["tint+-"], r"distortion 'tint\+-' does not fit 3 channels. Those that do: tint\+\+\+, tint\+\+-, "),
        (["tint++++"], r"distortion 'tint\+\+\+\+' does not fit 3 channels"),
        (["illuminate+-"], r"distortion 'illuminate\+-' does not fit 3 channels. Those that do: illuminate\+, illum"),
        ([3], "expected an object with name, levels, ranks, natural and paint.., or a function, got 3"),
        ([object], "expected an object with name, levels, ranks, natural and paint.., or a function, got <object"),
        (["math:pi"], "expected an object with name, levels, ranks, natural and paint.., or a function, got 3.14"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_named(wanted, said):
    with pytest.raises(InputError, match=said):
        arsenal(wanted, PICTURE)


def test_a_pattern_of_signs_that_is_not_offered_is_told_what_is():
    with pytest.raises(InputError, match=r"'tint\+{12}' does not fit 12 channels. Those that do: tint\+0{11}, tint-0"):
        arsenal(["tint" + "+" * 12], LEADS)


def test_a_file_without_such_a_distortion_is_named(tmp_path):
    path = tmp_path / "filters.py"
    path.write_text(FILE)
    with pytest.raises(InputError, match="got 3"):
        arsenal([f"{path}:nothing"], PICTURE)
    with pytest.raises(InputError, match="has no 'Rain'"):
        arsenal([f"{path}:Rain"], PICTURE)
