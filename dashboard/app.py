"""The dashboard's process: a web server, read from the bus and the record, never in the station's way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import uvicorn
from fastapi import FastAPI
from nicegui import core, ui
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboard import live_page
from dashboard.api.answers import add_refusals
from dashboard.api.description import describe
from dashboard.background import Background
from dashboard.certificate import certificate_of, keep_fresh
from dashboard.desk import Desk
from dashboard.frame import FAVICON, Page
from dashboard.guard import SecurityHeaders, allowed_hosts, hide_faults, require_safe, use_nonce
from dashboard.history import last_rejects, said_before
from dashboard.live import Live
from dashboard.models import differences_page, model_page, models_page
from dashboard.parts import history_page, part_page
from dashboard.parts.replays import Replays
from dashboard.parts.routes import parts_router
from dashboard.people import audit_page, login_page, me_page, people_page, setup_page
from dashboard.people.access import OPEN, Access, Rule
from dashboard.people.closed import add_closed
from dashboard.people.entrance import Entrance
from dashboard.people.first_start import prepare_people
from dashboard.people.pseudonyms import Pseudonyms
from dashboard.people.rates import Rates
from dashboard.people.sessions import Sessions
from dashboard.people.staff import Staff
from dashboard.people.terminals import Terminals
from dashboard.people.tokens import Tokens
from dashboard.people.tries import Tries
from dashboard.people.users import People
from dashboard.pictures import Pictures
from dashboard.recipes import editor_page, list_page, version_page
from dashboard.record import Record
from dashboard.report import page as report_page
from dashboard.report.job import keep_reports
from dashboard.review import page as review_page
from dashboard.routes import add_routes
from dashboard.setup import commission_page, selftest_page
from dashboard.setup import routes as setup_routes
from dashboard.setup.selftests import SelfTests
from dashboard.statistics import page as statistics_page
from dashboard.statistics import shifts_page
from dashboard.viewers import Viewers
from edge.alive import REPEAT_S, keeper
from edge.config import Station
from edge.errors import SettingsError
from edge.processes import step_back

GRACE_S = 1
PAGES = (  # in the order of the navigation
    live_page,
    review_page,
    history_page,
    part_page,
    statistics_page,
    shifts_page,
    report_page,
    list_page,
    editor_page,
    version_page,
    models_page,
    model_page,
    differences_page,
    selftest_page,
    commission_page,
    people_page,
    audit_page,
    login_page,
    setup_page,
    me_page,
)
API = (
    *setup_routes.RULES,
    Rule("/api/openapi.json", "look"),
    Rule("/api/models", "history", "review"),  # each order asks for its own permission
    Rule("/metrics", "look"),  # no more than the line's page shows
    Rule("/api/live", "look"),
    Rule("/api/audit", "audit"),
    Rule("/api/audit.csv", "audit"),
    Rule("/api/audit.json", "audit"),
    Rule("/api/parts", "history"),
    Rule("/api/inspections", "history"),
    Rule("/api/export", "export"),
    Rule("/api/review", "review"),
    Rule("/api/reports", "statistics"),
    Rule("/api/line", "look", "acknowledge"),
)


def make_app(config: Station) -> FastAPI:
    """The web application of one station.

    Raises:
        SettingsError: it would listen at an address that others can reach, without TLS or without a user.
    """
    use_nonce()
    hide_faults()
    live = Live(config)
    viewers = Viewers(live)
    people = People(Path(config.record.folder))
    record = Record(config.record.folder, config.name)
    sessions = Sessions(people, config.dashboard)
    tokens = Tokens(people, record.note_now)
    prepare_people(config, people, record)
    require_safe(config, people)
    replays = Replays(config)
    desk = Desk(
        config,
        live,
        viewers,
        Pictures(config.record.ring_folder, config.record.folder),
        record,
        people,
        sessions,
        Entrance(people, sessions, Tries(people), Terminals(config.dashboard.terminals), record),
        Staff(people, record.note_now),
        tokens,
        Pseudonyms(people, record.note_now),
        SelfTests(config, record),
        pages=[module.PAGE for module in PAGES],
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        rejects = await asyncio.to_thread(last_rejects, config.record.folder)
        live.restore(rejects, *await asyncio.to_thread(said_before, config.record.folder, time.time_ns()))
        await viewers.start()
        background = Background(config, live, desk.record)
        background.start()
        alive = asyncio.create_task(_say_alive(live))
        reports = asyncio.create_task(keep_reports(config))
        yield
        alive.cancel()
        reports.cancel()
        await background.stop()
        await viewers.stop()
        desk.selftests.close()
        await replays.close()
        desk.entrance.close()
        desk.record.close()
        people.close()

    rules = door_rules(desk.pages)
    app = FastAPI(
        title="Gutteil",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=allowed_hosts(config), www_redirect=False),
            Middleware(SecurityHeaders, tls=config.dashboard.tls != "off"),
            Middleware(Access, people=people, sessions=sessions, tokens=tokens, rates=Rates(), rules=rules),
        ],
    )
    add_refusals(app)
    add_routes(app, desk)
    app.include_router(parts_router(desk, replays))
    app.openapi = describe(app, desk.schemas, rules)  # type: ignore[method-assign]
    add_closed(app, rules)
    for module in PAGES:
        module.add(desk)
    # else a bar without a name, for screen readers, runs along at each request that a script makes
    core.app.config.quasar_config["loadingBar"]["skipHijack"] = True
    ui.run_with(
        app,
        title="Gutteil",
        favicon=FAVICON,
        binding_refresh_interval=None,  # nothing is bound: the state goes to the pages by its own stream
        gzip_middleware_factory=None,  # over loopback, packing costs more than it saves
        message_history_length=0,
        tailwind=False,
        show_welcome_message=False,
    )
    return app


def door_rules(pages: list[Page]) -> tuple[Rule, ...]:
    """The door's table. Until there is a user, only the line's page is open, and the one that makes the first admin."""
    named = {rule.path for rule in OPEN}
    paths = {page.path.partition("/{")[0]: page for page in pages}
    return (*OPEN, *API, *(Rule(path, page.needs, page=True) for path, page in paths.items() if path not in named))


async def _say_alive(live: Live) -> None:
    """While the event loop turns, which this task shows by running, and the reader of the bus does too."""
    while True:
        await asyncio.sleep(REPEAT_S)
        if live.reading:
            keeper.progress("serving")


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((host, port))
    except OSError as error:
        server.close()
        raise SettingsError(
            f"dashboard.port = {port}: cannot listen at {host}:{port} ({error.strerror}); end what uses it or choose another port"
        ) from error
    return server


def run_dashboard(config: Station, stop: threading.Event) -> None:
    """The dashboard's process: serves until `stop` is set or the process is signalled.

    Raises:
        SettingsError: the address must not be used, the certificate cannot be, or the port is taken.
    """
    step_back()
    certificate = certificate_of(config)
    cv2.setNumThreads(1)
    logging.getLogger("nicegui").setLevel(logging.ERROR)  # else every address that is not found is a line in the log
    app = make_app(config)
    listener = _listen(config.dashboard.host, config.dashboard.port)
    settings = uvicorn.Config(
        app,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        date_header=False,
        ws="websockets-sansio",
        proxy_headers=False,  # else a header would say where a request comes from, and whoever sends it writes that
        h11_max_incomplete_event_size=32_768,
        ssl_certfile=certificate.certificate if certificate else None,
        ssl_keyfile=certificate.key if certificate else None,
        ws_per_message_deflate=False,  # as above, and fifty times for fifty viewers
    )
    settings.load()
    server = uvicorn.Server(settings)
    if certificate is not None and settings.ssl is not None:
        threading.Thread(target=keep_fresh, args=(config, certificate, settings.ssl, stop), name="certificate", daemon=True).start()

    def wait() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=wait, name="stop", daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
