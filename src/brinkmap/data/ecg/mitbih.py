"""De Chazal's two halves of the MIT-BIH Arrhythmia Database, as far as a folder has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from brinkmap.data.dataset import DataSet
from brinkmap.data.ecg.load import load_records
from brinkmap.data.ecg.signals import Signals
from brinkmap.errors import InputError

__all__ = ["load_mitbih", "missing_records"]


def load_mitbih(folder: str | Path, records: Sequence[str], signals: Signals, limit: int | None = None) -> DataSet:
    """The samples of those of these records that are in a folder; `notes` names the others.

    Args:
        folder: with 100.hea, 100.dat, 100.atr and so on.
        records: `DS1` to train on, `DS2` to measure on: between patients, but for 201 and 202, who are one man.
        signals: which lead and how it is cut; MLII is the first lead of all records but 114, so choose it by name.
        limit: at most so many samples, one of each record in turn.

    Source: Moody & Mark 2001, IEEE Eng. Med. Biol. 20(3):45, https://physionet.org/content/mitdb/1.0.0/, ODC-By.

    Raises:
        InputError: none of the records is there, or one cannot be read.
        MissingExtra: wfdb is not installed.
    """
    missing = missing_records(folder, records)
    there = [Path(folder) / f"{record}.hea" for record in records if record not in missing]
    if not there:
        raise InputError(f"{folder}: none of the {len(records)} records is in it, such as {records[0]}.hea.")
    data = load_records(there, signals, limit)
    if not missing:
        return data
    return replace(data, notes=(*data.notes, f"{len(missing)} of {len(records)} records missing: {', '.join(missing)}"))


def missing_records(folder: str | Path, records: Sequence[str]) -> tuple[str, ...]:
    """Those of these records that have no header in the folder."""
    return tuple(record for record in records if not (Path(folder) / f"{record}.hea").is_file())
