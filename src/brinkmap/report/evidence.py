"""Which evidence a run offers for three texts on trustworthy AI, in careful words: it supports, it never complies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brinkmap.report.document import Block, Column, Table, Text
from brinkmap.report.wording import number, percent, some

__all__ = ["evidence_blocks"]

CAUTION = (
    "These figures may support a case that is made under the texts below. They are no conformity assessment, no legal "
    "advice and no certificate, and meeting a threshold of this report is not meeting a requirement of any of them. "
    "What the texts ask for is told in our words; read the texts themselves. Accuracy here is that on the samples "
    "given, which say something of use only as far as they are like those that the system will meet."
)
ROWS = (
    (
        "EU AI Act (Regulation (EU) 2024/1689), Article 15, accuracy",
        "An appropriate level of accuracy, with its metrics declared",
        "accuracy",
        "Whether the level is appropriate for the purpose; performance over the life cycle",
    ),
    (
        "EU AI Act, Article 15, robustness",
        "Resilience against errors, faults and inconsistencies of the environment",
        "robust",
        "Other distortions, other attacks and larger budgets than this run's; feedback loops; redundancy",
    ),
    (
        "EU AI Act, Article 15, cybersecurity",
        "Resilience against inputs made to cause a mistake (model evasion), among other attacks",
        "evasion",
        "Data and model poisoning, confidentiality attacks, and everything around the model",
    ),
    (
        "NIST AI RMF 1.0, MEASURE 2.5",
        "The system is shown to be valid and reliable, and limits of generalisation are documented",
        "limits",
        "Validity of the task and of the labels",
    ),
    (
        "NIST AI RMF 1.0, MEASURE 2.6",
        "Safety is evaluated regularly, robustness and reliability among it",
        "repeat",
        "Harm in use, monitoring, response to failure",
    ),
    (
        "NIST AI RMF 1.0, MEASURE 2.7",
        "Security and resilience are evaluated and documented",
        "evasion",
        "Threats other than evasion by queries",
    ),
    (
        "NIST AI RMF 1.0, MEASURE 2.9",
        "The model is explained, validated and documented, its output interpreted in context",
        "maps",
        "Reasons: a heat map says where an answer is fragile, not why it was given",
    ),
    (
        "ISO/IEC 24029 series, robustness of neural networks",
        "Robustness assessed by statistical, formal or empirical methods with stated metrics",
        "empirical",
        "Formal guarantees (part 2): an attack that finds nothing proves nothing",
    ),
)


def evidence_blocks(summary: Mapping[str, Any], maps: int) -> list[Block]:
    """The appendix.

    Args:
        summary: of the run.
        maps: heat maps in the report.
    """
    measured = _measured(summary, maps)
    rows = [[text, asks, measured[key], missing] for text, asks, key, missing in ROWS]
    columns = (Column("text"), Column("asks for, in our words"), Column("this run measured"), Column("it leaves open"))
    return [Text(CAUTION), Table("What may be offered as evidence", columns, rows)]


def _measured(summary: Mapping[str, Any], maps: int) -> dict[str, str]:
    attacked = some(summary["attacked"], "sample")
    if summary["clean_accuracy"] is None:
        accuracy = "nothing: the samples have no labels"
    else:
        accuracy = f"accuracy {percent(summary['clean_accuracy'])} on {some(summary['samples'], 'sample')}, undistorted"
    kinds = summary.get("distortions") or ()
    natural = [name for name in kinds if name not in (summary.get("unnatural") or ())]
    flips = f"{percent(summary['success_rate'])} of {attacked} flipped"
    robust = (
        f"{flips} under {', '.join(natural)}; median L2 of flips {number(summary['l2_median'])}"
        if natural and summary["attacked"]
        else "nothing: no natural distortion was tried on any sample"
    )
    bound = "no distance bound" if summary["max_l2"] is None else f"L2 at most {summary['max_l2']:g}"
    terms = f"{some(summary['budget'], 'query', 'queries')} a sample, {bound}"
    evasion = f"{flips} by an attack that sees answers only, with {terms}" if summary["attacked"] else "nothing"
    return {
        "accuracy": accuracy,
        "robust": robust,
        "evasion": evasion,
        "limits": f"how accuracy falls with distance, by class and by filter, on {attacked}",
        "repeat": "the same command gives the same figures: it can be run on every version of the model",
        "maps": f"{some(maps, 'heat map')} of fragile places, and cases before and after" if maps else "nothing",
        "empirical": f"an empirical method: {evasion}; L2 and Linf as metrics, with intervals over samples",
    }
