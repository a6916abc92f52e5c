"""The five AAMI classes of heart beats, and which MIT-BIH records to train and to measure on.

Source: de Chazal, O'Dwyer & Reilly 2004, IEEE Trans. Biomed. Eng. 51:1196, tables I and II, after ANSI/AAMI EC57.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["AAMI", "AAMI_OF", "DS1", "DS2", "SEVERITY", "aami_labels", "most_severe"]

AAMI = ("N", "S", "V", "F", "Q")
"""Normal and bundle branch block, supraventricular, ventricular, fusion, unknown: labels 0 to 4."""
AAMI_OF = (
    dict.fromkeys("NLRejnB", "N") | dict.fromkeys("AaJS", "S") | dict.fromkeys("VEr", "V") | {"F": "F"}
    | dict.fromkeys("/fQ?", "Q")
)  # fmt: skip
"""The class of each annotation symbol that is a beat.

Four are not in de Chazal's table, as his records have none: n (supraventricular escape) goes with the other escape
beats, B (bundle branch block, side unknown) with L and R, r (R on T) with V, and ? (not classified) with Q.
"""
SEVERITY = ("V", "F", "S", "Q", "N")
"""The order in which beats decide what a strip is called, most severe first.

Ours: de Chazal labels beats only. What cannot be classified is worse than normal and less than what can.
"""
DS1 = (
    "101", "106", "108", "109", "112", "114", "115", "116", "118", "119", "122",
    "124", "201", "203", "205", "207", "208", "209", "215", "220", "223", "230",
)  # fmt: skip
"""The records to train on; the four with paced beats are in neither set.

One man is in both, as the database says: 201 is his here, 202 in `DS2`. Leave 201 out to be strictly between patients.
"""
DS2 = (
    "100", "103", "105", "111", "113", "117", "121", "123", "200", "202", "210",
    "212", "213", "214", "219", "221", "222", "228", "231", "232", "233", "234",
)  # fmt: skip
"""The records to measure on."""


def aami_labels(symbols: Iterable[str]) -> NDArray[np.int64]:
    """The label of each annotation symbol, -1 where it is no beat.

    >>> aami_labels(["N", "V", "+", "/"])
    array([ 0,  2, -1,  4])
    """
    return np.array([AAMI.index(AAMI_OF[s]) if s in AAMI_OF else -1 for s in symbols], dtype=np.int64)


def most_severe(labels: NDArray[np.int64]) -> int:
    """What a strip with these beats, at least one, is called: the first in `SEVERITY` that is among them.

    >>> AAMI[most_severe(aami_labels("NNSN"))]
    'S'
    """
    found = {AAMI[label] for label in labels}
    return AAMI.index(next(name for name in SEVERITY if name in found))
