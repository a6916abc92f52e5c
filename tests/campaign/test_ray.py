"""Campaigns on Ray: workers in processes of their own, killed and driven by drivers that are killed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from victims_apart import counting

from brinkmap import InputError, Run, audit
from brinkmap.campaign import Scale, campaign
from brinkmap.errors import BrinkmapError
from victims_known import Linear, samples_for

pytestmark = pytest.mark.slow
VICTIM = Linear((1, 8, 8))
SAMPLES, LABELS = samples_for(VICTIM, 200)
RUN = Run(agent="random", patch=2, budget=30, refine_budget=10, slots=16)
TOTAL = 2500


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """One for all tests that do not start their own: a second takes its time."""
    pytest.importorskip("ray")
    from brinkmap.campaign.ray_crew import RayCrew

    crew = RayCrew(3, None)
    yield crew
    crew.close()


def merged(folder):
    return (folder / "results.parquet").read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    audit(VICTIM, SAMPLES, LABELS, RUN, out=folder)
    campaign(lambda: VICTIM, SAMPLES, LABELS, RUN, Scale(total_queries=TOTAL), out=folder / "total")
    return {None: merged(folder), TOTAL: merged(folder / "total")}


@pytest.mark.parametrize("total", [None, TOTAL])
@pytest.mark.parametrize("workers", [2, 3])
def test_the_bytes_are_those_of_one_worker(tmp_path, whole, workers, total):
    count = tmp_path / "count"
    scale = Scale(workers=workers, total_queries=total)
    done = campaign(counting(count), SAMPLES, LABELS, RUN, scale, out=tmp_path / "out").summary
    assert merged(tmp_path / "out") == whole[total]
    assert done["ledger_total"] == count.stat().st_size
    assert done["queries_total"] + done["queries_dropped"] == done["ledger_total"]


@pytest.mark.parametrize("total", [None, TOTAL])
def test_a_killed_worker_loses_no_result_and_its_queries_are_counted(tmp_path, whole, total):
    count = tmp_path / "count"
    scale = Scale(workers=2, total_queries=total)
    done = campaign(counting(count, dies_at=700), SAMPLES, LABELS, RUN, scale, out=tmp_path / "out").summary
    assert merged(tmp_path / "out") == whole[total]
    assert done["worker_deaths"] == 1
    assert done["ledger_total"] == count.stat().st_size
    assert done["queries_lost"] > 0
    assert done["ledger_total"] == sum(done[f"queries_{kind}"] for kind in ("total", "lost", "dropped"))


def test_a_victim_that_cannot_be_made_over_there_is_said(tmp_path):
    with pytest.raises(InputError, match="a worker could not be made: FileNotFoundError"):
        campaign(
            counting(tmp_path / "no" / "such"), SAMPLES, LABELS, RUN, Scale(workers=2),
            out=tmp_path / "out", victim=VICTIM, crew=_unmade,
        )  # fmt: skip


def _unmade():
    from brinkmap.campaign.ray_crew import RayCrew

    crew = RayCrew(2, None)
    start = crew.start

    def with_missing_file(worker, recipe, tally):
        object.__setattr__(recipe, "make", _missing)
        start(worker, recipe, tally)

    crew.start = with_missing_file
    return crew


def _missing():
    raise FileNotFoundError("weights.bin")


def test_a_victim_that_fails_over_there_ends_the_campaign(tmp_path):
    with pytest.raises(BrinkmapError, match="Is a directory"):
        campaign(counting(tmp_path), SAMPLES, LABELS, RUN, Scale(workers=2), out=tmp_path / "out", victim=VICTIM)


@pytest.fixture
def command(tmp_path):
    """The words of a command over 200 samples, and the environment that its victim reads."""
    np.savez(tmp_path / "data.npz", x=SAMPLES, y=LABELS)
    path = Path(__file__).with_name("victims_apart.py")
    environment = os.environ | {"COUNT": str(tmp_path / "count"), "PYTHONPATH": str(path.parents[1])}

    def words(out, *more, victim=path):
        flags = ["--agent", "random", "--patch", "2", "--budget", "30", "--refine-budget", "10", "--slots", "16"]
        what = ["audit", "--victim", f"{victim}:factory", "--data", str(tmp_path / "data.npz"), "--out", str(out)]
        return [sys.executable, "-m", "brinkmap", *what, *flags, *more]

    return words, environment


@pytest.mark.parametrize("then", [("--workers", "1"), ("--workers", "3")], ids=" ".join)
def test_the_same_command_after_a_killed_driver_ends_with_the_same_bytes(tmp_path, whole, command, then):
    words, environment = command
    out = tmp_path / "out"
    slow = environment | {"SLOW_S": "0.05"}
    driver = subprocess.Popen(words(out, "--workers", "2"), env=slow, stdout=subprocess.DEVNULL)
    try:
        while not (out / "parts" / "part-000000.parquet").exists():
            assert driver.poll() is None
            time.sleep(0.05)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    assert not (out / "results.parquet").exists()
    _wait_until_still(tmp_path / "count")
    subprocess.run(words(out, *then), env=environment, check=True, stdout=subprocess.DEVNULL)
    done = json.loads((out / "summary.json").read_text())
    assert merged(out) == whole[None]
    assert done["ledger_total"] == (tmp_path / "count").stat().st_size
    assert done["queries_lost"] == done["ledger_total"] - done["queries_total"] > 0


def _wait_until_still(count):
    """Ray ends the workers of a dead driver; until then they go on asking."""
    size = -1
    while count.stat().st_size != size:
        size = count.stat().st_size
        time.sleep(3)


def test_a_running_cluster_is_joined_by_its_address(tmp_path, whole, command, cluster):
    import ray

    words, environment = command
    address = ray.get_runtime_context().gcs_address
    joined = words(tmp_path / "out", "--ray", address, victim=Path(__file__).parents[1] / "victims_known.py")
    subprocess.run(joined, env=environment, check=True, stdout=subprocess.DEVNULL)
    assert merged(tmp_path / "out") == whole[None]
    assert json.loads((tmp_path / "out" / "campaign.json").read_text())["workers"] == 3
