"""Alarms: said once when they begin, change and end, and again for those who join late."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import alarms
from edge.alarms import Alarms
from edge.bus import Publisher, Subscriber
from edge.messages import Alarm


def test_said_once_and_again_for_late_joiners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(f"ipc://{tmp_path}/a", "S1", "station", simulated=True)
    book = Alarms(publisher)
    for _ in range(5):
        book.set("dark", True, "fault", "no light", "switch it on")
        book.set("calm", False)
    assert publisher.count(Alarm) == 1
    assert book.active("dark")
    assert len(book) == 1
    book.set("dark", True, "warning", "little light", "switch it on")
    assert publisher.count(Alarm) == 2
    reader = Subscriber([f"ipc://{tmp_path}/a"], [Alarm])
    monkeypatch.setattr(alarms, "REPEAT_S", 0.05)
    heard = None
    while heard is None:
        book.repeat()
        heard = reader.get(0.1)
    assert isinstance(heard, Alarm)
    assert (heard.code, heard.severity, heard.active, heard.text, heard.remedy) == ("dark", "warning", True, "little light", "switch it on")
    book.set("dark", False)
    while heard.active:
        found = reader.get(1)
        assert isinstance(found, Alarm)
        heard = found
    assert (heard.code, heard.text) == ("dark", "little light")
    assert not book.active("dark")
    assert len(book) == 0
    reader.close()
    publisher.close()


def test_repeats_keep_their_distance(tmp_path: Path) -> None:
    publisher = Publisher(f"ipc://{tmp_path}/a", "S1", "station", simulated=True)
    book = Alarms(publisher)
    book.set("dark", True, "fault", "x" * 500, "y" * 500)
    for _ in range(100):
        book.repeat()
    assert publisher.count(Alarm) <= 2
    publisher.close()
