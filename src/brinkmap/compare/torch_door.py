"""The door as a torch module that answers logits, for packages that ask one; imported late, since it loads torch."""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from brinkmap.arrays import Array
from brinkmap.compare.foreign import Door
from brinkmap.compare.lent import no_gradients

__all__ = ["DoorModule", "as_array", "as_tensors"]


@final
class DoorModule(nn.Module):
    """Answers log-probabilities, which differ from logits by a constant a row; without gradients.

    Args:
        door: to the victim.
        name: of the attack, for the error.
    """

    def __init__(self, door: Door, name: str) -> None:
        super().__init__()
        self._door, self._name = door, name
        self.register_parameter("place", nn.Parameter(torch.zeros(()), requires_grad=False))  # asked for its device
        self.eval()

    def forward(self, batch: Tensor) -> Tensor:
        """(k, classes) for samples (k, c, *extent) on 0..1.

        Raises:
            BudgetSpent: no query is left.
            InputError: gradients are wanted.
        """
        if batch.requires_grad and torch.is_grad_enabled():
            raise no_gradients(self._name)
        if not len(batch):  # Square asks about nobody when a margin is exactly 0
            return batch.new_zeros((0, self._door.classes))
        return torch.from_numpy(self._door.logits(batch.detach().cpu().numpy())).to(batch.device)


def as_tensors(door: Door) -> tuple[Tensor, Tensor]:
    """The sample on 0..1 as a batch of one, and its label; the sample's memory is shared, so that writing shows."""
    return torch.from_numpy(door.clean[None]), torch.tensor([door.label])


def as_array(batch: Tensor) -> Array:
    """What an attack made of a batch of one."""
    found: Array = batch[0].detach().cpu().numpy()
    return found
