"""ECG recordings, written for a test."""

from pathlib import Path

import numpy as np
import pytest

from brinkmap.data.ecg import Recording

RATE = 100


def waves(seconds=30.0, leads=2, rate=RATE, seed=0):
    """(time, leads) mV: beats once a second on a little noise, on a grid of 1/1000 mV."""
    time = np.arange(round(seconds * rate)) / rate
    beats = np.exp(-(((time + 0.5) % 1 - 0.5) ** 2) / 0.002)[:, None] * (1 + np.arange(leads))
    return (beats + 0.05 * np.random.default_rng(seed).standard_normal((len(time), leads))).round(3)


def write_wfdb(
    folder, name="r1", signal=None, leads=("II", "V1"), unit="mV", gain=1000.0, baseline=17, rate=RATE, **kw
):
    """A WFDB record of these (time, leads) values, which are in `unit`; returns its header's path."""
    wfdb = pytest.importorskip("wfdb")
    signal = waves(rate=rate) if signal is None else signal
    folder.mkdir(parents=True, exist_ok=True)
    wfdb.wrsamp(
        name, fs=rate, units=[unit] * len(leads), sig_name=list(leads), p_signal=signal, fmt=["16"] * len(leads),
        adc_gain=[gain] * len(leads), baseline=[baseline] * len(leads), write_dir=str(folder), **kw,
    )  # fmt: skip
    return folder / f"{name}.hea"


def annotate(header, seconds, symbols, annotator="atr", rate=RATE):
    """Annotations at these seconds."""
    wfdb = pytest.importorskip("wfdb")
    places = np.array([round(second * rate) for second in seconds])
    wfdb.wrann(header.stem, annotator, places, symbol=list(symbols), write_dir=str(header.parent))
    return header


def write_csv(path, header, rows):
    cells = [["" if np.isnan(value) else repr(float(value)) for value in row] for row in rows]
    path.write_text("\n".join(",".join(row) for row in [header, *cells]) + "\n")
    return path


def with_gap(signal, start_s, length, lead=0, rate=RATE):
    """The signal without so many values of a lead."""
    holed = signal.copy()
    holed[round(start_s * rate) : round(start_s * rate) + length, lead] = np.nan
    return holed


def recording(signal, name="r1", rate=RATE, leads=("II", "V1")):
    return Recording(name=name, source=Path(f"{name}.hea"), leads=leads, values=signal.T.copy(), rate_hz=rate)


def save_npz(path, **arrays):
    np.savez(path, **arrays)
    return path


def save_image(path):
    from PIL import Image

    Image.fromarray(np.arange(35, dtype=np.uint8).reshape(5, 7)).save(path, format="PNG")
    return path
