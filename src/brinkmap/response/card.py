"""What a model-based agent was made for, from what, and how well it does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from brinkmap.response.net import ResponseNet

__all__ = ["AgentCard"]


@dataclass(frozen=True, kw_only=True)
class AgentCard:
    """The card of a model-based agent, as the JSON in its file has it."""

    name: str
    channels: int
    rank: int
    classes: int
    widths: tuple[int, ...]
    temporal_shift: bool = False
    """Whether the network lets neighbouring frames see one another; files from before that do not say."""
    members: int = 1
    """Networks whose logits are averaged."""
    shift: bool = True
    """Whether training shifted the samples about, so that a shifted one is as good a look; all did that do not say."""
    flip: bool = False
    """Whether training flipped half of the samples, so that a mirror image is."""
    distortions: tuple[str, ...]
    """The filters it was trained with: a run may state any of them."""
    default: tuple[str, ...]
    """Those it uses unless the run states others."""
    patches: tuple[str, ...] = ()
    """All patch sizes it was trained with; the first is used unless the run states another."""
    rate_hz: float | None = None
    """Values a second of the signals it was trained on; filters that need a rate need one of the victim too."""
    victims: tuple[str, ...] = ()
    training_queries: int = 0
    labels: bool = False
    """Whether the network was fitted to true labels first."""
    robust_l2: float = 0.0
    """How far samples were moved against the network before each was fitted; not at all where a file does not say."""
    seed: int = 0
    figures: dict[str, float] = field(default_factory=dict)
    notes: str = ""
    kind: str = "response"
    policy: dict[str, Any] = field(default_factory=dict)
    """Of kind policy: what the policy's network is made with, and what it was trained for."""

    @classmethod
    def read(cls, told: dict[str, Any]) -> AgentCard:
        """The card that a file's JSON is."""
        given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in told.items()}
        return cls(**given)

    def net(self, weights: dict[str, Tensor]) -> ResponseNet:
        """The response model with the weights of a file."""
        from brinkmap.response.net import ResponseNet
        from brinkmap.victims.weights import network_with

        return network_with(
            lambda: ResponseNet(self.channels, self.rank, self.classes, self.widths, self.temporal_shift, self.members),
            weights, {"widths": self.widths, "members": self.members},
        )  # fmt: skip
