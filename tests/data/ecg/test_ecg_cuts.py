"""Windows, strips and beats."""

from itertools import permutations

import numpy as np
import pytest
from ecg_records import RATE, recording, waves
from numpy.testing import assert_allclose, assert_array_equal

from brinkmap.data.ecg import (
    AAMI,
    AAMI_OF,
    SEVERITY,
    Annotations,
    Beats,
    Recording,
    Signals,
    Strips,
    Windows,
    aami_labels,
    load_recordings,
    most_severe,
)
from brinkmap.errors import InputError


def annotated(times_s, symbols, seconds=30.0):
    plain = recording(waves(seconds, leads=1), leads=("II",))
    marks = Annotations(times_s=np.array(times_s, dtype=float), symbols=np.array(list(symbols), dtype=str))
    return Recording(**{**vars(plain), "annotations": marks})


def load(one, cut):
    return load_recordings([one], Signals(cut=cut))


@pytest.mark.parametrize("window_s", [0.5, 2.5, 7.0, 10.0])
def test_windows_end_to_end_are_the_record(window_s):
    signal = waves()
    data = load(recording(signal), Windows(window_s))
    made = np.concatenate(list(data), axis=1)
    assert_array_equal(made, signal.T[:, : made.shape[1]].astype(np.float32))
    assert len(signal) - made.shape[1] < window_s * RATE
    assert (data.labels, data.class_names) == (None, None)


@pytest.mark.parametrize("stride_s", [0.01, 0.333, 4.0, 25.0])
def test_a_sample_is_where_its_name_says(stride_s):
    signal = waves()
    data = load(recording(signal), Windows(5, stride_s))
    for index, (name, sample) in enumerate(zip(data.names, data, strict=True)):
        start_s = float(name.removeprefix("r1:"))
        assert abs(start_s - index * stride_s) <= 0.5 / RATE + 5e-4
        assert_array_equal(sample, signal.T[:, round(start_s * RATE) :][:, : 5 * RATE].astype(np.float32))
    assert len(set(data.names)) == len(data) == int((25 + 1e-9) / stride_s) + 1


def test_a_record_of_one_window_is_enough():
    assert len(load(recording(waves(10)), Windows())) == 1


@pytest.mark.parametrize("order", list(permutations("NSVFQ")), ids="".join)
def test_a_strip_is_called_after_its_most_severe_beat(order):
    beats = list(order)
    while beats:
        worst = min(beats, key=SEVERITY.index)
        assert AAMI[most_severe(aami_labels(beats))] == worst
        beats.remove(worst)


def test_each_strip_has_the_label_of_its_own_beats():
    data = load(annotated([1, 9.99, 10, 15, 16, 20, 21], "NNNVA+N"), Strips())
    assert [AAMI[label] for label in data.labels] == ["N", "V", "N"]
    assert (data.labels.dtype, data.class_names) == (np.int64, AAMI)


def test_a_beat_on_the_seam_belongs_to_the_later_strip():
    data = load(annotated([1, 10, 22], "NVN"), Strips())
    assert [AAMI[label] for label in data.labels] == ["N", "V", "N"]


def test_a_strip_without_a_beat_is_left_out_and_counted():
    data = load(annotated([1, 15, 22], "N+N"), Strips())
    assert (data.names, data.notes) == (("r1:0", "r1:20"), ("1 of 3 samples left out for no beat",))


@pytest.mark.parametrize("end", [[19, 25], [25]], ids=["marked", "open"])
def test_a_strip_with_ventricular_flutter_is_left_out_and_counted(end):
    one = annotated([1, 12, 13, *end], "N[!" + ("]N" if len(end) == 2 else "N"))
    data = load(one, Strips())
    assert data.names == (("r1:0", "r1:20") if len(end) == 2 else ("r1:0",))
    assert any("left out for ventricular flutter or fibrillation" in note for note in data.notes)


def test_the_r_peak_is_before_s_into_its_beat():
    peaks = np.arange(1, 29)
    data = load(annotated(peaks, "NV" * 14), Beats(0.2, 0.4))
    assert data.shape == (1, 60)
    assert {int(sample[0].argmax()) for sample in data} <= {19, 20, 21}
    assert_array_equal(data.labels, [0, 2] * 14)
    assert_allclose([float(name.removeprefix("r1:")) for name in data.names], peaks - 0.2)


def test_beats_beyond_an_end_of_the_record_are_left_out_and_counted():
    data = load(annotated([0.29, 0.3, 29.5, 29.51], "NSVF"), Beats())
    assert_array_equal(data.labels, [1, 2])
    assert data.notes == ("2 of 4 samples left out for an end of the record",)


def test_what_is_no_beat_has_no_sample():
    assert_array_equal(load(annotated([1, 2, 3, 4], "+N~|"), Beats()).labels, [0])


def test_the_symbols_are_those_of_de_chazal():
    table = {"N": "NLRej", "S": "AaJS", "V": "VE", "F": "F", "Q": "/fQ"}
    for name, symbols in table.items():
        assert {AAMI_OF[symbol] for symbol in symbols} == {name}
    assert set(AAMI_OF) - set("".join(table.values())) == set("Bnr?")


@pytest.mark.parametrize("cut", [Strips(), Beats()], ids=repr)
def test_labels_without_annotations_are_refused(cut):
    with pytest.raises(InputError, match="labels need annotations, which are read with WFDB records only"):
        load(recording(waves()), cut)


def test_a_record_without_a_beat_is_named():
    with pytest.raises(InputError, match="no sample is left: no beat is marked in it"):
        load(annotated([], ""), Beats())


@pytest.mark.parametrize("annotator", ["", ".atr", "a/b"])
@pytest.mark.parametrize("cut", [Strips, Beats])
def test_an_annotator_is_a_suffix(cut, annotator):
    with pytest.raises(InputError, match="annotator: expected the suffix of a file of annotations, such as atr, got"):
        cut(annotator=annotator)


@pytest.mark.parametrize(
    ("cut", "options"),
    [
        (Windows, {"window_s": 0}),
        (Windows, {"stride_s": -1}),
        (Strips, {"window_s": float("nan")}),
        (Beats, {"after_s": 0}),
    ],
    ids=str,
)
def test_wrong_seconds_are_named(cut, options):
    with pytest.raises(InputError, match=f"{next(iter(options))}: expected a positive number of seconds"):
        cut(**options)
