"""Broken, encrypted and hostile files are refused by name, in a process that can do no harm, and the rest goes on."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import docx
import pypdf
import pytest

from dashboard.assistant import ocr
from dashboard.assistant.errors import Refused
from dashboard.assistant.ingest import add
from dashboard.assistant.parse import parse
from dashboard.assistant.reading import limits
from dashboard.assistant.reading.kinds import kind_of, read
from dashboard.assistant.reading.writer import Writer
from dashboard.assistant.safe import Safe
from tests.dashboard.assistant.paper import empty_word, patched, pdf, sheet

ROOT = Path(__file__).resolve().parents[3]
XXE = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><w:document xmlns:w="x">&e;</w:document>'
LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document xmlns:w="x">&b;</w:document>'


def encrypted() -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf([[(40, 800, "Geheim 4711")]])))
    writer.encrypt("wort")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def bomb() -> bytes:
    return patched(empty_word(), "word/media/image1.xml", b"0" * 30_000_000)


def lying_bomb() -> bytes:
    """Says in its list that it is small."""
    data = bytearray(patched(empty_word(), "word/document.xml", b"<a>" + b" " * 50_000_000 + b"</a>"))
    for k in range(len(data)):
        if data[k : k + 4] == b"PK\1\2" and b"word/document.xml" in data[k : k + 80]:
            data[k + 24 : k + 28] = (2000).to_bytes(4, "little")
    return bytes(data)


HOSTILE: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "XXE": ("x.docx", lambda: patched(empty_word(), "word/document.xml", XXE), "declares XML entities"),
    "billion laughs": ("x.docx", lambda: patched(empty_word(), "word/document.xml", LAUGHS), "declares XML entities"),
    "XXE in UTF-16": ("x.docx", lambda: patched(empty_word(), "word/document.xml", XXE.decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")), "declares XML"),
    "XXE in a sheet": ("x.xlsx", lambda: patched(sheet([["a"]]), "xl/worksheets/sheet1.xml", XXE), "declares XML"),
    "ZIP bomb": ("x.docx", bomb, "ZIP bomb"),
    "ZIP bomb that lies": ("x.docx", lying_bomb, "inside"),
    "macros": ("x.docx", lambda: patched(empty_word(), "word/vbaProject.bin", b"x"), "holds macros"),
    "macros by name": ("x.docm", empty_word, "save it as DOCX"),
    "deep": ("x.docx", lambda: patched(empty_word(), "word/document.xml", b"<a>" * 5000 + b"</a>" * 5000), "nested more than"),
    "old or encrypted Office": ("x.docx", lambda: b"\xd0\xcf\x11\xe0" + bytes(2000), "encrypted, or"),
    "another kind": ("x.docx", lambda: sheet([["a"]]), "another kind"),
    "truncated DOCX": ("x.docx", lambda: empty_word()[:-300], "damaged"),
    "broken XML": ("x.xlsx", lambda: patched(sheet([["a"]]), "xl/workbook.xml", b"<a>"), "damaged"),
    "encrypted PDF": ("x.pdf", encrypted, "encrypted; save it without"),
    "truncated PDF": ("x.pdf", lambda: pdf([[(40, 800, "Text")]])[:300], "damaged"),
    "PDF by name only": ("x.pdf", lambda: b"MZ" + bytes(100), "no PDF inside"),
    "too many pages": ("x.pdf", lambda: pdf([[]] * (limits.MAX_PAGES + 1)), "3001 pages"),
    "program": ("x.txt", lambda: b"\x7fELF\0\0", "not text"),
    "empty": ("x.csv", lambda: b"", "empty"),
    "no text": ("x.txt", lambda: b"  \n ", "holds no text"),
    "picture by name only": ("x.png", lambda: b"text", "no PNG"),
    "unknown": ("x.exe", lambda: b"MZ", "these are read"),
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, str]]:
    """All of them, and two good files, taken in together."""
    from dashboard.assistant.secrets import make_key_file

    folder = tmp_path_factory.mktemp("hostile")
    safe = Safe.make(folder / "safe", make_key_file(folder / "key"))
    safe.collect("c", ["sales"])
    places = {}
    for k, (case, (name, make, _)) in enumerate(HOSTILE.items()):
        place = folder / f"{k:02}" / name
        place.parent.mkdir()
        place.write_bytes(make())
        places[str(place)] = case
    big = folder / "big.txt"
    with big.open("wb") as file:
        file.truncate(200_000_000)
    for name in ("00/a.txt", "zz.txt"):
        (folder / name).write_text("Gut 2.500 mm")
    found: dict[str, tuple[str, str]] = {}
    for outcome in add(safe, "c", [folder / f"{k:02}" for k in range(len(HOSTILE))] + [big, folder / "zz.txt", folder / "gone.txt"]):
        found[places.get(outcome.name, Path(outcome.name).name)] = (outcome.what, outcome.why)
    assert len(safe.documents()) == 2
    safe.lock()
    return found


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_refused_with_the_reason(outcomes: dict[str, tuple[str, str]], case: str) -> None:
    what, why = outcomes[case]
    assert what == "refused"
    assert HOSTILE[case][2] in why
    assert "root:" not in why


def test_the_rest_goes_on(outcomes: dict[str, tuple[str, str]]) -> None:
    assert outcomes["a.txt"] == outcomes["zz.txt"] == ("added", "")
    assert outcomes["big.txt"][0] == outcomes["gone.txt"][0] == "refused"
    assert "larger than 100 MB" in outcomes["big.txt"][1]
    assert "No such file" in outcomes["gone.txt"][1]


def test_a_reader_that_hangs_or_dies_is_a_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(b"x")
    with (tmp_path / "x").open("rb") as file, pytest.raises(Refused, match="took longer than 0 s"):
        parse(file, "text", limit_s=0.001)
    fake = tmp_path / "python"
    for body, message in (
        ("kill -SEGV $$", "made its reader die"),
        ("echo nonsense", "answered nonsense"),
        ("""echo '{"pages": 1, "pieces": [], "more": 1}'""", "answered nonsense"),
        ("""echo '{"picture": 1, "bytes": 999999999999}'""", "larger than any real one"),
        ("head -c 400000000 /dev/zero", "more than any real document"),
    ):
        fake.write_text(f"#!/bin/sh\n{body}\n")
        fake.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(fake))
        monkeypatch.setattr("dashboard.assistant.parse._MAX_LINE", 5_000_000)
        with (tmp_path / "x").open("rb") as file, pytest.raises(Refused, match=message):
            parse(file, "text")


JAILED = """
import json, os, socket, sys
from dashboard.assistant.jail import confine
layers = confine()
def tried(what):
    try:
        what()
        return "done"
    except BaseException as error:
        return type(error).__name__
