"""The folder of a run: whole parts only, one merged file, and no other run's results."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from brinkmap import InputError, Run, attack
from brinkmap.results import PUBLIC_FIELDS, failed_result
from brinkmap.rows import SCHEMA, SPREAD, columns_of, read_results
from brinkmap.store import Store, is_open
from victims_known import Linear, samples_for

VICTIM = Linear((1, 8, 8))
SAMPLES, LABELS = samples_for(VICTIM, 8)
FINGERPRINT = {"agent": "random", "budget": 30, "max_l2": [0.5, 1.5]}


@pytest.fixture(scope="module")
def results():
    samples = SAMPLES.copy()
    samples[5] = np.nan
    run = Run(agent="random", patch=2, budget=30, max_l2=(0.5, 1.5), slots=3, trace=True)
    return list(attack(VICTIM, samples, [*LABELS[:7], (LABELS[7] + 1) % 3], run))


def kept(folder, results, parts=1, fingerprint=FINGERPRINT):
    store = Store(folder, fingerprint)
    for some in np.array_split(np.array(results, dtype=object), parts):
        for result in some:
            store.append(result, {"ssim": 0.5} if result.success else {})
        store.flush({"ledger_total": 1})
    return store


def files(folder):
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"
    )


def test_parts_appear_under_their_final_name_only(results, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("brinkmap.files.os.replace", lambda old, new: (seen.append(new.name), old.rename(new)))
    store = kept(tmp_path, results, parts=3)
    store.merge()
    store.write_summary({"samples": 8})
    expected = [f"{folder}/part-{n:06d}.parquet" for folder in ("parts", "trace") for n in range(3)]
    assert files(tmp_path) == sorted([*expected, "results.parquet", "run.json", "summary.json"])
    assert set(seen) == {path.rsplit("/")[-1] for path in files(tmp_path)}


def test_costs_are_written_before_the_results_they_paid_for(results, tmp_path, monkeypatch):
    """A kill between the two must leave queries without results, never results that cost nothing."""
    seen = []
    monkeypatch.setattr("brinkmap.files.os.replace", lambda old, new: (seen.append(new.name), old.rename(new)))
    store = kept(tmp_path, results)
    assert seen == ["run.json", "run.json", "part-000000.parquet", "part-000000.parquet"]
    assert json.loads((tmp_path / "run.json").read_text())["costs"] == store.costs == {"ledger_total": 1}


def test_a_part_that_was_being_written_when_the_run_died_does_not_count(results, tmp_path):
    kept(tmp_path, results[:4])
    for folder in ("parts", "trace"):
        (tmp_path / folder / "part-000001.tmp").write_bytes(b"PAR1 half")
    (tmp_path / "trace" / "part-000001.parquet").write_bytes((tmp_path / "trace/part-000000.parquet").read_bytes())
    store = Store(tmp_path, FINGERPRINT)
    assert store.done() == {(result.index, result.max_l2) for result in results[:4]}
    assert files(tmp_path) == ["parts/part-000000.parquet", "run.json", "trace/part-000000.parquet"]


def test_a_part_is_due_after_so_many_rows(results, tmp_path, monkeypatch):
    monkeypatch.setattr("brinkmap.store.PART_ROWS", 3)
    store = Store(tmp_path, FINGERPRINT)
    assert [store.append(result, {}) for result in results[:4]] == [False, False, True, True]
    store.flush({})
    assert store.append(results[4], {}) is False


def test_a_part_is_due_after_so_much_time(results, tmp_path, monkeypatch):
    store = Store(tmp_path, FINGERPRINT)
    monkeypatch.setattr("brinkmap.store.PART_SECONDS", -1.0)
    assert store.append(results[0], {}) is True


def test_what_is_stored_reads_back_as_it_was(results, tmp_path):
    back = read_results(kept(tmp_path, results, parts=2).merge())
    ordered = sorted(results, key=lambda result: (result.index, result.max_l2))
    assert len(back) == len(results)
    for was, now in zip(ordered, back, strict=True):
        for name in PUBLIC_FIELDS:
            before, after = getattr(was, name), getattr(now, name)
            if isinstance(before, np.ndarray):
                assert_array_equal(after, before)
                assert after.dtype == before.dtype
            else:
                assert after == before, name
        assert now.adversarial is None


def test_the_merged_file_is_sorted_with_no_bound_last(tmp_path):
    rows = [failed_result(index, None, "-", 0, bound) for index in (2, 0, 1) for bound in (None, 2.0, 0.5)]
    table = pq.read_table(kept(tmp_path, rows, parts=4).merge())
    assert table.schema == SCHEMA
    assert table["index"].to_pylist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert table["max_l2"].to_pylist() == [0.5, 2.0, None] * 3


@pytest.mark.parametrize("parts", [1, 2, 16])
def test_the_merged_file_has_the_same_bytes_whatever_the_order_of_arrival(results, tmp_path, parts):
    expected = kept(tmp_path / "in order", results).merge().read_bytes()
    order = np.random.default_rng(parts).permutation(len(results))
    store = kept(tmp_path / "shuffled", [results[place] for place in order], parts)
    assert store.merge().read_bytes() == expected


def test_many_rows_have_the_same_bytes_whatever_the_parts(tmp_path):
    answer = np.linspace(0, 1, 10, dtype=np.float32)
    blank = failed_result(0, 1, "", 0, None)
    plan = np.arange(128, dtype=np.int16).reshape(64, 2)
    rows = [
        dataclasses.replace(blank, index=n, before=answer + n, after=answer, plan=plan + n % 7, error=f"row {n}")
        for n in range(6000)
    ]
    whole, pieces = kept(tmp_path / "whole", rows), kept(tmp_path / "pieces", rows[::-1], parts=37)
    assert whole.merge().read_bytes() == pieces.merge().read_bytes()


def test_done_are_the_samples_and_bounds_that_are_written(results, tmp_path):
    store = kept(tmp_path, results[:3])
    store.append(results[3], {})
    assert store.done() == {(result.index, result.max_l2) for result in results[:3]}
    assert [result.index for result in store.results()] == [result.index for result in results[:3]]


def test_a_resumed_store_goes_on_with_the_next_part_and_knows_costs_and_batch_size(results, tmp_path):
    store = kept(tmp_path, results[:2])
    store.flush({"ledger_total": 7, "seconds": 1.5}, batch_size=64)
    again = kept(tmp_path, [])
    again = Store(tmp_path, FINGERPRINT)
    assert again.batch_size == 64
    again.append(results[2], {})
    again.flush({"ledger_total": 9}, batch_size=32)
    assert (again.batch_size, again.costs) == (64, {"ledger_total": 9})
    assert len(list((tmp_path / "parts").iterdir())) == 2
    assert len(again.done()) == 3


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"budget": 31}, r"\(budget was 30, is 31\)"),
        ({"max_l2": [0.5]}, r"\(max_l2 was \[0.5, 1.5\], is \[0.5\]\)"),
        ({"agent": "credit", "budget": 5}, r"\(agent was 'random', is 'credit'; budget was 30, is 5\)"),
        ({"data_sha256": "abc"}, r"\(data_sha256 was None, is 'abc'\)"),
    ],
    ids=str,
)
def test_another_runs_folder_is_refused_and_left_as_it_was(results, tmp_path, other, said):
    kept(tmp_path, results[:2])
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path)}
    with pytest.raises(InputError, match=f"holds another run {said}. Give another --out"):
        Store(tmp_path, FINGERPRINT | other)
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path)} == before


def truncated(path):
    path.write_bytes(path.read_bytes()[:-20])


def alien(path):
    pq.write_table(pa.table({"cats": [1, 2]}), path)


def of_other_types(path):
    pq.write_table(pa.table({name: ["?"] for name in SCHEMA.names}), path)


@pytest.mark.parametrize("spoil", [truncated, alien, of_other_types])
@pytest.mark.parametrize("read", ["done", "results", "merge"])
def test_a_part_that_is_none_gives_one_clear_error(results, tmp_path, spoil, read):
    kept(tmp_path, results, parts=2)
    spoil(tmp_path / "parts" / "part-000001.parquet")
    with pytest.raises(InputError, match=r"part-000001.parquet is no whole file of results: .* Delete it") as raised:
        getattr(Store(tmp_path, FINGERPRINT), read)()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["missing.parquet", "text.parquet"])
def test_read_results_of_what_is_none(tmp_path, name):
    (tmp_path / "text.parquet").write_text("no results")
    with pytest.raises(InputError, match=f"{name} is no whole file of results"):
        read_results(tmp_path / name)


@pytest.mark.parametrize("text", ["{", "[]", '{"other": 1}', ""], ids=repr)
def test_an_unreadable_run_file_gives_one_clear_error(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(
        InputError,
        match=r"run.json cannot be read: .*of this very command, delete that file: .*Else give another --out",
    ) as raised:
        Store(tmp_path, FINGERPRINT)
    assert "\n" not in str(raised.value)


def test_files_that_are_no_parts_are_left_alone(results, tmp_path):
    kept(tmp_path, results[:2])
    (tmp_path / "parts" / "part-notes.parquet").write_text("mine")
    assert len(Store(tmp_path, FINGERPRINT).done()) == 2
    assert (tmp_path / "parts" / "part-notes.parquet").exists()


def test_the_trace_is_stored_step_by_step(results, tmp_path):
    kept(tmp_path, results, parts=2)
    rows = [row for n in range(2) for row in pq.read_table(tmp_path / f"trace/part-{n:06d}.parquet").to_pylist()]
    steps = [(result.index, result.max_l2, step) for result in results for step in result.trace]
    assert len(rows) == len(steps) == sum(result.steps for result in results)
    for row, (index, bound, step) in zip(rows, steps, strict=True):
        assert (row["index"], row["max_l2"], row["query"], row["accepted"]) == (index, bound, step.query, step.accepted)
        assert (row["cells"], row["codes"]) == (step.cells.tolist(), step.codes.tolist())
        assert np.float16(row["log_probabilities"]).tolist() == step.log_probabilities.tolist()


def test_the_summary_is_plain_json(tmp_path):
    path = Store(tmp_path, FINGERPRINT).write_summary({"b": 1, "a": None})
    assert json.loads(path.read_text()) == {"a": None, "b": 1}


HOLDS = """
import sys
from pathlib import Path
from brinkmap.store import Store
held = Store(Path(sys.argv[1]), {})
print("held", flush=True)
sys.stdin.read()
"""


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    assert not is_open(tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "held\n"
        assert is_open(tmp_path)
        with pytest.raises(InputError, match="another process is writing to it"):
            Store(tmp_path, {})
    finally:
        other.kill()
        other.wait()
    Store(tmp_path, {})  # a process that was killed holds nothing


def test_the_same_process_may_open_a_folder_again(tmp_path):
    first, second = Store(tmp_path, FINGERPRINT), Store(tmp_path, FINGERPRINT)
    assert first.directory == second.directory


def test_results_of_before_the_spread_was_measured_are_read_with_blanks(results, tmp_path):
    path = kept(tmp_path, results).merge()
    pq.write_table(pq.read_table(path).drop_columns([*SPREAD]), path)
    read = columns_of(path, ["index", *SPREAD])
    assert list(read.columns) == ["index", *SPREAD]
    assert read[[*SPREAD]].isna().all(axis=None)
    assert len(read) == len(results)
