"""Reports as files: each shift's once, also after downtime, a killed writer, a clock change or a file that was taken away."""

from __future__ import annotations

import asyncio
import datetime as dt
import fcntl
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pypdf import PdfReader
from typer import Typer
from typer.testing import CliRunner

from dashboard.report import job, written
from dashboard.report.command import report
from dashboard.report.pdf import pdf
from dashboard.report.written import SETTLE_NS, listed, shift_called, write_due
from edge.config import Record, Report, Station, load
from edge.errors import StoreError
from edge.shifts import Calendar
from tests.dashboard.weeks import SETTINGS, Weeks

HOUR = 3600 * 10**9
CALENDAR = Calendar(SETTINGS)
SATURDAY = dt.date(2026, 10, 24)  # the clocks go back in the night that follows; on Sunday nobody works


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record")
    weeks = Weeks(folder, "S1")
    for day in (SATURDAY - dt.timedelta(days=1), SATURDAY, SATURDAY + dt.timedelta(days=2)):
        for shift in CALENDAR.shifts_of(day):
            weeks.shift(shift, 12, shift.until_ns)
    return folder


@pytest.fixture
def station(record: Path, tmp_path: Path) -> Station:
    return Station(
        name="S1",
        record=Record(folder=str(record)),
        shifts=SETTINGS,
        report=Report(folder=str(tmp_path / "reports"), languages=["de"], keep_days=0),
    )


def _at(day: dt.date, hour: int, minute: int = 5) -> int:
    return CALENDAR.at(day, dt.time(hour, minute))


def _names(paths: list[Path]) -> list[str]:
    return [p.name.removeprefix("S1_").removesuffix("_de.pdf") for p in paths]


def test_each_shift_once_as_it_ends(station: Station) -> None:
    assert _names(write_due(station, _at(SATURDAY, 14))) == ["2026-10-24_1"], "of those before nobody asked"
    assert write_due(station, _at(SATURDAY, 14, 6)) == []
    assert write_due(station, _at(SATURDAY, 22, 0)) == [], "parts are still on the belt"
    assert _names(write_due(station, _at(SATURDAY, 22, 0) + SETTLE_NS)) == ["2026-10-24_2"]


def test_after_downtime_what_was_missed_across_the_clock_change_and_nothing_of_the_day_off(station: Station) -> None:
    write_due(station, _at(SATURDAY, 14))
    monday = SATURDAY + dt.timedelta(days=2)
    assert _names(write_due(station, _at(monday, 22))) == ["2026-10-24_2", "2026-10-24_3", "2026-10-26_1", "2026-10-26_2"]
    assert write_due(station, _at(monday, 22)) == []
    night = next(f for f in listed(Path(station.report.folder), "S1") if f.number == 3)
    text = PdfReader(Path(station.report.folder) / night.name).pages[0].extract_text()
    assert "22:00–06:00" in text