place = sys.argv[1]
print(json.dumps({
    "layers": layers,
    "network": tried(lambda: socket.socket()),
    "unix socket": tried(lambda: socket.socket(socket.AF_UNIX)),
    "program": tried(lambda: os.execv("/bin/true", ["true"])),
    "write": tried(lambda: open(place + "/new", "w")),
    "append": tried(lambda: open(place + "/secret", "a")),
    "truncate": tried(lambda: os.truncate(place + "/secret", 0)),
    "delete": tried(lambda: os.unlink(place + "/secret")),
    "rename": tried(lambda: os.rename(place + "/secret", place + "/other")),
    "kill": tried(lambda: os.kill(os.getppid(), 0)),
    "memory": tried(lambda: bytearray(3_000_000_000)),
    "read": tried(lambda: open(place + "/secret").read()),
    "parser": tried(lambda: __import__("pypdf")),
}))
"""


def test_the_process_that_reads_can_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("Geheim")
    done = subprocess.run(
        [sys.executable, "-B", "-c", JAILED, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    said = json.loads(done.stdout)
    layers = said.pop("layers")
    assert {"limits", "seccomp"} <= set(layers)
    assert said.pop("parser") == "done"
    assert said.pop("memory") == "MemoryError"
    if "landlock" not in layers:  # a kernel before 5.13
        said.pop("read")
    assert set(said.values()) == {"PermissionError"}, said
    assert (tmp_path / "secret").read_text() == "Geheim"


def test_attachments_are_read_and_bad_ones_named() -> None:
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["Subject"] = "einkauf@example.com", "Angebot 4711"
    message.set_content("Preis 12,50 € je Stück")
    for name, data in (("maße.docx", empty_word()), ("böse.docm", b"x"), ("kaputt.xlsx", b"PK")):
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    writer = Writer()
    read("eml", bytes(message), writer, lambda page, of: None, lambda page, found: None)
    text = "\n".join(piece.text for piece in writer.pieces())
    assert "12,50 €" in text
    assert "Ein Absatz" in text
    assert "(not read: files of the kind docm are not read; save it as DOCX)" in text
    assert "(not read: damaged" in text
    again = EmailMessage()
    again["Subject"] = "outer"
    for _ in range(4):
        again.add_attachment(bytes(message), maintype="application", subtype="octet-stream", filename="x.eml")
        message = again
        again = EmailMessage()
        again["Subject"] = "outer"
    writer = Writer()
    read("eml", bytes(message), writer, lambda page, of: None, lambda page, found: None)
    assert any("attachments within attachments" in piece.text for piece in writer.pieces())


@pytest.mark.parametrize("name", ["x", "x.", ".pdf.exe", "x.doc", "x.pdf\0"])
def test_what_is_not_read(name: str) -> None:
    with pytest.raises(Refused, match="are not read"):
        kind_of(name)


@pytest.mark.skipif(ocr.program() is not None, reason="tesseract is installed here")
def test_a_scan_without_ocr_says_what_to_install(tmp_path: Path) -> None:
    """A page without text beside one with text is named; a file of such pages is refused."""
    mixed = pdf([[(40, 800, "Eine Seite mit Text")], []])
    for data, only in ((mixed, False), (pdf([[]]), True)):
        (tmp_path / "x.pdf").write_bytes(data)
        with (tmp_path / "x.pdf").open("rb") as file:
            if only:
                with pytest.raises(Refused, match="apt-get install tesseract-ocr"):
                    parse(file, "pdf")
            else:
                assert parse(file, "pdf").unread == [2]


@pytest.mark.skipif(ocr.program() is None, reason="tesseract is not installed: apt-get install tesseract-ocr tesseract-ocr-deu")
def test_a_scan_is_read_and_marked_unverified(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    picture = np.full((200, 1200), 255, np.uint8)
    cv2.putText(picture, "Drehmoment 12 Nm", (30, 120), cv2.FONT_HERSHEY_SIMPLEX, 2.5, 0, 5)
    (tmp_path / "x.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    with (tmp_path / "x.png").open("rb") as file:
        found = parse(file, "image")
    assert "Drehmoment 12" in " ".join(piece.text for piece in found.pieces)
    assert not any(piece.verified for piece in found.pieces)


def test_what_is_no_file_is_refused(tmp_path: Path, safe: Safe) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "link.txt").symlink_to("/etc/passwd")
    (tmp_path / ".hidden.txt").write_text("x")
    (tmp_path / "docs").mkdir()
    document = docx.Document()
    document.add_paragraph("Ü")
    with zipfile.ZipFile(tmp_path / "docs/~$lock.docx", "w"):
        pass
    document.save(str(tmp_path / "docs/a.docx"))
    found = {Path(o.name).name: (o.what, o.why) for o in add(safe, "handbook", [tmp_path / "pipe.txt", tmp_path / "docs"])}
    assert found == {"pipe.txt": ("refused", "is not a file"), "a.docx": ("added", "")}
