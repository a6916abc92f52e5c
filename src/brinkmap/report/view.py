"""What a report shows: everything it needs, and nothing it would have to compute from a victim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from brinkmap.arrays import Array, Bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TYPICAL", "WORST", "Case", "FilterUse", "ReportView", "Threshold", "named"]


WORST, TYPICAL = "worst", "typical"


class Threshold(NamedTuple):
    """One demand on the victim, and whether it was met."""

    name: str
    required: float | str
    measured: float | str | None
    passed: bool


@dataclass(frozen=True, kw_only=True)
class FilterUse:
    """How often one filter stands in the plans of the successes."""

    name: str
    cells: int
    """Cells that carry it, all samples together."""
    samples: int
    """Samples with at least one such cell."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One sample worth showing, before and after."""

    index: int
    clean: Array
    """(c, *extent) float32."""
    modified: Array
    """(c, *extent) float32."""
    before: Array
    """(classes,) probabilities of the clean sample."""
    after: Array
    """(classes,) probabilities of the modified sample."""
    label: int | None
    """The true class, where it is known."""
    reference: int
    """The victim's clean answer."""
    queries: int
    l2: float
    """On samples scaled to 0..1."""
    filters: str
    """What was put where, such as `gaussian-noise on 3 cells`."""
    choice: str = WORST
    """Why it is shown: worst or typical."""
    heat: Array | None = None
    """(*extent) float32 on -1..1: where it is fragile; None where nothing is known."""
    heat_of: str = ""
    """What the heat map is made of, in words."""


@dataclass(frozen=True, kw_only=True)
class ReportView:
    """One audit as its report shows it."""

    title: str
    command: str
    """The command line that makes the same audit again."""
    run: Mapping[str, str]
    """The run's settings as text."""
    summary: Mapping[str, Any]
    """What `brinkmap.summary.summarise` gives, and where known: ledger_total, cache_hits, seconds, victim_seconds,
    peak_rate, achieved_rate, batch_size, agent, distortions, unnatural, patch, ssim_mean, psnr_db_mean, snr_db_mean,
    versions."""
    table: pd.DataFrame
    """One row a result, as `brinkmap.collect` gives it."""
    bounds: Bounds
    """The victim's range; distances are on samples scaled from it to 0..1."""
    unit: str = ""
    """The unit of a raw value, such as mV."""
    rate_hz: float | None = None
    """The sampling rate of signals."""
    source: Mapping[str, str] = field(default_factory=dict)
    """What data and victim are: names and checksums."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """What the agent's card says of its training; empty for an agent that had none."""
    made: str = ""
    """When, as text."""
    thresholds: Sequence[Threshold | tuple[str, float | str, float | str | None, bool]] = ()
    cases: Sequence[Case] = ()
    class_names: Sequence[str] | None = None
    filters: Sequence[FilterUse] = ()

    def class_name(self, number: int) -> str:
        """The name of a class, or its number where names are not known."""
        return named(number, self.class_names)


def named(number: int, class_names: Sequence[str] | None) -> str:
    """The name of a class, or its number where names are not known."""
    names = () if class_names is None else class_names
    return str(names[number]) if 0 <= number < len(names) else f"class {number}"
