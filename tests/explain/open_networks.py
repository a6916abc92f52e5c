"""Small networks to look into, one of which reads a place that is known, and who is to look."""

import math
from importlib.util import find_spec

import numpy as np
import torch
from torch import nn

from brinkmap.explain.cam import AblationCAM, GradCAM, ScoreCAM
from brinkmap.explain.fills import Level
from brinkmap.explain.gradients import GradientTimesInput, IntegratedGradients, SmoothGrad

SHAPES = {1: (2, 30), 2: (2, 12, 15), 3: (2, 6, 9, 12)}
CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

CAMS = [GradCAM(), AblationCAM(), ScoreCAM(fill=Level())]
GRADIENTS = [GradientTimesInput(), SmoothGrad(), SmoothGrad(copies=1, noise=0.0)]
if find_spec("captum"):
    GRADIENTS += [IntegratedGradients(), IntegratedGradients(baseline=Level())]
METHODS = CAMS + GRADIENTS


def middle(extent):
    """(*extent) bool: the middle third of each axis."""
    inside = np.zeros(extent, bool)
    inside[tuple(slice(n // 3, 2 * n // 3) for n in extent)] = True
    return inside


def known(rank, stride=1, inplace=False):
    """Logit 0 is what channel 0 shows in the middle third, logit 1 what channel 1 shows around it, both all but linear.

    A convolution whose kernel is mostly its middle, a ReLU that never cuts, and one linear layer.
    """
    channels, *extent = SHAPES[rank]
    inside = torch.from_numpy(middle(extent))[tuple(slice(None, None, stride) for _ in extent)]
    convolution = CONVOLUTIONS[rank](channels, 2, 3, stride=stride, padding=1, bias=False)
    head = nn.Linear(2 * inside.numel(), 2, bias=False)
    with torch.no_grad():
        kernel = torch.full((3,) * rank, 0.1 / 3**rank)
        kernel[(1,) * rank] = 1.0
        convolution.weight.zero_()
        convolution.weight[0, 0] = convolution.weight[1, 1] = kernel
        head.weight.zero_()
        head.weight[0, : inside.numel()] = inside.flatten().float()
        head.weight[1, inside.numel() :] = (~inside).flatten().float()
    return nn.Sequential(convolution, nn.ReLU(inplace), nn.Dropout(0.5), nn.Flatten(), head)


def shown(rank, n=3):
    """(n, c, *extent) bright in channel 0 in the middle and in channel 1 around it, and all but dark elsewhere."""
    channels, *extent = SHAPES[rank]
    drawn = np.random.default_rng(rank).random((n, channels, *extent))
    inside = middle(extent)
    return np.where(np.stack([inside, ~inside]), 0.75 + 0.2 * drawn, 0.01 * drawn).astype(np.float32)


def learned(rank):
    """A small network with every kind of layer that might go wrong, and random weights."""
    shape = SHAPES[rank]
    torch.manual_seed(rank)
    one, two = CONVOLUTIONS[rank](shape[0], 6, 3, padding=1), CONVOLUTIONS[rank](6, 8, 3, stride=2, padding=1)
    flat = 8 * math.prod((n + 1) // 2 for n in shape[1:])
    norm = NORMS[rank](6)
    norm.running_mean.normal_()
    body = (one, norm, nn.ReLU(inplace=True), two, nn.ReLU(inplace=True), nn.Flatten(), nn.Dropout(0.5))
    return nn.Sequential(*body, nn.Linear(flat, 4))


def explained(method, net, samples, targets=None, seed=0):
    targets = np.zeros(len(samples), int) if targets is None else np.asarray(targets)
    rngs = [np.random.default_rng([seed, index]) for index in range(len(samples))]
    return method.maps(net, samples, targets, rngs)
