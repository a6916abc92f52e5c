"""The page's server: one page, its files, and what its script asks for."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import AsyncIterator
from importlib import resources
from typing import Any

import anyio
import anyio.to_thread
from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from brinkmap.errors import BrinkmapError
from brinkmap.ui.catalogue import Catalogue
from brinkmap.ui.clients import Client, Clients
from brinkmap.ui.guard import Guard
from brinkmap.ui.limits import Limits, Refused
from brinkmap.ui.live import Event, LiveAttack
from brinkmap.ui.orders import Order, Pace, plan_of
from brinkmap.ui.share import FORMS
from brinkmap.ui.shown import shown_sample
from brinkmap.ui.uploads import Reading, read_upload

__all__ = ["create_app"]

COOKIE = "brinkmap"
FILES = {
    "": ("index.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "player.css": ("player.css", "text/css; charset=utf-8"),
    "draw.js": ("draw.js", "text/javascript; charset=utf-8"),
    "player.js": ("player.js", "text/javascript; charset=utf-8"),
    "form.js": ("form.js", "text/javascript; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "icon.svg": ("icon.svg", "image/svg+xml"),
}
"""All that there is to be fetched beside the answers to the script."""
HEARTBEAT_S = 1.0
"""Seconds between two signs of life, each of which finds out whether somebody still reads."""
READERS = 2
"""Uploads that are decoded at once."""


def create_app(catalogue: Catalogue, limits: Limits, hosts: frozenset[str]) -> FastAPI:
    """The server as an ASGI application; `app.state.clients` holds the sessions.

    Args:
        catalogue: what it offers.
        limits: what a visitor may ask for.
        hosts: names that it answers to, without port.
    """
    clients, reading = Clients(limits), threading.BoundedSemaphore(READERS)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        clients.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.clients = clients
    _refusals(app)
    _pages(app)
    _samples(app, catalogue, clients, reading)
    _attacks(app, catalogue, clients)
    app.add_middleware(Guard, hosts=hosts, largest=limits.upload_mb * 2**20)
    return app


def _refusals(app: FastAPI) -> None:
    """Every failure is JSON with one `error` for people."""

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return JSONResponse({"error": str(error)}, error.status)

    @app.exception_handler(BrinkmapError)
    async def failed(_: Request, error: BrinkmapError) -> Response:
        return JSONResponse({"error": " ".join(str(error).split())}, 422)

    @app.exception_handler(RequestValidationError)
    async def misread(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"error": f"{where}: {first['msg']}."[:300]}, 422)


def _pages(app: FastAPI) -> None:
    @app.get("/")
    @app.get("/page/{name}")
    def file(name: str = "") -> Response:
        if name not in FILES:
            raise Refused(404, "There is no such page.")
        inside, kind = FILES[name]
        return Response((resources.files("brinkmap.ui") / "page" / inside).read_bytes(), media_type=kind)


def _samples(app: FastAPI, catalogue: Catalogue, clients: Clients, reading: threading.BoundedSemaphore) -> None:
    limits = clients.limits

    @app.post("/api/hello")
    def hello(request: Request) -> Response:
        try:
            client = clients.of(request.cookies.get(COOKIE))
        except Refused:
            client = clients.open(request.client.host if request.client else "")
        said = {"victims": [offer.told() for offer in catalogue.offers.values()], "limits": _told(limits, client)}
        answer = JSONResponse(said)
        answer.set_cookie(COOKIE, client.token, httponly=True, samesite="strict", secure=request.url.scheme == "https")
        return answer

    @app.get("/api/victims/{name}")
    def victim(name: str, request: Request) -> dict[str, Any]:
        clients.of(request.cookies.get(COOKIE))
        return catalogue.fitting(catalogue.offer(name))

    @app.post("/api/uploads")
    def upload(
        request: Request, files: list[UploadFile], victim: str = Form(max_length=100),
        leads: str = Form("", max_length=200), start_s: float = Form(0.0, ge=0, allow_inf_nan=False),
        rate_hz: float | None = Form(None, gt=0, le=1e6, allow_inf_nan=False), unit: str = Form("", max_length=5),
        resample: bool = Form(False), index: int = Form(0, ge=0),
    ) -> dict[str, Any]:  # fmt: skip
        client, offer = clients.of(request.cookies.get(COOKIE)), catalogue.offer(victim)
        if len(files) > 8:
            raise Refused(422, "Choose at most 8 files: a .hea with its .dat files.")
        if not reading.acquire(timeout=10):
            raise Refused(503, "Other uploads are being read. Try again in a moment.")
        try:
            contents = [(file.filename or "", file.file.read()) for file in files]
            how = Reading(leads, start_s, rate_hz, unit or None, resample, index)
            sampled = read_upload(contents, how, offer, limits)
        finally:
            reading.release()
        assert offer.victim is not None
        shown = shown_sample(sampled.sample, offer.victim.bounds)
        return {"upload": client.keep(sampled), "name": sampled.name, "notes": sampled.notes, "shown": shown}


def _attacks(app: FastAPI, catalogue: Catalogue, clients: Clients) -> None:
    readers = anyio.CapacityLimiter(2 * clients.limits.attacks)  # so that those who watch leave threads for commands

    @app.post("/api/attacks")
    async def begin(order: Order, request: Request) -> Response:
        client = clients.of(request.cookies.get(COOKIE))
        plan = await run_in_threadpool(plan_of, order, client, catalogue, clients.limits)
        attack = await run_in_threadpool(clients.begin, client, plan)
        return StreamingResponse(_stream(attack, request, readers), media_type="text/event-stream")

    @app.post("/api/attacks/{name}/pace")
    def pace(name: str, wanted: Pace, request: Request) -> dict[str, Any]:
        attack = clients.of(request.cookies.get(COOKIE)).attack(name)
        attack.gate.set_pace(wanted.pace)
        return {"pace": wanted.pace}

    @app.post("/api/attacks/{name}/{command}")
    def command(name: str, command: str, request: Request) -> dict[str, Any]:
        gate = clients.of(request.cookies.get(COOKIE)).attack(name).gate
        commands = {"pause": gate.pause, "go": gate.go, "step": gate.step, "stop": lambda: gate.stop("stopped")}
        if command not in commands:
            raise Refused(404, "There is no such command.")
        commands[command]()
        return {"paused": gate.paused}

    @app.get("/api/attacks/{name}/replay.{form}")
    def replay(name: str, form: str, request: Request) -> Response:
        attack = clients.of(request.cookies.get(COOKIE)).attack(name)
        if form not in FORMS:
            raise Refused(404, "A replay is had as gif or html.")
        if not attack.finished.is_set():
            raise Refused(409, "The attack is still running. Stop it, or wait for its end.")
        made, kind = FORMS[form]
        said = {"Content-Disposition": f'attachment; filename="brinkmap-attack.{form}"'}
        return Response(made(attack.record), media_type=kind, headers=said)


async def _stream(attack: LiveAttack, request: Request, readers: anyio.CapacityLimiter) -> AsyncIterator[str]:
    """The attack's events as they come; whoever stops reading ends it."""
    try:
        while True:
            event = await anyio.to_thread.run_sync(_next, attack, abandon_on_cancel=True, limiter=readers)
            if event is None:
                if await request.is_disconnected():
                    return
                yield ": still here\n\n"
                continue
            yield event.text
            attack.gate.read()
            if event.kind == "end":
                return
    finally:
        attack.gate.stop("dropped")


def _next(attack: LiveAttack) -> Event | None:
    try:
        return attack.events.get(timeout=HEARTBEAT_S)
    except queue.Empty:
        return None


def _told(limits: Limits, client: Client) -> dict[str, Any]:
    return {
        "budget": limits.budget, "queries": limits.queries, "spent": client.spent, "attacksEach": limits.attacks_each,
        "uploadMb": limits.upload_mb, "idleS": limits.idle_s,
    }  # fmt: skip
