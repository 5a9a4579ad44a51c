"""Take the pictures of the live page for the docs, from a running appliance on the simulated line.

    ./gutteil demo                                     in one terminal
    python scripts/screenshots.py --url http://127.0.0.1:8470   in another

Writes docs/live-*.png. Needs the extra `tests` (Playwright) and Chromium: apt-get install chromium
"""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.request
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
ARGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]
# name, verdict on the screen, width, height, language, light
SHOTS = (
    ("live-ok", "OK", 1920, 1080, "en", "dark"),
    ("live-ng", "NG", 1920, 1080, "en", "dark"),
    ("live-ng-tablet-de", "NG", 1024, 768, "de", "light"),
)


def main(
    url: Annotated[str, typer.Option(help="address of the dashboard")] = "http://127.0.0.1:8470",
    folder: Annotated[Path, typer.Option(help="where the pictures go")] = ROOT / "docs",
    wait_s: Annotated[float, typer.Option(help="s to wait at most for a part with the verdict wanted", min=1)] = 60,
) -> None:
    """Write docs/live-*.png."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("no Chromium here; install one: apt-get install chromium")
    if not _live(url)["simulated"]:
        sys.exit(f"{url} shows real parts; pictures for the docs are taken of the simulated line: ./gutteil demo")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        for name, word, width, height, language, light in SHOTS:
            page = _open(browser, url, width, height, language, light)
            _wait_for(page, word, wait_s)
            page.screenshot(path=folder / f"{name}.png")
            print(folder / f"{name}.png")
            page.context.close()
        page = _open(browser, url, 1920, 1080, "en", "dark")
        page.locator(".gt-reject").first.click()
        page.locator("dialog[open] svg image").wait_for()
        page.screenshot(path=folder / "live-reject.png")
        print(folder / "live-reject.png")
        browser.close()


def _live(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{url}/api/live", timeout=5) as answer:
        state: dict[str, Any] = json.load(answer)
    return state


def _open(browser: Browser, url: str, width: int, height: int, language: str, light: str) -> Page:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_cookies(
        [{"name": "gutteil_theme", "value": light, "url": url}, {"name": "gutteil_language", "value": language, "url": url}]
    )
    page = context.new_page()
    page.goto(url)
    page.locator(".gt-live.link-live").wait_for()
    return page


def _wait_for(page: Page, word: str, wait_s: float) -> None:
    """Until a part with this verdict is on the screen, picture and all."""
    until = time.monotonic() + wait_s
    page.wait_for_selector(f".gt-state.is-{word}", timeout=wait_s * 1000)
    while not page.evaluate(
        "word => document.querySelector('.gt-state').classList.contains('is-' + word) && "
        "document.querySelector('.gt-caption span').textContent.endsWith(document.querySelector('.gt-shot [data-part]')?.dataset.part ?? '?')",
        word,
    ):
        if time.monotonic() > until:
            sys.exit(f"no part with {word} was to be seen for {wait_s:.0f} s")
        page.wait_for_timeout(20)


if __name__ == "__main__":
    typer.run(main)
