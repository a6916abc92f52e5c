"""What all workers together have asked, whoever of them is still alive to say so."""

from __future__ import annotations

from pathlib import Path

from brinkmap.campaign.messages import Part
from brinkmap.store import Store
from brinkmap.victims.tally import read_tally

__all__ = ["FOLDER", "Books", "with_workers"]

FOLDER = "ledger"
SUMMED = ("cache_hits", "victim_seconds")


class Books:
    """The ledger of a campaign: earlier sessions, and for each worker the larger of what it said and what it wrote.

    Each worker keeps a file with its count of queries, written before a batch goes out. Where the driver can read that
    file, a killed worker or a killed driver hides no query. Where it cannot (another machine, no shared folder), the
    last part tells, and `unseen_at_most` says how many more it may have been.

    Args:
        store: of the run.
    """

    def __init__(self, store: Store) -> None:
        self._folder = store.directory / FOLDER
        self._folder.mkdir(exist_ok=True)
        self._before = {"ledger_total": 0, "ledger_sent": 0, "export_queries": 0} | store.costs
        self._before["ledger_total"] -= self._before.get("tallied", 0)
        self._before["ledger_sent"] -= self._before.get("tallied_sent", 0)
        self._said: dict[int, Part] = {}
        self._paths: dict[int, Path] = {}
        self._first = 1 + max((int(path.stem) for path in self._folder.glob("*.queries")), default=-1)
        self.unseen_at_most = int(self._before.get("unseen_at_most", 0))
        self.deaths = int(self._before.get("worker_deaths", 0))
        self.dropped = int(self._before.get("dropped", 0))
        self.known_cut: tuple[int, int] | None = None
        """A sample and a number of queries that it is known to cost more than."""
        if "cut_index" in self._before:
            self.known_cut = int(self._before["cut_index"]), int(self._before["cut_fuse"])

    def tally_path(self, worker: int) -> Path:
        """Where a new worker keeps its count."""
        path = self._folder / f"{self._first + worker:06d}.queries"
        self._paths[worker] = path
        return path

    def note(self, worker: int, part: Part) -> None:
        """A worker has said what it has asked so far."""
        self._said[worker] = part

    def died(self, worker: int, could_ask: int) -> None:
        """A worker will say no more.

        Args:
            worker: its number.
            could_ask: the most that what it held may have cost.
        """
        self.deaths += 1
        if not self._paths[worker].exists():
            self.unseen_at_most += could_ask

    def cut(self, index: int, spent: int, fuse: int) -> None:
        """A sample was stopped because it does not fit what is left.

        Args:
            index: of the sample.
            spent: on it, in vain.
            fuse: what was left for it.
        """
        self.dropped += spent
        self.known_cut = index, fuse

    def costs(self, seconds: float) -> dict[str, float]:
        """What the run has cost by now, all its sessions together.

        Args:
            seconds: that this session has taken.
        """
        tallies = {path: read_tally(path) for path in self._folder.glob("*.queries")}
        asked, sent = (sum(pair[column] for pair in tallies.values()) for column in (0, 1))
        now = {"ledger_total": asked, "ledger_sent": sent, "seconds": seconds} | dict.fromkeys(SUMMED, 0.0)
        for worker, said in self._said.items():
            written = tallies.get(self._paths[worker], (0, 0))
            now["ledger_total"] += max(0, said.asked - written[0])  # where its file is not to be seen from here
            now["ledger_sent"] += max(0, said.sent - written[1])
            for key in SUMMED:
                now[key] += getattr(said, key)
        together = {key: value + self._before.get(key, 0) for key, value in now.items()}
        own = {"tallied": asked, "tallied_sent": sent, "unseen_at_most": self.unseen_at_most, "dropped": self.dropped}
        own["worker_deaths"] = self.deaths
        if self.known_cut is not None:
            own |= {"cut_index": self.known_cut[0], "cut_fuse": self.known_cut[1]}
        return self._before | together | own


def with_workers(costs: dict[str, float], directory: Path) -> dict[str, float]:
    """What a run has cost, with the queries that its workers have sent out since that was written."""
    read = [read_tally(path) for path in (directory / FOLDER).glob("*.queries")]
    asked, sent = (sum(pair[column] for pair in read) for column in (0, 1))
    late = {"ledger_total": asked - costs.get("tallied", 0), "ledger_sent": sent - costs.get("tallied_sent", 0)}
    return dict(costs) | {key: costs.get(key, 0) + max(0, more) for key, more in late.items()}
