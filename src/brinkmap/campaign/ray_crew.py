"""Workers as Ray actors, each in a process of its own, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from brinkmap.campaign.crew import Died, Ready, Recipe, Reported, Step
from brinkmap.campaign.messages import Part
from brinkmap.campaign.worker import Worker
from brinkmap.errors import BrinkmapError, InputError, MissingExtra

__all__ = ["RayCrew"]

CONNECT_S = 5.0
"""A cluster whose address does not take a connection for so long is not there."""
START_TRIES = 3
"""Ray gives its own processes half a minute, which a busy machine may not keep."""
START_S = 600.0
"""A cluster that has not started a single worker for so long has no room for one."""
HEARD_S = 2.0
"""`wait` comes back after so long at the latest, so that the driver can write what it has."""
OBJECTS_BYTES = 256 * 2**20
"""Shared memory for a local cluster: shards and parts are small."""
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")


class RayCrew:
    """Workers that are Ray actors of one CPU each.

    Args:
        workers: how many CPUs a local cluster is to have; None for those of this machine.
        address: of a running cluster; None for one of this process's own, which ends with it.

    Raises:
        MissingExtra: Ray is not installed.
        InputError: no cluster answers at that address.
    """

    apart = True
    ahead = 2

    def __init__(self, workers: int | None, address: str | None) -> None:
        self._ray = ray = _ray()
        self._own = not ray.is_initialized()
        if self._own:
            _connect(ray, workers, address)
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(_Hand)
        self._hands: dict[int, Any] = {}
        self._reports: dict[Any, int] = {}
        self._any_ready = False
        self._began = time.monotonic()

    @property
    def cpus(self) -> int:
        """CPUs of the cluster, each of which takes one worker."""
        return int(self._ray.cluster_resources().get("CPU", 1))

    def start(self, worker: int, recipe: Recipe, tally: Path) -> None:
        """Ask the cluster for one more actor, which makes its worker when it is up."""
        hand = self._hands[worker] = self._actor.remote()
        self._reports[hand.make.remote(recipe, str(tally.resolve()), os.getcwd())] = worker

    def step(self, worker: int, step: Step) -> None:
        """Have it do a step once it is done with those before."""
        self._reports[self._hands[worker].step.remote(step)] = worker

    def wait(self) -> Ready | Reported | Died | None:
        """What happens next; None where nothing did for a while."""
        ready, _ = self._ray.wait(list(self._reports), num_returns=1, timeout=HEARD_S)
        if not ready:
            if not self._any_ready and time.monotonic() - self._began > START_S:
                raise InputError(f"ray: no worker has started in {START_S:.0f} s; each takes one CPU of {self.cpus}.")
            return None
        [report] = ready
        worker = self._reports.pop(report)
        try:
            said = self._ray.get(report)
        except self._ray.exceptions.RayActorError as error:
            return self._buried(worker, error)
        except self._ray.exceptions.RayError as error:
            said = " ".join(str(error.__cause__ or error).split())
            raise BrinkmapError(f"a worker failed: {said}") from error
        if isinstance(said, BrinkmapError):
            raise said
        if said is None:
            self._any_ready = True
            return Ready(worker)
        assert isinstance(said, Part)
        return Reported(worker, said)

    def close(self) -> None:
        """End all workers at once, and the cluster if it is our own."""
        for hand in self._hands.values():
            self._ray.kill(hand)
        if self._own:
            self._ray.shutdown()

    def _buried(self, worker: int, error: Exception) -> Died:
        del self._hands[worker]
        self._reports = {report: number for report, number in self._reports.items() if number != worker}
        return Died(worker, " ".join(str(error).split()))


class _Hand:
    """The actor: a worker, once it is made."""

    _worker: Worker

    def make(self, recipe: Recipe, tally: str, directory: str) -> BrinkmapError | None:
        """Make the worker; what is wrong with it is returned, as it will be wrong with the next one too."""
        if os.path.isdir(directory):
            os.chdir(directory)  # paths of victims and agents are relative to where the command was given
        try:
            with _one_thread():
                self._worker = Worker(recipe.make, recipe.shape, recipe.run, Path(tally), recipe.every_picture)
        except Exception as error:
            return InputError(f"a worker could not be made: {type(error).__name__}: {error}")
        return None

    def step(self, step: Step) -> Part:
        """As the worker's."""
        return self._worker.step(*step)


@contextmanager
def _one_thread() -> Iterator[None]:
    """What is loaded within computes on one thread, then and later: there is a worker for each core already."""
    from threadpoolctl import threadpool_limits

    os.environ |= dict.fromkeys(THREADS, "1")
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    if allowed is not None:
        os.sched_setaffinity(0, {min(allowed)})  # ONNX Runtime takes a thread for each processor it is allowed
    try:
        yield
    finally:
        if allowed is not None:
            os.sched_setaffinity(0, allowed)
    threadpool_limits(1)


def _ray() -> Any:
    try:
        import ray
        import ray.exceptions
    except ImportError as error:
        raise MissingExtra("a campaign of several workers", "ray") from error
    return ray


def _connect(ray: Any, workers: int | None, address: str | None) -> None:
    if address is not None:
        _check_answers(address)
        try:
            ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False)
        except Exception as error:
            said = " ".join(str(error).split())
            raise InputError(f"ray: no cluster can be joined at {address!r}: {said}") from error
        return
    imports = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}  # as this process does
    with _environment(imports):
        for tries_left in reversed(range(START_TRIES)):
            before = _children()
            try:
                ray.init(
                    address="local", num_cpus=workers, num_gpus=0, include_dashboard=False, log_to_driver=False,
                    logging_level=logging.ERROR, object_store_memory=OBJECTS_BYTES,
                )  # fmt: skip
                return
            except Exception as error:
                for pid in _children() - before:  # Ray would leave them until this process ends
                    os.kill(pid, signal.SIGKILL)
                if not tries_left:
                    said = " ".join(str(error).split())
                    raise BrinkmapError(f"ray: no cluster could be started on this machine: {said}") from error


def _children() -> set[int]:
    """This process's own children, where the system tells."""
    return {int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    was = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield
    finally:
        for name, value in was.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _check_answers(address: str) -> None:
    """Ray itself would try for half a minute, and say so at length."""
    if address == "auto":
        return
    place = urlsplit(address if "://" in address else f"ray-gcs://{address}")
    try:
        host, port = place.hostname, place.port
    except ValueError:
        host, port = None, None
    if not host or port is None:
        raise InputError(f"ray: expected HOST:PORT, ray://HOST:PORT or auto, got {address!r}.")
    try:
        socket.create_connection((host, port), CONNECT_S).close()
    except OSError as error:
        raise InputError(
            f"ray: no cluster answers at {address!r}: {error.strerror or error}. Start one with `ray start --head`, or "
            "leave --ray out and give --workers."
        ) from error
