"""Take a picture of every page for the docs, from a shift on the simulated line.

    python scripts/screens.py

Starts an appliance of its own in a temporary folder, with a shift behind it and the line running, makes one demo person of every role
there, and writes docs/screens/PAGE-screen.png (1920×1080, English, dark) and PAGE-tablet.png (1024×768, German, light). Pages come
from `dashboard.app.PAGES`; where an address has places ({part_id}), they are filled in from the newest rejected part. Needs the
extra `tests` (Playwright) and Chromium: apt-get install chromium
"""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Annotated, Final

import typer
from PIL import Image
from playwright.sync_api import Browser, TimeoutError, sync_playwright
from playwright.sync_api import Page as Tab

from dashboard.app import PAGES
from dashboard.frame import LANGUAGE_COOKIE, THEME_COOKIE, Page
from dashboard.people.roles import ROLES, Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People, Person
from edge.appliance import DEMO_RECIPE
from edge.config import Camera, Line, Record, Station
from edge.made_shift import make_shift
from edge.rig import Rig, own_ports, rig
from edge.store import FILE_NAME, open_store

ROOT = Path(__file__).resolve().parents[1]
ARGS: Final = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]
# name, width, height, language, light
SIZES: Final = (("screen", 1920, 1080, "en", "dark"), ("tablet", 1024, 768, "de", "light"))
# who shows a page: the first who may; the line is the operator's
NAMES: Final[dict[Role, str]] = {
    "operator": "Jonas Vogt",
    "engineer": "Mira Yilmaz",
    "quality": "Anna Beck",
    "admin": "Lea Brandt",
    "viewer": "Piotr Nowak",
}
PASSWORD: Final = "only for these pictures"
COLOURS: Final = 128
# pages that need to be told what to show; None: only where something has happened that has not here
SHOWN: Final[dict[str, str | None]] = {
    "/parts": "/parts/{part_id}",
    "/recipes/edit": f"/recipes/edit?recipe={DEMO_RECIPE.stem}",
    "/recipes/version": None,
    "/setup": None,
    "/statistics": "/statistics?span=last",
}
SETTLE_MS: Final = 2_500  # charts and pictures are drawn by then


def main(
    folder: Annotated[Path, typer.Option(help="where the pictures go")] = ROOT / "docs" / "screens",
    parts: Annotated[int, typer.Option(help="parts of the shift before", min=100)] = 9_000,
    seconds: Annotated[float, typer.Option(help="s that the line runs before the first picture", min=5)] = 30,
    only: Annotated[str, typer.Option(help="only the page with this address")] = "",
) -> None:
    """Write docs/screens/*.png."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium here; install one: apt-get install chromium")
    pages = [module.PAGE for module in PAGES if only in ("", module.PAGE.path)]
    if not pages:
        sys.exit(f"--only {only!r}: no page has this address; those that there are: {', '.join(m.PAGE.path for m in PAGES)}")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gutteil-screens-") as scratch, sync_playwright() as playwright:
        config = _settings(Path(scratch))
        make_shift(Path(config.record.folder), until_ns=time.time_ns(), parts=parts, hours=5)
        with rig(config, Path(scratch), ["station", "rejector", "recorder", "dashboard"]) as appliance:
            tokens = _people(Path(config.record.folder))
            appliance.line.hold(False)
            _run(appliance, seconds)
            browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
            for page in pages:
                _take(appliance, browser, page, tokens, folder)
            browser.close()


def _settings(scratch: Path) -> Station:
    return own_ports(
        Station(
            name="Line-3",
            recipe=str(DEMO_RECIPE),
            camera=Camera(backend="simulator", settings={"seed": 7, "ng_share": 0.1}),
            line=Line(rate_hz=0.5),
            record=Record(folder=str(scratch / "data"), ring_mb=64),
        )
    )


def _people(folder: Path) -> dict[Role, str]:
    """One demo person of every role, in the scratch folder, logged in; their tokens."""
    with contextlib.closing(People(folder)) as people:
        sessions = Sessions(people)
        return {role: sessions.begin(people.add(NAMES[role], role, PASSWORD)) for role in ROLES}


def _run(appliance: Rig, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until or not _answers(appliance):
        appliance.next(0.2)
        if time.monotonic() > until + 60:
            sys.exit(f"the dashboard does not answer: {appliance.processes.child('dashboard').last_words()}")


def _answers(appliance: Rig) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{_url(appliance)}/health/ready", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _url(appliance: Rig) -> str:
    return f"http://127.0.0.1:{appliance.config.dashboard.port}"


def _take(appliance: Rig, browser: Browser, page: Page, tokens: dict[Role, str], folder: Path) -> None:
    """Both pictures of a page."""
    shown = SHOWN.get(page.path, page.path)
    path = _filled(shown, appliance) if shown is not None else None
    role = next((r for r in NAMES if Person(NAMES[r], r).may(page.needs)), None)
    if path is None or role is None:
        print(f"{page.path}: left out, nobody can say what to show there")
        return
    name = re.sub(r"[^a-z0-9]+", "-", re.sub(r"\{.*?\}", "", page.path).lower()).strip("-") or "line"
    for size, width, height, language, light in SIZES:
        url = _url(appliance)
        cookies = {LANGUAGE_COOKIE: language, THEME_COOKIE: light} | ({COOKIE: tokens[role]} if page.path != "/login" else {})
        with browser.new_context(viewport={"width": width, "height": height}) as context:
            context.add_cookies([{"name": n, "value": v, "url": url} for n, v in cookies.items()])
            tab = context.new_page()
            tab.goto(url + path)
            _settle(tab, appliance, page)
            file = folder / f"{name}-{size}.png"
            _write(tab.screenshot(), file)
            print(f"{file} ({file.stat().st_size // 1000} kB)")


def _filled(path: str, appliance: Rig) -> str | None:
    """An address with its places filled in; None: there is one that nobody knows how to fill."""
    if "{" not in path:
        return path
    with open_store(Path(appliance.config.record.folder) / FILE_NAME, read_only=True) as store:
        part = next(iter(store.last(1, "NG")), None)
    known = re.sub(r"\{(part|part_id)(:\w+)?\}", urllib.parse.quote(part.part_id, safe=""), path) if part is not None else path
    return None if "{" in known else known


def _settle(tab: Tab, appliance: Rig, page: Page) -> None:
    """Until the page is drawn; the line's page shows a part that was rejected, picture and all."""
    until = time.monotonic() + SETTLE_MS / 1000
    while time.monotonic() < until:
        appliance.next(0.05)
        tab.wait_for_timeout(50)
    if page.path == "/":
        found = "() => document.querySelector('.gt-state.is-NG') && document.querySelectorAll('.gt-shot:not(.is-past) .gt-box').length > 0"
        with contextlib.suppress(TimeoutError):
            tab.wait_for_function(found, polling=30, timeout=60_000)


def _write(png: bytes, file: Path) -> None:
    """Fewer colours: a fifth of the bytes, and nobody sees it on a page of plain areas."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.quantize(COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    typer.run(main)
