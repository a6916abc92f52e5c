"""Plain functions as filters: of one cell, or of the whole sample."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import brinkmap
from brinkmap.distortions import Medium, arsenal
from brinkmap.distortions.lift import lift
from brinkmap.errors import InputError
from brinkmap.plan import Canvas, Cards, make_grid


def fog(content, level, rng):
    """Fog."""
    return content + (1 - content) * np.float32(0.1 * level)


def speckles(content, level, rng):
    return content + np.float32(level) * rng.random(content.shape, np.float32)


def shade(sample, level, rng, grid):
    return sample * np.float32(0.5)


SAMPLE = np.random.default_rng(0).random((2, 9, 7), dtype=np.float32)


def canvas_of(one, patch=3):
    return Canvas(SAMPLE.shape, (0.0, 1.0), make_grid(patch, SAMPLE.shape[1:]), Cards((one,)), seed=0)


def test_a_function_of_three_arguments_sees_one_cell_at_a_time():
    seen = []

    def noted(content, level, rng):
        seen.append(content.shape)
        return fog(content, level, rng)

    painting, _ = canvas_of(lift(noted)).paint(SAMPLE, 0, 2)
    assert seen == [(2, 3, 3), (2, 3, 3), (2, 3, 1)] * 3
    assert_array_equal(painting, fog(SAMPLE, 2, None))


def test_each_cell_has_a_generator_of_its_own_that_is_the_same_at_all_levels():
    canvas = canvas_of(lift(speckles))
    first, second = (
        lift(speckles).paint(SAMPLE, level, np.random.default_rng(1), canvas.grid) - SAMPLE for level in (1, 2)
    )
    np.testing.assert_allclose(second, 2 * first, atol=1e-6)
    assert len(np.unique(first.round(4))) > SAMPLE.size // 2


def test_a_function_of_four_arguments_gets_the_whole_sample():
    assert_array_equal(canvas_of(lift(shade)).paint(SAMPLE, 0, 1)[0], SAMPLE / 2)


def test_what_is_not_stated_is_taken_from_the_function():
    one = brinkmap.distortion(levels=2, ranks=[1, 2], natural=False)(speckles)
    assert (one.name, one.levels, one.ranks, one.natural) == ("speckles", 2, (1, 2), False)
    assert (lift(fog).name, lift(fog).levels, lift(fog).ranks, lift(fog).natural) == ("fog", 5, (1, 2, 3), True)
    assert lift(fog).__doc__ == "Fog."
    assert brinkmap.distortion(name="haze")(fog).name == "haze"


def test_names_and_functions_go_together_in_an_arsenal():
    found = arsenal([fog, "gaussian-noise", brinkmap.distortion(name="haze")(fog)], Medium((2, 9, 7)))
    assert [one.name for one in found] == ["fog", "gaussian-noise", "haze"]


@pytest.mark.parametrize("function", [lambda content, level: content, lambda: 0, lambda a, b, c, d, e: a])
def test_a_function_of_another_number_of_arguments_is_refused(function):
    with pytest.raises(
        InputError, match=r"expected a function of \(content, level, rng\) for one cell, or of \(sample"
    ):
        arsenal([function], Medium((1, 8)))


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda content, level, rng: content[:, :-1], r"level 1, cell 0: expected float32 of shape \(2, 3, 3\)"),
        (lambda content, level, rng: content.astype(float), r"float64 of shape \(2, 3, 3\). Return the whole"),
        (lambda content, level, rng: None, r"cell 0: .* got NoneType of shape \(\)"),
        (lambda content, level, rng: content / 0 * 0, "painted NaN or infinity"),
        (lambda content, level, rng: 1 // 0, "level 1: ZeroDivisionError: .*check_distortion"),
    ],
    ids=["shape", "dtype", "none", "nan", "raises"],
)  # fmt: skip
def test_what_it_returns_is_checked_with_name_level_and_cell(function, said):
    with np.errstate(all="ignore"), pytest.raises(InputError, match=said):
        canvas_of(lift(function)).paint(SAMPLE, 0, 1)


def test_a_filter_that_fails_costs_no_query():
    seen = []

    def answer(batch):
        seen.append(len(batch))
        return np.full((len(batch), 2), 0.5)

    victim = brinkmap.wrap(answer, shape=(1, 8, 8), classes=2)
    samples = np.full((2, 1, 8, 8), 0.5, np.float32)
    for broken, said in [(lambda c, level, rng: c[:0], "expected float32"), (unsteady, "painted twice, it differs")]:
        with pytest.raises(InputError, match=said):
            list(brinkmap.attack(victim, samples, None, brinkmap.Run(distortions=[broken])))
    assert seen == []


def unsteady(content, level, rng):
    return content * np.float32(np.random.random())
