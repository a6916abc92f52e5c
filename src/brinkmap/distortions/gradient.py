"""The signs of a surrogate's gradient as a filter: where a white-box attack on one network says the others are weak.

The agent chooses cells by queries alone, as ever; what a cell then shows was learned from a network of the user's own.
Write the filter into a file and name it `path/to/file.py:my_fgsm`, on the command line and in a TOML file alike:

    network = ...                   # torch.nn.Module, weights loaded
    my_fgsm = fgsm(network, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))

torch is imported only when a filter is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

import numpy as np

from brinkmap.arrays import RANKS, Array, Bounds, check_bounds
from brinkmap.errors import InputError, MissingExtra
from brinkmap.victims.normalisation import Channelwise, Normalisation, normalisation

if TYPE_CHECKING:
    from brinkmap.plan.grid import Grid

__all__ = ["GradientSign", "fgsm", "pgd"]

EPSILON = 1 / 255
PGD_STEPS = 10
REACH = 2.5
"""All steps together over the radius (Madry et al. 2018): enough to cross the ball and to turn back at its edge."""


@final
@dataclass(frozen=True)
class GradientSign:
    """Every value moved by the level's radius to where a surrogate doubts its own answer more; not natural.

    One step is FGSM (Goodfellow et al. 2015, arXiv:1412.6572); several, projected onto the Linf ball, are PGD (Madry et
    al. 2018, arXiv:1706.06083), here from the sample itself, so that nothing is drawn. No label is needed: the loss is
    the cross-entropy of what the surrogate answers on the clean sample. Where the gradient is 0 nothing moves.

    Raises:
        InputError: the surrogate is no module, or a number that cannot work.
        MissingExtra: torch is not installed.
    """

    surrogate: Any = field(repr=False)
    """A torch.nn.Module: (n, c, *extent) -> (n, classes) logits. Used in evaluation mode, left in its own."""
    name: str
    steps: int
    epsilon: float = EPSILON
    """The radius of level 1, on samples scaled to 0..1; levels are 1, 2, 4, 8 and 16 times that, as those of tint."""
    bounds: Bounds = (0.0, 1.0)
    """What the surrogate takes before normalisation: a sample scaled to 0..1 is stretched to these."""
    normalisation: Normalisation | None = None
    levels: int = 5
    ranks: tuple[int, ...] = RANKS
    natural: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.surrogate, _torch().nn.Module):
            raise InputError(
                f"surrogate: expected a torch.nn.Module that answers logits, got a {type(self.surrogate).__name__}. "
                "Give the network itself, not the victim around it."
            )
        if self.steps < 1:
            raise InputError(f"steps: expected at least 1, got {self.steps}.")
        if not 0 < self.epsilon <= 1:
            raise InputError(f"epsilon: expected a number above 0 and up to 1, got {self.epsilon}.")
        check_bounds(self.bounds)

    def paint(self, sample: Array, level: int, rng: np.random.Generator, grid: Grid) -> Array:
        """The sample moved by the radius at most; draws nothing."""
        radius = np.float32(self.epsilon * 2 ** (level - 1))
        step, moved = np.float32(REACH) * radius / np.float32(self.steps), sample
        with self._at_rest():
            own = int(np.argmax(self._forward(sample)[1].tolist()))
            for _ in range(self.steps):
                within = np.clip(moved, np.float32(0), np.float32(1))
                moved = np.clip(within + step * self._signs(within, own), sample - radius, sample + radius)
        return moved

    def _signs(self, sample: Array, own: int) -> Array:
        """Uphill in the logarithm of the other classes' odds against the surrogate's own answer.

        Cross-entropy is the softplus of it, so the signs are those of cross-entropy, and do not fade to 0 where the
        surrogate is sure. Nor do the bounds and the normalisation turn a sign: they scale by numbers above 0.
        """
        torch = _torch()
        given, logits = self._forward(sample)
        others = torch.cat([logits[:own], logits[own + 1 :]])
        [slope] = torch.autograd.grad(torch.logsumexp(others, 0) - logits[own], given)
        signs: Array = torch.sign(slope)[0].float().cpu().numpy()
        return signs

    def _forward(self, sample: Array) -> tuple[Any, Any]:
        """What the surrogate was given, and its logits `(classes,)`, on the device and in the precision it has."""
        torch = _torch()
        low, high = self.bounds
        batch = (sample * np.float32(high - low) + np.float32(low))[None]
        batch = self.normalisation(batch) if self.normalisation else batch
        weight = next((one for one in self.surrogate.parameters() if one.is_floating_point()), None)
        where, kind = (None, torch.float32) if weight is None else (weight.device, weight.dtype)
        given = torch.tensor(batch, device=where, dtype=kind, requires_grad=True)
        logits = self.surrogate(given)
        if not isinstance(logits, torch.Tensor) or logits.ndim != 2 or logits.shape[0] != 1 or logits.shape[1] < 2:
            raise InputError(
                f"surrogate of {self.name!r}: expected logits of shape (1, classes) with at least two classes, got "
                f"{getattr(logits, 'shape', type(logits).__name__)}. Wrap it in a module that answers these."
            )
        return given, logits[0]

    @contextmanager
    def _at_rest(self) -> Iterator[None]:
        """Evaluation mode and gradients, whatever the caller has set; each submodule then gets its own mode back."""
        torch = _torch()
        cudnn = torch.backends.cudnn.enabled
        training = [module for module in self.surrogate.modules() if module.training]
        self.surrogate.eval()
        try:
            # Without cuDNN: its backward passes may differ from call to call, and its recurrent ones refuse evaluation.
            torch.backends.cudnn.enabled = False
            with torch.inference_mode(False):
                yield
        finally:
            torch.backends.cudnn.enabled = cudnn
            for module in training:
                module.training = True


def fgsm(
    surrogate: Any,
    *,
    mean: Channelwise | None = None,
    std: Channelwise | None = None,
    bounds: Bounds = (0.0, 1.0),
    epsilon: float = EPSILON,
) -> GradientSign:
    """One step along the signs of the gradient: each value moves by the radius, or not at all.

    Args:
        surrogate: a torch.nn.Module: (n, c, *extent) -> (n, classes) logits.
        mean: subtracted before the surrogate, one number or one a channel; goes with std.
        std: divided by after that.
        bounds: what a sample scaled to 0..1 is stretched to before normalisation.
        epsilon: the radius of level 1, on samples scaled to 0..1; doubled by each level.

    Raises:
        InputError: the surrogate is no module, or a number that cannot work.
        MissingExtra: torch is not installed.
    """
    return GradientSign(surrogate, "fgsm", 1, epsilon, bounds, normalisation(mean, std))


def pgd(
    surrogate: Any,
    *,
    mean: Channelwise | None = None,
    std: Channelwise | None = None,
    bounds: Bounds = (0.0, 1.0),
    epsilon: float = EPSILON,
    steps: int = PGD_STEPS,
) -> GradientSign:
    """Several smaller steps along the signs, each of a new gradient, kept within the radius.

    Args:
        surrogate: a torch.nn.Module: (n, c, *extent) -> (n, classes) logits.
        mean: subtracted before the surrogate, one number or one a channel; goes with std.
        std: divided by after that.
        bounds: what a sample scaled to 0..1 is stretched to before normalisation.
        epsilon: the radius of level 1, on samples scaled to 0..1; doubled by each level.
        steps: gradients taken, each step being 2.5 radii over their number.

    Raises:
        InputError: the surrogate is no module, or a number that cannot work.
        MissingExtra: torch is not installed.
    """
    return GradientSign(surrogate, "pgd", steps, epsilon, bounds, normalisation(mean, std))


def _torch() -> Any:
    try:
        import torch
    except ImportError as error:
        raise MissingExtra("a gradient filter", "torch") from error
    return torch
