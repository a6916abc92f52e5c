"""What reads a network: right where the answer is known, the same alone as in company, and without a trace left."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

torch = pytest.importorskip("torch")
nn = torch.nn

from open_networks import GRADIENTS, METHODS, SHAPES, explained, known, learned, middle, shown  # noqa: E402

from brinkmap.errors import InputError  # noqa: E402
from brinkmap.explain.cam import GradCAM  # noqa: E402
from brinkmap.explain.gradients import GradientTimesInput, IntegratedGradients, SmoothGrad  # noqa: E402
from brinkmap.explain.network import Network, randomised  # noqa: E402
from brinkmap.explain.protocol import BlackBox, WhiteBox  # noqa: E402

ranks = pytest.mark.parametrize("rank", SHAPES)
methods = pytest.mark.parametrize("method", METHODS, ids=repr)


@ranks
@methods
def test_a_map_is_highest_where_the_logit_reads_the_sample(method, rank):
    samples = shown(rank)
    maps = explained(method, Network(known(rank)), samples)
    inside = middle(SHAPES[rank][1:])
    assert (maps.shape, maps.dtype) == ((len(samples), *SHAPES[rank][1:]), np.float64)
    for one in maps:
        assert inside[np.unravel_index(one.argmax(), one.shape)]
        assert np.abs(one[inside]).sum() > 0.8 * np.abs(one).sum()


@ranks
@methods
def test_another_class_has_its_evidence_elsewhere(method, rank):
    one = explained(method, Network(known(rank)), shown(rank), [1, 1, 1])[0]
    inside = middle(SHAPES[rank][1:])
    assert np.abs(one[~inside]).sum() > 0.8 * np.abs(one).sum()


@ranks
@methods
def test_a_sample_is_explained_alone_as_in_company(method, rank):
    net, samples = Network(learned(rank)), np.random.default_rng(0).random((4, *SHAPES[rank]), dtype=np.float32)
    targets = np.array([0, 1, 2, 3])
    together = explained(method, net, samples, targets)
    rngs = [np.random.default_rng([0, index]) for index in range(4)]
    alone = [method.maps(net, samples[[i]], targets[[i]], [rngs[i]])[0] for i in range(4)]
    assert_array_equal(together, alone)


@methods
def test_the_same_generator_gives_the_same_bits_and_no_global_one_is_touched(method):
    net, samples = Network(learned(2)), shown(2)
    torch.manual_seed(5)
    np.random.seed(5)
    before, legacy = torch.get_rng_state(), np.random.get_state()[1].copy()
    maps = [explained(method, net, samples, seed=seed) for seed in (1, 1, 2)]
    assert_array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2]) == (method != SmoothGrad())
    assert torch.equal(torch.get_rng_state(), before)
    assert_array_equal(np.random.get_state()[1], legacy)


@ranks
@pytest.mark.parametrize("training", [False, True])
@methods
def test_the_network_is_left_as_it_was(method, training, rank):
    module = learned(rank).train(training)
    module[1].train(not training)
    module[7].weight.requires_grad_(False)
    kept = {name: value.clone() for name, value in module.state_dict().items()}
    samples = shown(rank)
    before = samples.copy()
    explained(method, Network(module), samples)
    assert [one.training for one in module] == [training] + [not training] + [training] * 6
    assert all(torch.equal(value, kept[name]) for name, value in module.state_dict().items())
    assert all(one.grad is None for one in module.parameters())
    assert [one.requires_grad for one in module.parameters()] == [True] * 6 + [False, True]
    assert not any(one._forward_hooks or one._forward_pre_hooks or one._backward_hooks for one in module.modules())
    assert_array_equal(samples, before)


@methods
def test_frozen_parameters_and_double_precision_make_no_difference(method):
    module, samples = learned(2), shown(2)
    expected = explained(method, Network(module), samples)
    for one in module.parameters():
        one.requires_grad_(False)
    assert_array_equal(explained(method, Network(module), samples), expected)
    assert_allclose(explained(method, Network(module.double()), samples), expected, rtol=1e-2, atol=1e-5)


@ranks
@methods
def test_an_activation_in_place_makes_no_difference(method, rank):
    plain, inplace = known(rank), known(rank, inplace=True)
    assert_array_equal(explained(method, Network(inplace), shown(rank)), explained(method, Network(plain), shown(rank)))


class Stops(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, batch):
        with torch.no_grad():
            return self.body(batch)


@pytest.mark.parametrize("method", [GradCAM(), *GRADIENTS], ids=repr)
def test_a_network_that_stops_gradients_is_named(method):
    with pytest.raises(InputError, match=r"passes no gradient on. Take torch.no_grad"):
        explained(method, Network(Stops(known(2))), shown(2))


@methods
@pytest.mark.parametrize(
    ("samples", "targets", "rngs", "said"),
    [
        (shown(2)[:0], [], 0, r"at least one, .* got shape \(0, 2, 12, 15\)"),
        (shown(2)[0, 0], [0] * 12, 12, r"got shape \(12, 15\). Add the axis"),
        (shown(2), [0], 3, "targets: expected one for each of 3 samples, got 1"),
        (shown(2), [0] * 3, 2, "rngs: expected one for each of 3 samples, got 2"),
        (shown(2), [0, 2, 0], 3, "target: expected a class from 0 to 1, got 2"),
        (shown(2), [0, -1, 0], 3, "target: expected a class from 0 to 1, got -1"),
    ],
    ids=["none", "axes", "targets", "rngs", "class", "negative"],
)
def test_what_cannot_be_explained_is_named(method, samples, targets, rngs, said):
    with pytest.raises(InputError, match=said):
        method.maps(Network(known(2)), samples, np.array(targets), [np.random.default_rng(0)] * rngs)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: IntegratedGradients(steps=0), "steps: expected at least 1, got 0"),
        (lambda: SmoothGrad(copies=0), "copies: expected at least 1, got 0"),
        (lambda: SmoothGrad(noise=15), "noise: expected a share of the bounds, 0 to 1, got 15"),
        (lambda: Network(nn.Flatten(), outputs="labels"), "expected one of logits, probabilities, got 'labels'"),
        (lambda: randomised(Network(nn.Flatten()), np.random.default_rng(0)), "to the 0 that have parameters, got 0"),
        (lambda: randomised(Network(known(1)), np.random.default_rng(0), 3), "expected 1 to the 2 .* got 3"),
    ],
)
def test_what_cannot_work_is_said_at_once(make, said):
    with pytest.raises(InputError, match=said):
        make()


@methods
def test_they_are_white_boxes_with_names_of_their_own(method):
    assert isinstance(method, WhiteBox)
    assert not isinstance(method, BlackBox)
    assert {type(other) for other in METHODS if other.name == method.name} == {type(method)}


@ranks
@methods
def test_a_network_that_has_forgotten_is_explained_otherwise(method, rank):
    net, samples = Network(learned(rank)), shown(rank)
    kept = {name: value.clone() for name, value in net.module.state_dict().items()}
    other = randomised(net, np.random.default_rng(0))
    assert all(torch.equal(value, kept[name]) for name, value in net.module.state_dict().items())
    found, before = explained(method, other, samples), explained(method, net, samples)
    one, two = (maps - maps.mean() for maps in (np.abs(found), np.abs(before)))
    assert (one * two).sum() < 0.9 * np.linalg.norm(one) * np.linalg.norm(two) + 1e-12  # a flat map is another as well


@pytest.mark.parametrize("method", [GradCAM(), GradientTimesInput(), SmoothGrad()], ids=repr)
def test_a_caller_without_gradients_gets_the_same_map(method):
    net, samples = Network(learned(2)), shown(2)
    with torch.no_grad():
        found = explained(method, net, samples)
    assert_array_equal(found, explained(method, net, samples))
