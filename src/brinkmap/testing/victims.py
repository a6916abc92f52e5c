"""What a victim must keep to."""

from __future__ import annotations

import numpy as np

from brinkmap.arrays import Array, check_answer_shape, check_bounds, check_sample, faults
from brinkmap.testing.findings import Findings
from brinkmap.victims.protocol import Victim

__all__ = ["check_victim"]

EQUAL = 1e-4
"""How far a float network's probabilities may depend on the batch."""


def check_victim(victim: Victim, samples: Array) -> None:
    """That a victim keeps its contract: shapes, distributions, the same answer in any batch, input left alone.

    Spends `4 n + 2` queries on n samples.

    Args:
        victim: what is checked.
        samples: (n, c, *extent) float32 within its bounds, at least 2.

    Raises:
        ContractError: it does not; every breach is listed.
    """
    findings = Findings(f"victim {type(victim).__name__}")
    findings.attempt(lambda: check_bounds(victim.bounds), "bounds")
    findings.attempt(lambda: check_sample(samples, samples.shape[1:], victim.bounds), "the samples given")
    kept = samples.copy()
    whole = findings.attempt(lambda: check_answer_shape(victim.predict(samples), len(samples), None), "predict")
    if whole is not None:
        for row, reason in faults(whole).items():
            findings.expect(False, f"sample {row}: {reason}")
        findings.expect(
            victim.classes in (None, whole.shape[1]), f"says {victim.classes} classes, answers {whole.shape[1]}"
        )
        findings.expect(
            victim.shape in (None, samples.shape[1:]), f"says shape {victim.shape}, took {samples.shape[1:]}"
        )
        batches = {
            "asked again": lambda: victim.predict(samples),
            "asked in reverse": lambda: victim.predict(samples[::-1].copy())[::-1],
            "asked one by one": lambda: np.concatenate([victim.predict(one[None]) for one in samples]),
            "asked two at once": lambda: np.concatenate([victim.predict(samples[:2]), whole[2:]]),
        }
        for how, ask in batches.items():
            again = findings.attempt(ask, how)
            same = again is not None and np.allclose(again, whole, atol=EQUAL, rtol=0)
            findings.expect(again is None or same, f"{how}, a sample gets another answer")
    findings.expect(np.array_equal(samples, kept), "predict writes into its input")
    findings.report()
