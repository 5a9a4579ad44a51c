"""A real line with its record and its dashboard: what people change on the recipe pages is what the station then judges by."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from dashboard.people.roles import Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from dashboard.texts import Language
from edge.appliance import DEMO_RECIPE
from edge.config import Camera, Line, Record, Station
from edge.messages import Verdict
from edge.recipe import load_recipe
from edge.rig import Rig, own_ports, rig
from edge.store import FILE_NAME, Store, open_store
from tests.dashboard.stage import LOCALES, PASSWORD, SIZES, WAIT_MS, make_people

NAME, PARTS = "sim", 30


@dataclass
class Plant:
    """The line, its record, and a browser before its dashboard."""

    browser: Browser
    rig: Rig
    url: str
    folder: Path
    verdicts: list[Verdict] = field(default_factory=list)

    @contextlib.contextmanager
    def page(self, path: str, who: Role | str, *, language: Language = "en", size: str = "screen", dark: bool = True) -> Iterator[Page]:
        """A page as this person sees it; errors of its scripts fail the test."""
        width, height = SIZES[size]
        with self.browser.new_context(viewport={"width": width, "height": height}, locale=LOCALES[language]) as context:
            people = People(self.folder)
            with contextlib.closing(people):
                person = people.find(who)
                assert person is not None
                token = Sessions(people).begin(person)
            context.add_cookies(
                [
                    {"name": "gutteil_theme", "value": "dark" if dark else "light", "url": self.url},
                    {"name": COOKIE, "value": token, "url": self.url},
                ]
            )
            page = context.new_page()
            page.set_default_timeout(WAIT_MS)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            answer = page.goto(self.url + path)
            assert answer is not None
            assert answer.status == 200, f"{path}: {answer.status}"
            yield page
            assert errors == []

    @contextlib.contextmanager
    def record(self) -> Iterator[Store]:
        with open_store(self.folder / FILE_NAME, beside=True) as store:
            yield store


@pytest.fixture(scope="module")
def plant(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """Some parts have been judged and some of them reviewed; the belt stands until a test lets it run."""
    folder = tmp_path_factory.mktemp("plant")
    recipe = folder / f"{NAME}.toml"
    recipe.write_text(DEMO_RECIPE.read_text().replace("../models/board.onnx", str(load_recipe(DEMO_RECIPE).model_file)))
    shutil.copy(DEMO_RECIPE.with_suffix(".png"), folder)
    camera = Camera(backend="simulator", settings={"carousel": 12, "ng_share": 0.5})
    record = Record(folder=str(folder / "data"), ring_mb=40, ok_share=1.0, batch_s=0.1, candidate_score=0.01)
    config = own_ports(
        Station(name="S1", recipe=str(recipe), recipes={"3": str(recipe)}, camera=camera, line=Line(rate_hz=8), record=record)
    )
    make_people(folder / "data")
    people = People(folder / "data")
    with contextlib.closing(people):
        people.add("second engineer", "engineer", PASSWORD)
    stop = threading.Event()
    with rig(config, folder, ["station", "rejector", "recorder", "dashboard"]) as appliance:
        plant = Plant(browser, appliance, f"http://127.0.0.1:{config.dashboard.port}", folder / "data")

        def read() -> None:
            while not stop.is_set():
                message = appliance.next(0.1)
                if isinstance(message, Verdict):
                    plant.verdicts.append(message)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            appliance.line.hold(False)
            _until(lambda: len(plant.verdicts) >= PARTS, "parts")
            appliance.line.hold(True)
            _until(lambda: _ready(plant.url), "the dashboard")
            time.sleep(1.0)  # what lies on the belt is recorded by then
            with plant.record() as store:
                for part in store.last(PARTS // 2):
                    store.review(part.part_id, "quality", "bad" if part.expected == "NG" else "good")
            yield plant
        finally:
            stop.set()
            reader.join()


def _ready(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
        return bool(answer.status == 200)
    return False


def _until(done: object, what: str, seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if callable(done) and done():
            return
        time.sleep(0.1)
    raise AssertionError(f"{what}: not there within {seconds} s")
