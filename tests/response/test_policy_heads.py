"""The heads of a policy for clips: frames and patches have scores of their own, and a cell the sum of both."""

import math

import pytest

torch = pytest.importorskip("torch")
from test_policy import SHAPES, Tint, canvas_of, sight_of, view_of  # noqa: E402

from brinkmap.env.vector import Reward  # noqa: E402
from brinkmap.response.cells import cell_counts  # noqa: E402
from brinkmap.response.dream import Dream, Dreaming  # noqa: E402
from brinkmap.response.policy import CHEAP, HEADS, Policy, shared  # noqa: E402

CLIP = SHAPES[3]
CANVAS = canvas_of(CLIP, "1x2x2") if torch else None
COUNTS = cell_counts(CANVAS)


def opinionated(heads, rank=3, canvas=CANVAS):
    torch.manual_seed(0)
    policy = Policy(canvas.shape[0], rank, len(canvas.cards), width=8, heads=heads)
    with torch.no_grad():
        for head in policy.head.values():
            head.weight.mul_(300)
    return policy


def seen(n=4):
    return sight_of(CANVAS, view_of(CANVAS, n), n)


def in_time_and_space(scores):
    return scores.unflatten(2, (COUNTS[0], math.prod(COUNTS[1:])))


@pytest.mark.parametrize("heads", HEADS)
def test_the_score_of_a_cell_is_the_sum_of_what_the_heads_say(heads):
    policy, sight = opinionated(heads), seen()
    with torch.no_grad():
        scores, parts = policy(sight), policy.parts(sight)
    assert [*parts] == [*HEADS[heads]]
    total = torch.zeros(4, len(CANVAS.cards) + 1, *COUNTS)
    for part in parts.values():
        total = total + part
    torch.testing.assert_close(scores, total.flatten(2))
    assert not scores[:, 0].any()


def test_both_together_factorise_and_single_cells_do_not():
    """What a patch is worth beyond another is the same in every frame."""
    for heads, factorised in (("joint", True), ("flat", False)):
        with torch.no_grad():
            scores = in_time_and_space(opinionated(heads)(seen()))
        beyond_first = scores - scores[..., :1]
        assert torch.allclose(beyond_first, beyond_first[:, :, :1], atol=1e-4) == factorised
        assert (scores.std(dim=2) > 0).any()
        assert (scores.std(dim=3) > 0).any()


@pytest.mark.parametrize(("heads", "same", "differs"), [("temporal", 3, 2), ("spatial", 2, 3)])
def test_one_head_alone_does_not_tell_apart_what_is_not_its_own(heads, same, differs):
    with torch.no_grad():
        scores = in_time_and_space(opinionated(heads)(seen()))
    assert torch.equal(scores, scores.narrow(same, 0, 1).expand_as(scores))
    assert not torch.allclose(scores, scores.narrow(differs, 0, 1).expand_as(scores))


@pytest.mark.parametrize("heads", HEADS)
@pytest.mark.parametrize("rank", [1, 2])
def test_without_a_time_axis_all_are_flat_to_the_bit(rank, heads):
    canvas = canvas_of(SHAPES[rank], 2)
    policy, flat = (opinionated(one, rank, canvas) for one in (heads, "flat"))
    sight = sight_of(canvas, view_of(canvas, 3), 3)
    assert policy.heads == "flat"
    with torch.no_grad():
        assert torch.equal(policy(sight), flat(sight))
        assert torch.equal(policy.unlearned(sight), flat.unlearned(sight))


@pytest.mark.parametrize("rank", SHAPES)
def test_flat_scores_are_to_the_bit_what_they_were_before_there_were_heads(rank):
    canvas = canvas_of(SHAPES[rank], 2)
    policy, sight = opinionated("flat", rank, canvas), sight_of(canvas, view_of(canvas, 3), 3)
    with torch.no_grad():
        gains, energy = sight.scaled()
        told = policy.head["cell"](policy._features(sight, gains, energy)).flatten(2)
        scores = told[:, :1].exp() * gains - (told[:, 1:2] + CHEAP).exp() * energy + told[:, 3:]
        scores = scores.scatter_add(1, sight.codes[:, None], told[:, 2:3])
        assert torch.equal(policy(sight), scores - scores[:, :1])


