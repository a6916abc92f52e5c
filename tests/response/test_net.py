"""The response model's network: what it looks at, rank by rank, and that clips have a direction in time."""

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from brinkmap.response.net import LAST, ResponseNet, deepened  # noqa: E402

WIDTHS = (4, 6, 8)


def plainly(net, pictures):
    """Features of signals, pictures or frames by themselves: the network as it was before frames saw one another."""
    out = net.stem((net.shrunk(pictures) - 0.5) * 4)
    for stage in net.stages:
        out = functional.relu(stage.straight(out) + stage.round(out))
    return out.flatten(2).mean(dim=2)


def made(rank, **settings):
    torch.manual_seed(rank)
    return ResponseNet(2, rank, 5, WIDTHS, **settings)


@pytest.mark.parametrize("temporal_shift", [True, False])
@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(("rank", "extent"), [(1, (100,)), (1, (5000,)), (2, (20, 12)), (2, (130, 70))])
def test_signals_and_pictures_are_answered_to_the_bit_as_ever(rank, extent, train, temporal_shift):
    net, samples = made(rank, temporal_shift=temporal_shift).train(train), torch.rand(3, 2, *extent)
    if rank == 2:
        samples = samples.contiguous(memory_format=torch.channels_last)
    assert torch.equal(net(samples), net.head(plainly(net, samples)))
    assert not net.temporal_shift


def test_agents_from_before_have_frames_that_do_not_see_one_another():
    net, clips = made(3, temporal_shift=False).eval(), torch.rand(3, 2, 5, 12, 9)
    frames = clips.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
    assert torch.equal(net.features(clips), plainly(net, frames).view(3, 5, -1).mean(dim=1))


@pytest.mark.parametrize(("temporal_shift", "told_apart"), [(True, True), (False, False)])
def test_a_clip_and_the_same_backwards_are_told_apart_at_no_weights(temporal_shift, told_apart):
    net, clip = made(3, temporal_shift=temporal_shift).eval(), torch.rand(1, 2, 5, 12, 9)
    assert {name: one.shape for name, one in net.state_dict().items()} == {
        name: one.shape for name, one in made(2).state_dict().items()
    }
    same = torch.allclose(net.features(clip), net.features(clip.flip(2)), atol=1e-6)
    assert same != told_apart


def test_nothing_crosses_from_one_clip_into_another():
    net, clips = made(3).eval(), torch.rand(3, 2, 5, 12, 9)
    for row in range(3):
        torch.testing.assert_close(net.features(clips)[row], net.features(clips[[row]])[0])


@pytest.mark.parametrize(("rank", "extent"), [(1, (100,)), (2, (20, 12)), (3, (5, 12, 9))])
def test_members_answer_with_the_mean_of_what_each_says_and_each_is_a_network_of_its_own(rank, extent):
    net, samples = made(rank, members=3).eval(), torch.rand(4, 2, *extent)
    each = net.each(samples)
    assert each.shape == (3, 4, 5)
    torch.testing.assert_close(each.mean(dim=0), net(samples))
    first = net.others[1].stem[0].weight
    (gradient,) = torch.autograd.grad(each[0].sum(), first, allow_unused=True, retain_graph=True)
    assert gradient is None or not gradient.any()
    (gradient,) = torch.autograd.grad(each[2].sum(), first)
    assert gradient.any()
    assert not torch.allclose(each[0], each[1])


def test_one_member_is_the_network_as_it_was():
    net, samples = made(2).eval(), torch.rand(4, 2, 20, 12)
    assert torch.equal(net.each(samples)[0], net(samples))
    assert not [name for name in net.state_dict() if name.startswith("others")]


def seen_by_the_middle(widths, length):
    """Share of a signal's values that make a difference to the place in the middle of the last resolution."""
    net, last = ResponseNet(1, 1, 2, widths).eval(), []
    net.stages[-1].register_forward_hook(lambda _, __, out: last.append(out))
    signal = torch.rand(1, 1, length, requires_grad=True)
    net(signal)
    places = last[0].shape[2]
    (slope,) = torch.autograd.grad(last[0][0, :, places // 2].square().sum(), signal)
    return places, float((slope != 0).float().mean())


@pytest.mark.parametrize("length", [200, 576, 3600])
def test_a_long_signal_is_halved_until_a_place_sees_far_along_it(length):
    places, seen = seen_by_the_middle(deepened(WIDTHS, (length,)), length)
    assert places <= LAST
    assert seen > 0.4
    assert seen_by_the_middle(WIDTHS, length)[1] < 0.2


@pytest.mark.parametrize("extent", [(8,), (20,), (8, 8), (32, 20), (90, 16, 16)])
def test_what_is_small_needs_no_further_widths(extent):
    assert deepened(WIDTHS, extent) == WIDTHS
