"""A whole audit by many workers, under a budget for all samples together: the same results as by one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc

from brinkmap.arrays import check_bounds
from brinkmap.attack import first_of
from brinkmap.audit import Audit, Demands, Presentation, conclude
from brinkmap.campaign.allowance import Allowance, cut_of
from brinkmap.campaign.books import FOLDER, Books
from brinkmap.campaign.crew import Crew, InProcess, Recipe
from brinkmap.campaign.dealer import Dealer
from brinkmap.campaign.driver import Driver, Progressed
from brinkmap.campaign.outlet import is_url, working_folder
from brinkmap.errors import InputError
from brinkmap.export import Exporter
from brinkmap.files import write_json
from brinkmap.gallery import Gallery
from brinkmap.recorded import fingerprint_of
from brinkmap.rows import StoredResults
from brinkmap.run import Run
from brinkmap.session import Session
from brinkmap.store import PARTS, Store
from brinkmap.summary import Meaning
from brinkmap.victims.protocol import Victim

__all__ = ["Scale", "campaign", "campaign_path", "is_campaign"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much work is done at once, and how much in all."""

    workers: int | None = None
    """Processes that attack, each with a victim of its own; None for one, or with `ray` for each CPU of the cluster."""
    ray: str | None = None
    """Address of a Ray cluster: HOST:PORT, ray://HOST:PORT or auto; None for this machine alone."""
    total_queries: int | None = None
    """Queries that all samples together may cost; samples are kept by index as far as it goes."""

    def check(self) -> None:
        """Look at the values before anything is done.

        Raises:
            InputError: one cannot work.
        """
        if self.workers is not None and self.workers < 1:
            raise InputError(f"workers: expected at least 1, got {self.workers}.")
        if self.total_queries is not None and self.total_queries < 1:
            raise InputError(
                f"total_queries: expected at least 1 query, got {self.total_queries}. Leave it out for no limit."
            )

    def crew(self) -> Crew:
        """Where the workers are to live.

        Raises:
            MissingExtra: Ray is needed and not installed.
            InputError: no cluster answers.
        """
        if self.ray is None and self.workers in (None, 1):
            return InProcess()
        from brinkmap.campaign.ray_crew import RayCrew

        return RayCrew(self.workers, self.ray)


def campaign(
    make_victim: Callable[[], Victim], samples: Any, labels: Any = None, run: Run | None = None,
    scale: Scale | None = None, *, out: str | Path = "brinkmap-results", demands: Demands | None = None,
    presentation: Presentation | None = None, source: dict[str, str] | None = None,
    watch: Callable[[Progressed], None] = lambda progressed: None, meaning: Meaning | None = None,
    victim: Victim | None = None, crew: Callable[[], Crew] | None = None,
) -> Audit:  # fmt: skip
    """Attack every sample with many workers; results, summary and report are those of an audit.

    For victims whose answers do not depend on the batch, `results.parquet` has the same bytes whatever the number of
    workers, one of `brinkmap.audit` included, and whoever of them died. The same call goes on after a kill, with any
    number of workers.

    Args:
        make_victim: makes the victim, once here and once in each worker; picklable where there are several.
        samples, labels, run: as for `brinkmap.attack`; samples are read as they are dealt out.
        scale: workers and the budget of them all.
        out: a folder, or a URL that fsspec reaches (s3://..., file://..., memory://...).
        demands, presentation, source, meaning: as for `brinkmap.audit`.
        watch: called as results come in.
        victim: what `make_victim` makes, where there is one already.
        crew: makes the crew, where it is not to be that of `scale`.

    Raises:
        InputError: bad input; the folder belongs to another run; or not one sample could be attacked.
        MissingExtra: Ray or fsspec are needed and not installed.
        BrinkmapError: a worker failed, or workers die over and over; what is finished is kept.
    """
    run, scale = run or Run(), scale or Scale()
    scale.check()
    victim = make_victim() if victim is None else victim
    count = len(samples) if hasattr(samples, "__len__") else None
    first, samples = first_of(samples, labels, check_bounds(victim.bounds))
    session = Session(victim, first.shape, run)
    with working_folder(out) as (folder, outlet):
        publish = (lambda: None) if outlet is None else (lambda: outlet.publish(folder))
        work = _Work(session, make_victim, folder, scale, presentation or Presentation(), source or {}, publish)
        more, below = work.attack(samples, labels, count, crew or scale.crew, watch)
        done = conclude(
            session, work.store, work.gallery, demands or Demands(), work.presentation, work.source,
            meaning=meaning, exporter=work.exporter, below=below, more=more,
        )  # fmt: skip
        publish()
    if outlet is None:
        return done
    return dataclasses.replace(done, directory=outlet.url, report=f"{outlet.url}/{Path(done.report).name}")


