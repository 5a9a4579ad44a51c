"""Exports over HTTP: whole, counted, bounded, for those who may, and in the audit."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

from dashboard.parts import exports
from dashboard.parts.exports import BusyError, Exports
from edge.labelled import read_coco
from edge.store import FILE_NAME, open_store
from tests.dashboard.parts.ground import MANY, ODD, Ground
from tests.dashboard.parts.test_parts_api import ask, q, session
from tests.dashboard.stage import Stage

TOKEN = "0123456789abcdef" * 2


def download(stage: Stage, path: str) -> tuple[bytes, str]:
    request = urllib.request.Request(stage.server.url + path, headers={"Cookie": session(stage.folder, "engineer")})
    with urllib.request.urlopen(request, timeout=110) as answer:
        return answer.read(), answer.headers["Content-Disposition"]


def test_a_table_of_what_the_filters_find_and_its_audit_row(stage: Stage, ground: Ground) -> None:
    data, name = download(stage, "/api/export/csv?" + q(verdict="UNDECIDED", run="M", to="2026-09-22", token=TOKEN))
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert len(rows) == MANY // 10
    assert (rows[0]["part_id"], rows[-1]["part_id"]) == (f"M-{MANY - 5:06d}", "M-000005")
    assert 'filename="gutteil-csv-' in name
    assert ask(stage, f"/api/export/progress/{TOKEN}", "engineer")[1] == {"of": MANY // 10, "done": MANY // 10, "state": "done", "text": ""}
    with open_store(ground.folder / FILE_NAME, read_only=True) as store:
        row = store.audit(1)[0]
    assert (row.op, row.who) == ("export", "engineer")
    assert row.text == "csv: 10000 parts; filters: verdict=UNDECIDED&run=M&to=2026-09-22"


def test_pictures_of_odd_parts_have_plain_names(stage: Stage, tmp_path: Path) -> None:
    data, _ = download(stage, "/api/export/images?" + q(part=ODD))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        image = next(n for n in archive.namelist() if n.startswith("images/"))
        assert ".." not in image
        assert image.count("/") == 1
        assert json.loads(archive.read("manifest.json"))["who"] == "engineer"


def test_a_set_for_training_is_read_back(stage: Stage, ground: Ground, tmp_path: Path) -> None:
    data, _ = download(stage, "/api/export/coco")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path)
    labelled = read_coco(tmp_path / "annotations.json")
    assert [(i.part, i.expected, i.kinds) for i in labelled.images] == [(ground.judged[0], "OK", ()), (ground.judged[1], "NG", ("short",))]
    assert labelled.images[0].reference is not None  # the run's golden one, as the record kept it
    assert labelled.images[0].reference.is_file()


@pytest.mark.parametrize("path", ["csv", "images", "coco", "plan/csv", "progress/x"])
def test_only_those_who_may(stage: Stage, path: str) -> None:
    assert ask(stage, f"/api/export/{path}", None)[0] == 401
    for role in ("viewer", "operator", "admin"):
        assert ask(stage, f"/api/export/{path}", role)[0] == 403


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("exe", 400, "'exe' cannot be exported"),
        ("csv?decimal=point!", 400, "decimal = 'point!'"),
        ("csv?verdict=bad", 400, "verdict = 'bad'"),
        ("images?bom=1", 400, "'bom' is not known"),
        ("images?run=M", 413, "no picture is kept"),
        ("plan/coco?run=M", 413, "no picture is kept"),
        ("progress/none", 404, "no export has this token"),
    ],
)
def test_what_cannot_be_is_refused_in_words(stage: Stage, path: str, status: int, words: str) -> None:
    code, said = ask(stage, f"/api/export/{path}", "engineer")
    assert code == status
    assert words in said["text"]


def test_a_download_broken_off_ends_its_work(tmp_path: Path) -> None:
    open_store(tmp_path / FILE_NAME).close()
    made = threading.Event()

    async def go() -> None:
        running = Exports(tmp_path / FILE_NAME)
        place = running.begin(TOKEN, 0)
        running.begin("", 0)
        with pytest.raises(BusyError, match="2 exports run already"):
            running.begin("", 0)
        endless = iter(lambda: b"x" * 100_000, b"")
        stream = running.stream(place, lambda _store, _counted: endless)
        assert len(await anext(stream)) >= 256_000
        await stream.aclose()
        assert (place.progress.state, place.progress.text) == ("failed", "the download was broken off")
        running.begin("", 0)
        made.set()

    thread = threading.Thread(target=lambda: asyncio.run(go()))  # the browser's loop runs in this one
    thread.start()
    thread.join(60)
    assert made.is_set()
    until = time.monotonic() + 10
    while any(t.name == "export" for t in threading.enumerate()):
        assert time.monotonic() < until, "the thread goes on though nobody takes what it makes"
        time.sleep(0.02)


def test_an_asker_who_never_came_gives_the_place_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "BEGIN_S", 0.0)
    running = Exports(tmp_path)
    for _ in range(5):
        running.begin("", 0)
