"""The factorised agent: how cells are split, what proposals look like, and that both accounts learn."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import brinkmap
from brinkmap import Run
from brinkmap.agents.factorised import FactorisedAgent, frames_only, joint, patches_only, spatial, temporal
from brinkmap.attack import attack
from brinkmap.plan import make_grid
from brinkmap.testing import check_agent
from victims_known import FlipsWhenDark, Known, Linear, samples_for


@pytest.mark.parametrize("make", [FactorisedAgent, temporal, spatial])
def test_it_keeps_the_contract(make):
    check_agent(make())


@pytest.mark.parametrize(
    ("extent", "patch", "frames", "patches"),
    [((12,), 3, 1, 4), ((8, 6), 2, 1, 12), ((4, 8, 6), "1x2x2", 4, 12), ((4, 8, 6), ("2x4x3", "1x2x2"), 6, 16)],
)
def test_cells_are_where_a_frame_and_a_patch_meet(extent, patch, frames, patches):
    grid = make_grid(patch, extent)
    split = joint(grid)
    assert (len(set(split.frame_of)), len(set(split.patch_of))) == (frames, patches)
    assert len(set(zip(split.frame_of, split.patch_of, strict=True))) == grid.cells
    for cell in range(grid.cells):
        same = [other for other in range(grid.cells) if split.patch_of[other] == split.patch_of[cell]]
        assert {str(grid.box(other)[-2:]) for other in same} == {str(grid.box(cell)[-2:])}


def test_one_head_alone_has_whole_frames_or_patches_through_all_of_them():
    grid = make_grid("1x2x2", (3, 4, 4))
    assert_array_equal(frames_only(grid).frame_of, np.repeat([0, 1, 2], 4))
    assert set(frames_only(grid).patch_of) == {0}
    assert_array_equal(patches_only(grid).patch_of, np.tile([0, 1, 2, 3], 3))
    assert set(patches_only(grid).frame_of) == {0}


class Watched(FactorisedAgent):
    """Keeps its proposals."""

    def propose(self, slots, observation, rngs):
        made = super().propose(slots, observation, rngs)
        self.made = [*getattr(self, "made", []), *made[~observation.refining]]
        return made


@pytest.mark.parametrize("split", [joint, frames_only, patches_only])
def test_what_is_added_are_tubes(split):
    victim = Linear((1, 4, 6, 6))
    samples, _ = samples_for(victim, 6)
    agent = Watched(split)
    list(attack(victim, samples, None, Run(agent=agent, patch="1x2x2", budget=40, distortions=("dead-pixel",))))
    adds = np.array(agent.made).reshape(-1, 4, 9) > 1
    assert adds.any(axis=(1, 2)).all()
    for one in adds:
        frames, patches = one.any(axis=1), one.any(axis=0)
        assert_array_equal(one, np.outer(frames, patches))
        assert split is not frames_only or patches.all()
        assert split is not patches_only or frames.all()
    sizes = adds.sum(axis=(1, 2))
    assert len(set(sizes)) > (1 if split is joint else 0)


class BrightIn(Known):
    """The brighter one patch of one frame, the surer of class 0."""

    def __init__(self, frame, place):
        super().__init__((1, 4, 6, 6), 2)
        self.box = (
            0,
            frame,
            slice(2 * (place // 3), 2 * (place // 3) + 2),
            slice(2 * (place % 3), 2 * (place % 3) + 2),
        )

    def answer(self, row):
        share = 0.5 + 0.4 * float(row.reshape(self.shape)[self.box].mean()) / 2**16
        return [share, 1 - share]


@pytest.mark.parametrize(("frame", "place"), [(2, 4), (0, 8)])
def test_both_accounts_learn_where_it_matters(frame, place):
    agent = FactorisedAgent()
    victim = BrightIn(frame, place)
    samples = np.full((1, 1, 4, 6, 6), 0.6, np.float32)
    list(
        attack(victim, samples, None, Run(agent=agent, patch="1x2x2", budget=300, distortions=("illuminate",), slots=1))
    )
    darker = 1  # illuminate-
    assert agent._temporal[0, :, darker].argmax() == frame
    assert agent._spatial[0, :, darker].argmax() == place


@pytest.mark.parametrize(("shape", "patch", "cell"), [((1, 8, 8), 2, 5), ((2, 24), 4, 3)])
def test_without_frames_it_finds_the_one_weak_patch(shape, patch, cell):
    victim = FlipsWhenDark(cell, shape, patch)
    samples = np.full((1, *shape), 0.55, np.float32)
    run = Run(agent="factorised", patch=patch, budget=300, distortions=("illuminate",))
    [result] = brinkmap.attack(victim, samples, None, run)
    assert result.success
    assert result.plan[cell, 1] > 0
