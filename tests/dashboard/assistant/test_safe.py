"""The data safe: locked, rotated, backed up, shown per role, erased with proof."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from dashboard.assistant import keyring, vault
from dashboard.assistant.backup import back_up, restore
from dashboard.assistant.documents import About, Piece
from dashboard.assistant.erase import DAY_NS, erase, expire, receipts
from dashboard.assistant.errors import Forbidden, SafeError, SafeLocked
from dashboard.assistant.pages import plain_pages
from dashboard.assistant.rotation import admit, dismiss, openers, rotate
from dashboard.assistant.safe import Safe
from dashboard.assistant.secrets import Secret, credential, key_file, make_key_file, passphrase
from dashboard.assistant.view import View
from tests.dashboard.assistant.conftest import MEMORY_MIB, WORDS

OTHER = "anker-linde-7-pfeife-tal"


def fill(safe: Safe, collection: str, name: str, text: str, pieces: int = 1) -> int:
    data = f"{name}: {text} (Datei)".encode()
    return safe.keep(collection, name, data, [Piece(f"{text} {i}", page=i + 1) for i in range(pieces)], "text").id


def held(safe: Safe, words: bytes) -> bool:
    """Whether any page of the file or its log holds these words once it is decrypted."""
    return any(words in page for page in plain_pages(safe.path, safe.data_key()))


def test_it_is_locked_until_the_right_secret_comes(safe: Safe) -> None:
    fill(safe, "handbook", "a.txt", "Anzugsdrehmoment 12 Nm")
    safe.lock()
    safe.lock()
    assert safe.locked
    for call in (
        safe.collections,
        safe.documents,
        safe.data_key,
        lambda: safe.collect("x", ["sales"]),
        lambda: View(safe, "sales").chunks([1]),
    ):
        with pytest.raises(SafeLocked, match="is locked"):
            call()
    for wrong in (passphrase(OTHER), Secret("key", os.urandom(32))):
        with pytest.raises(SafeLocked, match="does not open"):
            safe.unlock(wrong)
    assert safe.locked
    safe.unlock(passphrase(WORDS))
    assert [d.name for d in safe.documents()] == ["a.txt"]


def test_no_secret_stands_in_an_error_or_a_repr(safe: Safe) -> None:
    assert WORDS not in repr(passphrase(WORDS))
    safe.lock()
    with pytest.raises(SafeLocked) as caught:
        safe.unlock(passphrase(OTHER))
    assert OTHER not in str(caught.value)
    with pytest.raises(SafeError, match="fewer than 12"):
        passphrase("kurz")


def test_key_file_and_credential(safe: Safe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    admit(safe, "service", make_key_file(tmp_path / "assistant-key"))
    assert openers(safe) == [("first", "passphrase"), ("service", "key")]
    with pytest.raises(SafeError, match="never overwritten"):
        make_key_file(tmp_path / "assistant-key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    safe.lock()
    safe.unlock(credential("assistant-key"))
    safe.lock()
    safe.unlock(key_file(tmp_path / "assistant-key"))
    for name, message in (("../x", "is no name"), ("missing", "cannot be read")):
        with pytest.raises(SafeError, match=message):
            credential(name)
    (tmp_path / "assistant-key").chmod(0o640)
    with pytest.raises(SafeError, match="chmod 600"):
        key_file(tmp_path / "assistant-key")
    (tmp_path / "short").touch(0o600)
    with pytest.raises(SafeError, match="0 bytes; a key has 32"):
        key_file(tmp_path / "short")
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(SafeError, match="LoadCredentialEncrypted"):
        credential("assistant-key")


def test_a_passphrase_is_changed_and_taken_away(safe: Safe) -> None:
    admit(safe, "first", passphrase(OTHER), MEMORY_MIB)
    safe.lock()
    with pytest.raises(SafeLocked):
        safe.unlock(passphrase(WORDS))
    safe.unlock(passphrase(OTHER))
    with pytest.raises(SafeError, match="only secret"):
        dismiss(safe, "first")
    with pytest.raises(SafeError, match="opens nothing"):
        dismiss(safe, "nobody")
    admit(safe, "second", passphrase(WORDS), MEMORY_MIB)
    dismiss(safe, "first")
    safe.lock()
    with pytest.raises(SafeLocked):
        safe.unlock(passphrase(OTHER))


def test_after_a_rotation_the_old_key_opens_nothing(safe: Safe) -> None:
    fill(safe, "handbook", "a.txt", "Prüfplan P-17", 50)
    old, ring = safe.data_key(), safe.keys.read_bytes()
    rotate(safe, [("new", passphrase(OTHER))], MEMORY_MIB)
    assert fill(safe, "handbook", "b.txt", "danach") == 2
    assert safe.data_key() != old
    assert not any(b"P-17" in page for page in plain_pages(safe.path, old))
    safe.lock()
    with pytest.raises(SafeLocked):
        vault.connect(safe.path, old)
    safe.unlock(passphrase(OTHER))
    assert len(View(safe, "operator").chunks(range(1, 60))) == 51
    safe.lock()
    safe.keys.write_bytes(ring)  # the old keyring brought back opens nothing either
    with pytest.raises(SafeLocked):
        safe.unlock(passphrase(WORDS))


@pytest.mark.parametrize("moment", ["before the pages", "after the pages"])
def test_a_rotation_that_is_cut_off_leaves_a_safe_that_opens(safe: Safe, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(safe, "handbook", "a.txt", "Prüfplan P-17")
    write, rekey = keyring.write, vault.rekey

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    if moment == "before the pages":
        monkeypatch.setattr(vault, "rekey", cut)
    else:
        monkeypatch.setattr(keyring, "write", lambda path, ring: write(path, ring) if ring.pending else cut())
    with pytest.raises(KeyboardInterrupt):
        rotate(safe, [("new", passphrase(OTHER))], MEMORY_MIB)
    monkeypatch.setattr(keyring, "write", write)
    monkeypatch.setattr(vault, "rekey", rekey)
    safe.lock()
    safe.unlock(passphrase(WORDS if moment == "before the pages" else OTHER))
    assert [d.name for d in safe.documents()] == ["a.txt"]
    rotate(safe, [("newest", passphrase(OTHER))], MEMORY_MIB)
    assert openers(safe) == [("newest", "passphrase")]


def test_no_rotation_while_another_program_has_it_open(safe: Safe) -> None:
    other = Safe(safe.folder)
    other.unlock(passphrase(WORDS))
    other.documents()
    with pytest.raises(SafeError, match="close other programs"):
        rotate(safe, [("new", passphrase(OTHER))], MEMORY_MIB)
    other.lock()
    safe.lock()
    safe.unlock(passphrase(WORDS))


@pytest.mark.parametrize("change", [b"{}", b"", b"\xff", b'{"slots":[],"version":1}', None])
def test_a_damaged_keyring_is_refused(safe: Safe, change: bytes | None) -> None:
    safe.lock()
    if change is None:
        ring = json.loads(safe.keys.read_bytes())
        ring["slots"][0]["memory_mib"] = 1_000_000  # would take a terabyte
        change = json.dumps(ring).encode()
    safe.keys.write_bytes(change)
    with pytest.raises(SafeError, match="damaged"):
        safe.unlock(passphrase(WORDS))


def test_a_changed_page_is_noticed(safe: Safe, tmp_path: Path) -> None:
    fill(safe, "handbook", "a.txt", "Prüfplan P-17", 400)
    back_up(safe, tmp_path / "b")
    data = bytearray((tmp_path / "b/safe.db").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "b/safe.db").write_bytes(data)
    with pytest.raises(SafeError, match="damaged"):
        restore(tmp_path / "b", tmp_path / "back", passphrase(WORDS))
    assert not list((tmp_path / "back").iterdir())


def test_backup_and_restore(safe: Safe, tmp_path: Path) -> None:
    fill(safe, "handbook", "a.txt", "Prüfplan P-17")
    assert len(back_up(safe, tmp_path / "b")) == 64
    fill(safe, "handbook", "later.txt", "danach")
    assert sorted(p.name for p in (tmp_path / "b").iterdir()) == ["safe.db", "safe.keys"]
    assert all(p.stat().st_mode & 0o077 == 0 for p in (tmp_path / "b").iterdir())
    with pytest.raises(SafeError, match="new folder"):
        back_up(safe, tmp_path / "b")
    with pytest.raises(SafeLocked):
        restore(tmp_path / "b", tmp_path / "back", passphrase(OTHER))
    back = restore(tmp_path / "b", tmp_path / "back", passphrase(WORDS))
    assert [d.name for d in back.documents()] == ["a.txt"]
    assert View(back, "sales").original(1) == View(safe, "sales").original(1)
    back.lock()
    with pytest.raises(SafeError, match="nothing is overwritten"):
        restore(tmp_path / "b", tmp_path / "back", passphrase(WORDS))
    with pytest.raises(SafeError, match="there is a safe already"):
        Safe.make(tmp_path / "back", passphrase(WORDS), MEMORY_MIB)


def test_each_role_sees_its_own(safe: Safe) -> None:
    plan, quote = fill(safe, "handbook", "plan", "Prüfplan"), fill(safe, "quotes", "A-4711", "Angebot 12.500,00 €")
    operator, sales, stranger = View(safe, "operator"), View(safe, "sales"), View(safe, "nobody")
    assert [c.name for c in operator.collections()] == ["handbook"]
    assert [d.name for d in operator.documents()] == ["plan"]
    assert [c.name for c in operator.chunks([1, 2])] == ["plan"]
    assert [c.name for c in sales.chunks([2, 1])] == ["A-4711", "plan"]
    assert not stranger.documents()
    assert not stranger.chunks([1, 2])
    assert operator.original(plan)
    assert b"12.500" in sales.original(quote)
    with pytest.raises(Forbidden) as caught:
        operator.original(quote)
    with pytest.raises(Forbidden) as missing:
        operator.original(999)
    assert str(caught.value).replace(str(quote), "N") == str(missing.value).replace("999", "N")  # not even whether it is there
    safe.collect("quotes", ["sales", "operator"])
    assert [c.name for c in operator.chunks([2])] == ["A-4711"]  # a change of roles holds at once


@pytest.mark.parametrize(("name", "roles", "days"), [("", ["a"], 0), ("a/b", ["a"], 0), ("a", [], 0), ("a", ["x y"], 0), ("a", ["a"], -1)])
def test_impossible_collections_are_refused(safe: Safe, name: str, roles: list[str], days: int) -> None:
    with pytest.raises(SafeError):
        safe.collect(name, roles, days)


def test_a_new_version_replaces_the_old_one_and_both_stay(safe: Safe) -> None:
    fill(safe, "handbook", "plan", "Ausgabe A")
    fill(safe, "handbook", "plan", "Ausgabe B")
    assert [(d.version, d.replaced_ns is None) for d in safe.documents()] == [(1, False), (2, True)]
    assert [d.version for d in safe.documents(current=True)] == [2]
    assert [c.piece.text for c in View(safe, "sales").chunks([1, 2])] == ["Ausgabe A 0", "Ausgabe B 0"]
    with pytest.raises(SafeError, match="choose one of: handbook, quotes"):
        fill(safe, "nowhere", "x", "y")


def test_what_is_erased_is_on_no_page(safe: Safe) -> None:
    """Searched by decrypting every page ourselves, with SQLite's word for nothing."""
    first = fill(safe, "handbook", "Personalakte", "Erika Mustermann, geboren 12.03.1971, ist ", 300)
    second = fill(safe, "handbook", "Personalakte", "Erika Mustermann, geboren 12.03.1971, war ", 300)
    stays = fill(safe, "handbook", "plan", "Prüfplan P-17 bleibt stehen")
    assert held(safe, b"Erika Mustermann")
    receipt = erase(safe, [first, second], "anna", "Art. 17 GDPR")
    assert not held(safe, b"Erika Mustermann")
    assert not held(safe, b"Personalakte")
    assert held(safe, b"P-17 bleibt")
    assert (receipt.chunks, receipt.found, receipt.shared) == (600, 0, 0)
    assert receipt.needles > 200
    assert [i for i, _ in receipt.documents] == [first, second]
    assert [d.id for d in safe.documents()] == [stays]
    assert receipts(safe) == [receipt]
    assert "Mustermann" not in str(receipt)
    with pytest.raises(SafeError, match="not all are there"):
        erase(safe, [first], "anna", "again")


