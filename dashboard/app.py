"""The dashboard's process: a web server on loopback, read from the bus and the record, never in the station's way."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import cv2
import uvicorn
from fastapi import FastAPI
from nicegui import app as pages
from nicegui import ui
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from dashboard import live_page
from dashboard.desk import Desk
from dashboard.frame import FAVICON
from dashboard.guard import SecurityHeaders, require_loopback
from dashboard.history import last_rejects
from dashboard.live import Live
from dashboard.people import login_page
from dashboard.people.access import OPEN, Access, Rule
from dashboard.people.sessions import Sessions
from dashboard.people.users import People
from dashboard.pictures import Pictures
from dashboard.recipes import editor_page, list_page, version_page
from dashboard.record import Record
from dashboard.review import page as review_page
from dashboard.routes import add_routes
from dashboard.viewers import Viewers
from edge.alive import REPEAT_S, keeper
from edge.config import Station
from edge.errors import SettingsError
from edge.processes import step_back

GRACE_S = 1
PAGES = (  # in the order of the navigation
    live_page,
    review_page,
    list_page,
    editor_page,
    version_page,
    login_page,
)
API = (
    Rule("/api/live", "look"),
    Rule("/api/line/acknowledge", "look"),
    Rule("/api/parts", "history"),
    Rule("/api/review", "review"),
)


def make_app(config: Station) -> FastAPI:
    """The web application of one station.

    Raises:
        SettingsError: it would listen at an address that others can reach.
    """
    require_loopback(config.dashboard.host)
    live = Live(config)
    viewers = Viewers(live)
    people = People(Path(config.record.folder))
    desk = Desk(
        config,
        live,
        viewers,
        Pictures(config.record.ring_folder, config.record.folder),
        Record(config.record.folder, config.name),
        people,
        Sessions(people),
        [module.PAGE for module in PAGES],
    )

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        live.restore(await asyncio.to_thread(last_rejects, config.record.folder))
        await viewers.start()
        alive = asyncio.create_task(_say_alive(live))
        yield
        alive.cancel()
        await viewers.stop()
        desk.record.close()
        people.close()

    rules = (*OPEN, *API, *(Rule(page.path, page.needs) for page in desk.pages))
    # a foreign name that resolves to this machine (DNS rebinding) is refused by the host check
    hosts = ["localhost", "127.0.0.1", "[::1]", "::1", config.dashboard.host]
    app = FastAPI(
        title="Gutteil",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False),
            Middleware(SecurityHeaders),
            Middleware(Access, sessions=desk.sessions, rules=rules),
        ],
    )
    add_routes(app, desk)
    for module in PAGES:
        module.add(desk)
    pages.config.quasar_config["loadingBar"] = {"skipHijack": True}  # a bar without a name, for every request of the pages' own
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
        SettingsError: the address is not loopback, or the port is taken.
    """
    step_back()
    cv2.setNumThreads(1)
    logging.getLogger("nicegui").setLevel(logging.ERROR)  # else every address that is not found is a line in the log
    app = make_app(config)
    listener = _listen(config.dashboard.host, config.dashboard.port)
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
            date_header=False,
            ws="websockets-sansio",
        )
    )

    def wait() -> None:
        stop.wait()
        server.should_exit = True

    threading.Thread(target=wait, name="stop", daemon=True).start()
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
