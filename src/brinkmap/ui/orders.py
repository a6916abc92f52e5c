"""What a visitor asks for, checked: only names that are offered, only numbers within limits."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from brinkmap.arrays import Array
from brinkmap.run import Run
from brinkmap.ui.catalogue import Catalogue, Offer
from brinkmap.ui.clients import Client
from brinkmap.ui.limits import Limits, Refused
from brinkmap.ui.live import Plan

__all__ = ["Order", "Pace", "plan_of"]

Name = Annotated[str, Field(max_length=100)]


class Pace(BaseModel):
    """How fast an attack may go."""

    model_config = ConfigDict(extra="forbid")

    pace: float = Field(ge=0, le=1000, allow_inf_nan=False)
    """Steps a second at most; 0 for as fast as it goes."""


class Order(BaseModel):
    """One attack to be watched."""

    model_config = ConfigDict(extra="forbid")

    victim: Name
    set: Name | None = None
    index: int = 0
    upload: Name | None = None
    agent: Name = "auto"
    filters: list[Name] = Field(default=[], max_length=64)
    patch: Name | None = None
    budget: int = Field(default=300, ge=1)
    refine: int = Field(default=0, ge=0)
    max_l2: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    max_linf: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**32)
    pace: float = Field(default=0, ge=0, le=1000, allow_inf_nan=False)


def plan_of(order: Order, client: Client, catalogue: Catalogue, limits: Limits) -> Plan:
    """The attack behind an order. No name in it is ever taken for a path or a reference to code.

    Raises:
        Refused: something is not offered, or more than the limits allow.
        InputError: settings that cannot work.
    """
    offer = catalogue.offer(order.victim)
    _check_offered(order, offer, catalogue)
    if order.budget + order.refine > limits.budget:
        raise Refused(422, f"budget: one attack may cost {limits.budget:,} queries here, refining included.")
    name, origin, sample = _sample(order, client, catalogue)
    run = Run(
        agent=order.agent, distortions=tuple(order.filters), patch=(order.patch or "").split() or None,
        budget=order.budget, refine_budget=order.refine, max_l2=order.max_l2, max_linf=order.max_linf, slots=1,
        seed=order.seed,
    )  # fmt: skip
    return Plan(offer, name, origin, sample, run, order.pace)


def _check_offered(order: Order, offer: Offer, catalogue: Catalogue) -> None:
    if order.agent != "auto" and order.agent not in {entry.name for entry in catalogue.agents}:
        raise Refused(404, "This server offers no such agent.")
    offered = {one["name"] for one in offer.filters}
    if not offered.issuperset(order.filters):
        raise Refused(404, f"For {offer.name} this server offers no such filter.")


def _sample(order: Order, client: Client, catalogue: Catalogue) -> tuple[str, str, Array]:
    """Name, origin and values."""
    if order.upload is not None:
        sampled = client.uploads.get(order.upload)
        if sampled is None:
            raise Refused(404, "The upload is no longer here. Choose the file again.")
        return sampled.name, "uploaded", sampled.sample
    if order.set is None:
        raise Refused(422, "Choose a sample first.")
    return catalogue.sample(order.set, order.index)