def test_what_others_share_is_said_and_stays(safe: Safe) -> None:
    text = "Der Lieferant sichert die Maße nach Zeichnung zu."
    gone = fill(safe, "handbook", "one", text)
    fill(safe, "handbook", "two", text)
    receipt = erase(safe, [gone], "anna", "wrong collection")
    assert receipt.shared > 0
    assert receipt.found == 0


def test_without_secure_deletion_the_proof_fails(safe: Safe, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof finds what a careless deletion leaves behind."""
    with safe.reading() as db:
        db.execute("PRAGMA secure_delete = OFF")
    gone = fill(safe, "handbook", "Personalakte", "Erika Mustermann, geboren 12.03.1971, ist ", 300)
    monkeypatch.setattr(vault, "compact", lambda *_: None)
    with pytest.raises(SafeError, match="fragments of what was erased are still in the file"):
        erase(safe, [gone], "anna", "Art. 17 GDPR")


def test_while_another_reads_the_old_pages_nothing_is_called_erased(safe: Safe) -> None:
    gone = fill(safe, "handbook", "Personalakte", "Erika Mustermann", 20)
    other = Safe(safe.folder)
    other.unlock(passphrase(WORDS))
    with other.reading() as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM chunks").fetchone()
        with safe.reading() as db:
            db.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(SafeError, match="close"):
            erase(safe, [gone], "anna", "Art. 17 GDPR")
        reader.execute("COMMIT")
    other.lock()
    assert not receipts(safe)


def test_a_receipt_that_was_changed_or_taken_away_is_noticed(safe: Safe) -> None:
    for name in "abc":
        erase(safe, [fill(safe, "handbook", name, f"Ein Satz über {name}, der verschwindet")], "anna", "test")
    assert len(receipts(safe)) == 3
    with safe.writing() as db:
        db.execute("DELETE FROM erasures WHERE id = 2")
    with pytest.raises(SafeError, match="does not follow"):
        receipts(safe)


def test_retention_per_collection(safe: Safe) -> None:
    safe.collect("quotes", ["sales"], keep_days=30)
    fill(safe, "quotes", "alt", "Ein Angebot aus dem letzten Jahr")
    fill(safe, "handbook", "plan", "Prüfplan bleibt für immer")
    now = time.time_ns()
    assert expire(safe, now + 29 * DAY_NS) == []
    done = expire(safe, now + 31 * DAY_NS)
    assert [(len(r.documents), r.reason) for r in done] == [(1, "older than 30 days")]
    assert [d.name for d in safe.documents()] == ["plan"]


def test_a_safe_of_a_newer_program_is_left_alone(safe: Safe) -> None:
    with safe.reading() as db:
        db.execute("PRAGMA user_version = 99")
    safe.lock()
    with pytest.raises(SafeError, match="newer Gutteil"):
        safe.unlock(passphrase(WORDS))


def test_about_is_kept(safe: Safe) -> None:
    safe.keep("handbook", "x", b"x", [Piece("Text")], "text", about=About("Müller GmbH", "agreement", "2024-03-15"))
    assert View(safe, "sales").chunks([1])[0].about == About("Müller GmbH", "agreement", "2024-03-15")
    assert safe.changes() != (0, 0)
