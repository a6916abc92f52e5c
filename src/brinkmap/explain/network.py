"""A victim's network where there is one to open: what gradients, activations and the sanity check need of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, final

import numpy as np

from brinkmap.arrays import Array, Bounds, Floats
from brinkmap.errors import InputError
from brinkmap.victims.function import FunctionVictim
from brinkmap.victims.normalisation import Normalisation, normalisation
from brinkmap.victims.protocol import Victim
from brinkmap.victims.torch_adapter import TorchFunction, as_fed

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Network", "network_of", "randomised"]


@final
@dataclass(frozen=True, eq=False)
class Network:
    """A torch victim's network, open to gradients: samples as the user has them, to logits.

    It is asked in evaluation mode and left in the mode it was in; none of its parameters is written to.
    """

    module: nn.Module = field(repr=False)
    """The victim's own, shared with it."""
    _: KW_ONLY
    bounds: Bounds = (0.0, 1.0)
    """The valid range of a sample's values."""
    normalisation: Normalisation | None = None
    """What the victim does to samples before its module sees them."""
    outputs: str = "logits"
    """What the module answers: logits or probabilities."""

    def __post_init__(self) -> None:
        if self.outputs not in _READERS:
            raise InputError(f"outputs: expected one of {', '.join(_READERS)}, got {self.outputs!r}.")

    def tensor(self, samples: Array | Floats) -> Tensor:
        """Samples (n, c, *extent) where and as the parameters are."""
        return as_fed(self.module, samples)

    def logits(self, samples: Tensor) -> Tensor:
        """(n, classes) for samples (n, c, *extent); of a module that answers probabilities, their logarithm.

        Raises:
            InputError: gradients are wanted, and something inside the module stops them.
        """
        with _at_rest(self.module):
            answer = self.module(self._normalised(samples))
        if samples.requires_grad and not answer.requires_grad:
            raise no_gradient()
        return _READERS[self.outputs](answer)

    def scores(self, samples: Tensor, target: int) -> Tensor:
        """(n,) the logit of one class.

        Raises:
            InputError: there is no such class.
        """
        logits = self.logits(samples)
        if not 0 <= target < logits.shape[1]:
            raise InputError(f"target: expected a class from 0 to {logits.shape[1] - 1}, got {target}.")
        return logits[:, target]

    def _normalised(self, samples: Tensor) -> Tensor:
        """In at least float32, as the victim does it, then as precise as the parameters."""
        if self.normalisation is None:
            return samples
        import torch

        self.normalisation.check_channels(samples.shape[1])
        axes = (-1,) + (1,) * (samples.dim() - 2)
        mean, std = (
            torch.tensor(values, dtype=torch.float32, device=samples.device).reshape(axes)
            for values in (self.normalisation.mean, self.normalisation.std)
        )
        return ((samples - mean) / std).to(samples.dtype)


def network_of(victim: Victim) -> Network | None:
    """The network of a torch victim that answers logits or probabilities; None for every other, a black box."""
    if not isinstance(victim, FunctionVictim) or not isinstance(victim.function, TorchFunction):
        return None
    if victim.outputs not in _READERS:
        return None
    stated = normalisation(victim.mean, victim.std)
    return Network(victim.function.module, bounds=victim.bounds, normalisation=stated, outputs=victim.outputs)


def randomised(network: Network, rng: np.random.Generator, layers: int | None = None) -> Network:
    """A copy that has forgotten what it learned: an explanation of it should look different, or it explains no network.

    Parameters are drawn from a normal distribution around 0 that keeps their root mean square; what a layer keeps
    beside parameters, such as the statistics of a batch norm, stays.

    Args:
        network: left as it is.
        rng: the same one draws the same values for the layers nearest the answer, however many there are.
        layers: how many, counted from the answer; None for all.

    Raises:
        InputError: the network has no parameters, or not so many layers.

    Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292, cascading randomisation.
    """
    import torch

    module = copy.deepcopy(network.module)
    own = [[one for one in layer.parameters(recurse=False) if one.is_floating_point()] for layer in module.modules()]
    known = [parameters for parameters in reversed(own) if parameters]  # layers are kept in the order they were made
    count = len(known) if layers is None else layers
    if not 1 <= count <= len(known):
        raise InputError(f"layers: expected 1 to the {len(known)} that have parameters, got {count}.")
    with torch.no_grad():
        for parameters in known[:count]:
            for one in parameters:
                drawn = torch.from_numpy(rng.standard_normal(tuple(one.shape)))
                one.copy_(drawn * one.double().square().mean().sqrt().cpu())
    return replace(network, module=module)


def no_gradient() -> InputError:
    """For networks that stop gradients."""
    return InputError(
        "network: its answer passes no gradient on. Take torch.no_grad, detach() and rounding out of its forward(), "
        "or explain it as a black box."
    )


@contextmanager
def _at_rest(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; a part that was in it already stays in it when the others return to training."""
    training = [one for one in module.modules() if one.training]
    module.eval()
    try:
        yield
    finally:
        for one in training:
            one.training = True


def _logarithm(probabilities: Tensor) -> Tensor:
    import torch

    return probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()


_READERS: dict[str, Callable[[Tensor], Tensor]] = {"logits": lambda answer: answer, "probabilities": _logarithm}
"""What makes logits of a module's answer."""
