"""The bytes on disk, searched: file, write-ahead log, journal, temporary files, logs; and what the process's memory is kept from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard.assistant.documents import Piece
from dashboard.assistant.safe import Safe
from tests.dashboard.assistant.conftest import WORDS

ROOT = Path(__file__).resolve().parents[3]
CANARY = "Kanarienvogel-4711"


def forms() -> list[bytes]:
    return [CANARY.encode(), CANARY.encode("utf-16-le"), CANARY.encode("utf-16-be"), WORDS.encode(), b"SQLite format 3"]


def leaks(folder: Path) -> list[str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [f"{path.name}: {form!r}" for path in files for form in forms() if form in path.read_bytes()]


WORK = """
import logging, os, sys
from pathlib import Path
logging.basicConfig(level=logging.DEBUG, filename="all.log")
from dashboard.assistant.backup import back_up
from dashboard.assistant.documents import Piece
from dashboard.assistant.erase import erase
from dashboard.assistant.errors import SafeError, SafeLocked
from dashboard.assistant.rotation import rotate
from dashboard.assistant.safe import Safe
from dashboard.assistant.secrets import passphrase
canary, words = sys.argv[1:]
safe = Safe.make(Path("safe"), passphrase(words), 8)
safe.collect("handbook", ["sales"])
pieces = [Piece(f"{canary} steht {i} mal hier", heading=canary) for i in range(3000)]
safe.keep("handbook", f"{canary}.txt", canary.encode() * 5000, pieces, "text")
with safe.reading() as db:
    db.execute("CREATE TEMP TABLE sorted AS SELECT text FROM chunks ORDER BY random()")
    db.execute("SELECT count(*) FROM (SELECT DISTINCT text || random() FROM chunks ORDER BY 1)").fetchone()
    try:
        with safe.writing():
            db.execute("INSERT INTO chunks SELECT * FROM chunks")
    except Exception as error:
        logging.error("%s", error)
back_up(safe, Path("backup"))
rotate(safe, [("new", passphrase(words))], 8)
Safe(Path("backup")).unlock(passphrase(words))
try:
    Safe(Path("safe")).unlock(passphrase("x" * 20))
except SafeLocked as error:
    logging.error("%s", error)
with safe.reading() as db:
    db.execute("PRAGMA wal_autocheckpoint = 0")
safe.keep("handbook", "second.txt", canary.encode() * 5000, pieces, "text")
os._exit(0)  # as by a kill: the write-ahead log stays
"""


def test_no_plaintext_on_disk_whatever_is_done(tmp_path: Path) -> None:
    (tmp_path / "tmp").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", WORK, CANARY, WORDS],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path / "tmp"), "SQLITE_TMPDIR": str(tmp_path / "tmp"), "HOME": str(tmp_path)},
        capture_output=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "safe/safe.db-wal").stat().st_size > 100_000
    assert (tmp_path / "all.log").stat().st_size > 0
    assert leaks(tmp_path) == []
    assert not [form for form in forms() if form in done.stdout + done.stderr]
    assert list((tmp_path / "tmp").iterdir()) == []


def test_no_plaintext_in_a_rollback_journal(safe: Safe) -> None:
    """The one that a change of the key writes; cut off in the middle of a transaction that has spilled to the disk."""
    with safe.reading() as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA cache_size = 10")
        safe.keep("handbook", "x", b"x", [Piece(f"{CANARY} {i}") for i in range(3000)], "text")
        db.execute("BEGIN IMMEDIATE")
        db.execute("UPDATE chunks SET text = text || '!'")
        assert (safe.folder / "safe.db-journal").stat().st_size > 50_000
        assert leaks(safe.folder) == []
        db.execute("ROLLBACK")


def test_the_search_itself_finds_plaintext(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"..." + CANARY.encode("utf-16-le"))
    assert len(leaks(tmp_path)) == 1


@pytest.mark.parametrize("mode", ["r", "w"])
def test_nobody_else_may_read_the_files(safe: Safe, mode: str) -> None:
    bit = 0o044 if mode == "r" else 0o022
    safe.keep("handbook", "x", b"x", [Piece("x")], "text")
    for path in (safe.folder, *safe.folder.iterdir()):
        assert path.stat().st_mode & bit == 0, path


GUARD = """
import ctypes, json, os, resource, sys
from pathlib import Path
if sys.argv[1] == "bounded":
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
    head, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capget(head, data)
    for k in (0, 1):
        data[k] &= ~(1 << 14)  # CAP_IPC_LOCK, effective and permitted
    assert ctypes.CDLL(None).capset(head, data) == 0
from dashboard.assistant.guard import guard_memory
got = guard_memory(Path(sys.argv[2]))
locked = next(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmLck"))
print(json.dumps([got.dumps, got.locked, got.words, int(locked), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), resource.getrlimit(resource.RLIMIT_CORE)[0]]))
"""


def guarded(mode: str, swaps: Path) -> tuple[bool, bool, str, int, int, int]:
    done = subprocess.run([sys.executable, "-c", GUARD, mode, str(swaps)], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    dumps, locked, words, kb, dumpable, core = json.loads(done.stdout)
    return dumps, locked, words, kb, dumpable, core


def test_memory_is_kept_from_dumps_and_swap(tmp_path: Path) -> None:
    dumps, locked, words, kb, dumpable, core = guarded("free", tmp_path)
    assert dumps
    assert (dumpable, core) == (0, 0)
    assert locked == (kb > 10_000)  # the kernel says so too
    assert ("nothing is swapped" in words) == locked


@pytest.mark.parametrize(("lines", "said"), [(1, "has no swap"), (2, "MEMORY MAY BE SWAPPED"), (0, "MEMORY MAY BE SWAPPED")])
def test_where_memory_may_not_be_locked_it_is_said(tmp_path: Path, lines: int, said: str) -> None:
    swaps = tmp_path / "swaps"
    if lines:
        swaps.write_text("Filename\n" + "/dev/sda2 partition 1 0 -2\n" * (lines - 1))
    dumps, locked, words, kb, _, core = guarded("bounded", swaps)
    assert (dumps, locked, kb, core) == (True, False, 0, 0)
    assert said in words