def test_untrained_both_together_are_the_nearest_sum_to_what_single_cells_promise():
    """Nearest in squares: what is left over has no mean in any frame nor in any patch."""
    sight = seen()
    left = in_time_and_space(opinionated("flat").unlearned(sight) - opinionated("joint").unlearned(sight))
    assert left.abs().max() > 0.1
    for axis in (2, 3):
        torch.testing.assert_close(left.mean(dim=axis), torch.zeros_like(left.mean(dim=axis)), atol=1e-5, rtol=0)


def test_noise_is_shared_by_what_a_head_does_not_tell_apart():
    noise, by_frame = torch.randn(2, 3, math.prod(COUNTS)), torch.tensor([True, False])
    assert shared(noise, "flat", COUNTS, by_frame) is noise
    frames, patches, both = (
        in_time_and_space(shared(noise, one, COUNTS, by_frame)) for one in ("temporal", "spatial", "joint")
    )
    assert torch.equal(frames, in_time_and_space(noise)[..., :1].expand_as(frames))
    assert torch.equal(patches, in_time_and_space(noise)[:, :, :1].expand_as(patches))
    assert torch.equal(both, torch.stack([frames[0], patches[1]]))


class OneFrameDecides(torch.nn.Module):
    """The frame of the brightest value decides, once all of it is lower; slopes elsewhere are of no consequence."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(2, 2)
        with torch.no_grad():
            self.head.weight.copy_(torch.tensor([[2.0, 0.05], [-2.0, -0.05]]))
            self.head.bias.zero_()

    def features(self, samples):
        frames = samples.flatten(3)[:, 0]
        decides = torch.sigmoid(80 * (frames.mean(dim=2).amax(dim=1) - 0.75)) - 0.5
        return torch.stack([decides, torch.tanh(4 * (frames - 0.5)).mean(dim=(1, 2))], dim=1)


class OneBrightFrame:
    """Grey clips of which one frame is bright."""

    def __getitem__(self, number):
        rng = torch.Generator().manual_seed(number)
        sample = 0.4 + 0.2 * torch.rand(1, 6, 2, 2, generator=rng)
        sample[0, int(torch.randint(6, (1,), generator=rng))] = 0.95
        return sample.numpy()


def first_flips(policy, canvas, seed=99):
    told = Dreaming(samples=32, rollouts=1, steps=1, noise=1e-4, rate=0.0, error=0.0, spread=1.0)
    [made] = Dream(OneFrameDecides(), policy, canvas, 0.5, told, seed=seed).updated(OneBrightFrame(), 1)
    return made.first


def practising(heads, **settings):
    torch.manual_seed(0)
    canvas = canvas_of((1, 6, 2, 2), 1, [Tint("+", 0.24, levels=1), Tint("-", 0.24, levels=1)])
    policy = Policy(1, 3, len(canvas.cards), width=16, blocks=1, heads=heads)
    told = Dreaming(
        samples=8, rollouts=12, steps=1, rate=5e-3, spread=1.0, reward=Reward(distance_price=0.0), **settings
    )
    return policy, canvas, Dream(OneFrameDecides(), policy, canvas, 0.5, told)


@pytest.mark.parametrize(("heads", "finds"), [("temporal", True), ("spatial", False), ("flat", False)])
def test_trained_where_one_frame_decides_it_finds_the_frame_if_it_can_tell_frames_apart(heads, finds):
    """The bound is what one frame takes: patches through all frames leave nothing of it for any, and single cells that
    are tried each by itself hardly ever are one frame's."""
    policy, canvas, dream = practising(heads, noise=2.0, error=0.2)
    before = first_flips(policy, canvas)
    list(dream.updated(OneBrightFrame(), 100))
    after = first_flips(policy, canvas)
    assert before <= 0.3
    assert after >= 0.8 if finds else after <= 0.3


def test_one_update_trains_both_heads():
    policy, _, dream = practising("joint", noise=2.0)
    before = {name: one.clone() for name, one in policy.head.state_dict().items()}
    list(dream.updated(OneBrightFrame(), 1))
    assert {name.split(".")[0] for name in before} == {"temporal", "spatial"}
    assert all((one != before[name]).any() for name, one in policy.head.state_dict().items())