class _Work:
    """A campaign's folder and what is needed to fill it."""

    def __init__(
        self, session: Session, make: Callable[[], Victim], folder: Path, scale: Scale, presentation: Presentation,
        source: dict[str, str], publish: Callable[[], None],
    ) -> None:  # fmt: skip
        self.session, self.make, self.scale = session, make, scale
        self.presentation, self.source, self.publish = presentation, source, publish
        export = presentation.export
        self.exporter = Exporter(folder / "adversarial", export, session) if export else None
        self.store = Store(folder, fingerprint_of(session, source) | {"export": export})
        self.gallery = Gallery(session, folder)
        self.books = Books(self.store)
        self._start_s: float | None = None

    def attack(
        self, samples: Any, labels: Any, count: int | None, crew: Callable[[], Crew],
        watch: Callable[[Progressed], None],
    ) -> tuple[dict[str, Any], int | None]:  # fmt: skip
        """Attack what is not finished; returns figures for the summary, and where the total cuts the samples off."""
        run, parts = self.session.run, sorted((self.store.directory / "parts").glob(PARTS))
        if parts:
            samples = self.gallery.recall(samples, StoredResults(*parts))
        allowance = Allowance(self.scale.total_queries, (run.budget + run.refine_budget) * len(run.l2_bounds))
        dealer = Dealer(
            samples, labels, run.l2_bounds, self._done(), allowance, count=count, known=self.books.known_cut
        )
        if dealer.more():
            self._drive(dealer, crew(), watch)
        return self._figures(count)

    def _drive(self, dealer: Dealer, crew: Crew, watch: Callable[[Progressed], None]) -> None:
        run, workers = self.session.run, self.scale.workers or crew.cpus
        share = None if run.rate_limit is None else run.rate_limit / workers
        recipe = Recipe(
            make=self.make if crew.apart else lambda: self.session.victim,
            shape=self.session.canvas.shape,
            run=dataclasses.replace(run, rate_limit=share),
            every_picture=self.exporter is not None,
        )

        def written() -> None:
            said = {"workers": workers, "ray": self.scale.ray, "total_queries": self.scale.total_queries}
            write_json(campaign_path(self.store.directory), said)
            self.publish()

        driver = Driver(
            crew=crew, recipe=recipe, workers=workers, slots=self.session.slots, dealer=dealer, store=self.store,
            books=self.books, gallery=self.gallery, exporter=self.exporter, written=written, watch=watch,
        )  # fmt: skip
        driver.run()
        self.session.metered.batches.peak_rate = driver.peak_rate
        self._start_s = driver.start_s

    def _done(self) -> Any:
        """What is finished; what the victim failed on is worth another try."""
        rows = self.store.columns(["index", "max_l2", "queries", "error"])
        return rows.filter(pc.or_(pc.is_null(rows["error"]), pc.equal(rows["queries"], 0)))

    def _figures(self, count: int | None) -> tuple[dict[str, Any], int | None]:
        if self.session.run.batch_size is None:
            self.session.metered.batches.frozen = self.store.batch_size
        total, dropped, below = self.scale.total_queries, self.books.dropped, None
        if total is not None:
            rows = self.store.columns(["index", "max_l2", "queries"])
            index, queries = rows["index"].to_numpy(), rows["queries"].to_numpy()
            order = np.argsort(index, kind="stable")
            below = cut_of(index[order], queries[order], total, len(self.session.run.l2_bounds))
            if below is None and count is not None and len(np.unique(index)) < count:
                below = len(np.unique(index))
            dropped += int(queries[index >= below].sum()) if below is not None else 0
        if below == 0:
            raise InputError(
                f"total_queries: {total} are too few for the first sample, on which {dropped} were spent. Give "
                "more; the same command goes on."
            )
        figures = {
            "workers": self.scale.workers or 1,
            "worker_deaths": self.books.deaths,
            "start_seconds": self._start_s,
            "total_queries": total,
            "queries_dropped": dropped,
            "queries_unseen_at_most": self.books.unseen_at_most,
            "samples_dropped": None if below is None or count is None else count - below,
        }
        return figures, below


def campaign_path(folder: Path) -> Path:
    """Where a campaign says how it is being run."""
    return folder / "campaign.json"


def is_campaign(out: str | Path) -> bool:
    """Whether a folder was filled by a campaign, whose ledger only a campaign goes on with."""
    return not is_url(out) and (Path(out) / FOLDER).is_dir()