def test_the_hour_that_comes_twice_writes_nothing_twice(station: Station) -> None:
    write_due(station, _at(SATURDAY, 22))
    start = CALENDAR.at(SATURDAY + dt.timedelta(days=1), dt.time(1))
    made = [write_due(station, start + quarter * HOUR // 4) for quarter in range(40)]
    assert _names([path for some in made for path in some]) == ["2026-10-24_3"]


def test_a_file_taken_away_or_a_clock_set_back_makes_none_anew(station: Station) -> None:
    (made,) = write_due(station, _at(SATURDAY, 14))
    made.unlink()
    assert write_due(station, _at(SATURDAY, 15)) == []
    assert write_due(station, _at(SATURDAY, 7)) == []
    assert _names(write_due(station, _at(SATURDAY, 23))) == ["2026-10-24_2"]


def test_a_writer_that_was_killed_leaves_nothing_half_and_is_made_good(station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def dies(fd: int) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", dies)
        with pytest.raises(Killed):
            write_due(station, _at(SATURDAY, 14))
    folder = Path(station.report.folder)
    assert listed(folder, "S1") == []
    assert _names(write_due(station, _at(SATURDAY, 14))) == ["2026-10-24_1"]
    assert sorted(p.name for p in folder.iterdir() if not p.name.startswith(".")) == [
        "S1_2026-10-24_1.json", "S1_2026-10-24_1_de.pdf", "written.json",
    ]  # fmt: skip


def test_two_writers_do_not_meet(station: Station) -> None:
    folder = Path(station.report.folder)
    folder.mkdir()
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert write_due(station, _at(SATURDAY, 14)) == []
    assert len(write_due(station, _at(SATURDAY, 14))) == 1


@pytest.mark.parametrize("mark", [b"", b"no json", b'{"until_ns": "x"}', b'{"until_ns": 1, "more": 2}', b"[" * 5_000])
def test_a_damaged_mark_begins_anew_with_the_last_shift(station: Station, mark: bytes) -> None:
    folder = Path(station.report.folder)
    folder.mkdir()
    (folder / "written.json").write_bytes(mark)
    assert _names(write_due(station, _at(SATURDAY, 14))) == ["2026-10-24_1"]


def test_the_figures_beside_it_have_the_hash_that_it_carries(station: Station) -> None:
    (made,) = write_due(station, _at(SATURDAY, 14))
    figures = made.with_name("S1_2026-10-24_1.json").read_bytes()
    assert hashlib.sha256(figures).hexdigest() in PdfReader(made).pages[0].extract_text()


def test_old_ones_go_with_their_figures_and_other_files_stay(station: Station) -> None:
    write_due(station, _at(SATURDAY, 14))
    folder = Path(station.report.folder)
    (folder / "S2_2020-01-01_1_de.pdf").write_bytes(b"another station's")
    (folder / "S1_2026-10-24_1_de.pdf.bak").write_bytes(b"somebody's")
    short = station.model_copy(update={"report": station.report.model_copy(update={"keep_days": 1})})
    write_due(short, _at(SATURDAY + dt.timedelta(days=2), 14))
    assert [f.name for f in listed(folder, "S1")] == ["S1_2026-10-26_1_de.pdf"]
    assert not (folder / "S1_2026-10-24_1.json").exists()
    assert (folder / "S2_2020-01-01_1_de.pdf").exists()
    assert (folder / "S1_2026-10-24_1_de.pdf.bak").exists()


def test_nothing_is_written_where_nobody_wants_it_or_nothing_is_recorded(station: Station, tmp_path: Path) -> None:
    none = station.model_copy(update={"report": station.report.model_copy(update={"languages": []})})
    assert write_due(none, _at(SATURDAY, 14)) == []
    empty = station.model_copy(update={"record": station.record.model_copy(update={"folder": str(tmp_path)})})
    assert write_due(empty, _at(SATURDAY, 14)) == []
    assert not Path(station.report.folder).exists()


def test_before_the_first_part_there_was_no_shift(station: Station) -> None:
    first = SATURDAY - dt.timedelta(days=1)
    assert write_due(station, _at(first, 7)) == []
    assert _names(write_due(station, _at(first, 15))) == ["2026-10-23_1"]


def test_a_folder_that_cannot_be_written_is_named(station: Station, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    wrong = station.model_copy(update={"report": station.report.model_copy(update={"folder": str(tmp_path / "file")})})
    with pytest.raises(StoreError, match=r"report\.folder"):
        write_due(wrong, _at(SATURDAY, 14))


def test_one_report_that_cannot_be_drawn_does_not_keep_the_others_away(
    station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole = pdf

    def draws(document: object, at: object) -> bytes:
        if "14:00–22:00" in document.subtitle:  # type: ignore[attr-defined]
            raise RuntimeError("no room on the page")
        return whole(document, at)  # type: ignore[arg-type]

    write_due(station, _at(SATURDAY, 14))
    monkeypatch.setattr(written, "pdf", draws)
    assert _names(write_due(station, _at(SATURDAY + dt.timedelta(days=1), 7))) == ["2026-10-24_3"]
    assert "2026-10-24/2 cannot be drawn" in caplog.text


def test_shifts_by_name(station: Station) -> None:
    now = _at(SATURDAY, 15)
    assert [shift_called(station, name, now).number for name in ("this", "last", "2026-10-20/3")] == [2, 1, 3]


def test_the_command_writes_one_or_what_is_due(record: Path, tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text(f'name = "S1"\n[record]\nfolder = "{record}"\n[report]\nfolder = "out"\n[shifts]\nzone = "Europe/Berlin"\n')
    assert load(config).report.folder == str(tmp_path / "out")
    app = Typer()
    app.command()(report)
    out = tmp_path / "bericht.pdf"
    run = CliRunner().invoke(app, ["--config", str(config), "--shift", "2026-10-24/2", "--language", "de", "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert "Schichtbericht" in PdfReader(out).pages[0].extract_text()
    wrong = CliRunner().invoke(app, ["--config", str(config), "--shift", "yesterday"])
    assert isinstance(wrong.exception, StoreError)
    assert CliRunner().invoke(app, ["--config", str(config), "--due"]).exit_code == 0


def test_without_a_folder_they_lie_beside_the_record(tmp_path: Path) -> None:
    config = tmp_path / "station.toml"
    config.write_text('[record]\nfolder = "kept"\n')
    assert load(config).report.folder == str(tmp_path / "kept" / "reports")


def test_the_dashboard_writes_them_by_itself_and_says_once_what_fails(
    record: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    station = Station(name="S1", record=Record(folder=str(record)), shifts=SETTINGS, report=Report(folder=str(tmp_path / "reports")))
    (tmp_path / "reports").write_text("in the way")

    async def look() -> None:
        keeping = asyncio.create_task(job.keep_reports(station, lambda: _at(SATURDAY, 14), first_s=0, every_s=0.02))
        while "no shift report" not in caplog.text:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        (tmp_path / "reports").unlink()
        while len(listed(tmp_path / "reports", "S1")) < 2:
            await asyncio.sleep(0.02)
        keeping.cancel()

    with ThreadPoolExecutor(1) as thread:  # the browser of other tests has a loop in this one
        thread.submit(lambda: asyncio.run(asyncio.wait_for(look(), 60))).result()
    assert caplog.text.count("no shift report") == 1
    assert [f.language for f in listed(tmp_path / "reports", "S1")] == ["en", "de"]
