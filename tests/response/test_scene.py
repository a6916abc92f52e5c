"""Scenes: what the response model is shown is what the engine renders."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from brinkmap.distortions import Medium, arsenal  # noqa: E402
from brinkmap.plan import Canvas, Cards, Palette, make_grid  # noqa: E402
from brinkmap.response.scene import Scene  # noqa: E402

SHAPES = [(2, 37), (3, 9, 7), (1, 4, 6, 5)]


def loaded(shape, patch, bounds=(0.0, 1.0)):
    cards = Cards(arsenal(["illuminate", "gaussian-noise"], Medium(shape, None)))
    canvas = Canvas(shape, bounds, make_grid(patch, shape[1:]), cards, seed=3)
    rng = np.random.default_rng(0)
    samples = (bounds[0] + canvas.span * rng.random((3, *shape))).astype(np.float32)
    palette, scene = Palette(canvas, 3), Scene(canvas, 3)
    for slot, sample in enumerate(samples):
        palette.load(slot, sample, slot)
        scene.load(slot, palette)
    codes = rng.integers(0, len(cards) + 1, (3, canvas.grid.cells))
    return canvas, samples, scene.view(torch.arange(3)), torch.from_numpy(codes), palette


@pytest.mark.parametrize("bounds", [(0.0, 1.0), (-4.0, 4.0)])
@pytest.mark.parametrize("patch", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_renders_what_the_engine_renders(shape, patch, bounds):
    canvas, samples, view, codes, _ = loaded(shape, patch, bounds)
    for row, sample in enumerate(samples):
        expected, _ = canvas.render(sample, row, codes[row].numpy())
        shown = view.render(codes)[row].numpy()
        np.testing.assert_allclose(shown, (expected - bounds[0]) / canvas.span, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_energies_are_the_palettes(shape):
    canvas, _, view, codes, palette = loaded(shape, 3)
    palette.prepare(np.arange(3), codes.numpy())
    exact = palette.squared_l2(np.arange(3), canvas.inks.shown(codes.numpy().astype(np.int16)))
    np.testing.assert_allclose(view.energy.gather(1, codes[:, None])[:, 0].sum(1), exact, rtol=1e-5)


@pytest.mark.parametrize("patch", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_gains_add_up_to_what_a_linear_function_falls_by(shape, patch):
    """For a linear function the first order is all there is, whatever the plan."""
    canvas, _, view, codes, _ = loaded(shape, patch)
    slope = torch.from_numpy(np.random.default_rng(1).standard_normal((3, canvas.size)).astype(np.float32))
    promised = view.gains(slope).gather(1, codes[:, None])[:, 0].sum(1)
    fall = ((view.clean - view.render(codes).flatten(1)) * slope).sum(1)
    torch.testing.assert_close(promised, fall, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("patch", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_apart_adds_up_to_the_squared_distance_between_two_plans(shape, patch):
    _, _, view, codes, _ = loaded(shape, patch)
    others = torch.roll(codes, 1, dims=1)
    apart = view.apart(codes).gather(1, others[:, None])[:, 0].sum(1)
    exact = (view.render(others) - view.render(codes)).flatten(1).square().sum(1)
    torch.testing.assert_close(apart, exact, atol=1e-4, rtol=1e-4)
