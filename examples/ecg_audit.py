"""Audits an ECG classifier on a real recording, and draws what came of it as a cardiologist reads it.

    python examples/ecg_audit.py [RECORD.hea] [FOLDER]

The classifier is the ResNet that comes with Brinkmap for 10-s strips at 360 Hz, trained on MIT-BIH's DS1. The
recording is MIT-BIH 210, of a patient that it has not seen, where ../shared/data has it; else one that NeuroKit2
makes, written as WFDB into the folder. Ends in `ecg.png`: the strip with its waves and what the answer rests on, and
the same distorted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

import brinkmap
from brinkmap.data import DataSet, load_data
from brinkmap.data.ecg import MITBIH_BOUNDS_MV, Signals, Strips, Windows, clipped
from brinkmap.data.ecg.delineation import delineate
from brinkmap.explain import explain
from brinkmap.explain.ecg_paper import Strip, write_ecg_paper
from brinkmap.explain.waves import energy_in_waves, overlap_with_waves
from brinkmap.metrics import snr_db
from brinkmap.summary import Meaning, flips_by_kind, meaning_of
from brinkmap.victims import load_victim

SHARED = Path(os.environ.get("BRINKMAP_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
RATE_HZ = 360.0
RUN = brinkmap.Run(
    distortions=["motion-artifact", "electrode-pop", "electrode-detachment", "baseline-wander", "emg"], patch="500ms",
    budget=80, refine_budget=80,
)  # fmt: skip


def main() -> None:
    """Audit, explain, draw."""
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "brinkmap-results") / "ecg"
    folder.mkdir(parents=True, exist_ok=True)
    record = Path(sys.argv[1]) if len(sys.argv) > 1 else SHARED / "ecg" / "mitdb" / "210.hea"
    data = strips(record if record.is_file() or len(sys.argv) > 1 else simulated(folder))
    victim = load_victim("mitbih-strips")
    names = victim.class_names
    results = list(brinkmap.attack(victim, data, data.labels, RUN))
    told(data, results, names)
    shown = worst(results, names)
    if shown is None:
        print("Not one strip flipped within the budget: nothing to draw.")
        return
    clean, modified = shown.clean[0], shown.adversarial[0]
    [why] = explain(victim, shown.clean[None], queries=300)
    waves = delineate(clean, RATE_HZ)
    inside = ", ".join(f"{wave} {share:.0%}" for wave, share in energy_in_waves(clean, modified, waves).items())
    print(f"{data.names[shown.index]}: the distortion's energy: {inside}")
    for wave, overlap in overlap_with_waves(why.mask, waves).items():
        if overlap is not None:
            print(f"  what the answer rests on, and {wave}: Dice {overlap.dice:.2f}, IoU {overlap.iou:.2f}")
    before, after = names[shown.reference], names[int(np.argmax(shown.after))]
    change = np.abs(modified - clean)
    write_ecg_paper(
        folder / "ecg.png",
        [
            Strip(lead=clean, waves=waves, region=why.mask,
                  title=f"as recorded: {before}, probability {shown.before[shown.reference]:.2f}"),
            Strip(lead=modified, below=clean, changed=change > 1e-6,
                  title=f"distorted: {after}, probability {max(shown.after):.2f}; peak {change.max():.2f} mV, "
                        f"{snr_db(shown.clean, shown.adversarial, victim.bounds):.0f} dB, {shown.queries} queries"),
        ],
        RATE_HZ, title=f"{data.names[shown.index].replace(':', ', from second ')}: {before} read as {after}",
    )  # fmt: skip
    print(f"Figure: {folder / 'ecg.png'}")


def strips(record: Path) -> DataSet:
    """Twenty strips of the record's first lead in mV; with labels where it has annotations beside it."""
    cut = Strips(10.0) if record.with_suffix(".atr").is_file() else Windows(10.0)
    data = load_data(record, limit=20, signals=Signals(cut=cut, rate_hz=RATE_HZ))
    return clipped(data, MITBIH_BOUNDS_MV)


def simulated(folder: Path) -> Path:
    """Two minutes of NeuroKit2's heart as a WFDB record."""
    import neurokit2
    import wfdb

    lead = neurokit2.ecg_simulate(duration=120, sampling_rate=round(RATE_HZ), heart_rate=72, noise=0.02, random_state=0)
    wfdb.wrsamp(
        "simulated",
        fs=RATE_HZ,
        units=["mV"],
        sig_name=["MLII"],
        p_signal=lead[:, None],
        fmt=["16"],
        write_dir=str(folder),
    )
    print("The real recording is not here; NeuroKit2 made one.")
    return folder / "simulated.hea"


def told(data: DataSet, results: list[brinkmap.AttackResult], names: tuple[str, ...]) -> None:
    """What became of all strips."""
    table = brinkmap.collect(results).table
    kinds = flips_by_kind(table, [one.after for one in sorted(results, key=lambda one: one.index)], meaning(names))
    attacked = sum(one.attacked for one in results)
    print(f"{len(data)} strips, {attacked} of them attacked, {sum(one.success for one in results)} flipped: "
          f"{kinds['dangerous']} dangerous, {kinds['alarm']} alarms, {kinds['rejected']} rejected, "
          f"{kinds['other']} other; "
          f"{sum(one.queries for one in results)} queries")  # fmt: skip


def meaning(names: tuple[str, ...]) -> Meaning:
    """N is normal, Q cannot be classified."""
    return meaning_of(["N"], ["Q"], names)


def worst(results: list[brinkmap.AttackResult], names: tuple[str, ...]) -> brinkmap.AttackResult | None:
    """The nearest dangerous flip, or else the nearest one."""
    flips = [one for one in results if one.success]
    dangerous = [one for one in flips if meaning(names).kind(one.reference, int(np.argmax(one.after))) == "dangerous"]
    return min(dangerous or flips, key=lambda one: one.l2, default=None)


if __name__ == "__main__":
    main()
