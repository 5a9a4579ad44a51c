"""TLS: a certificate that is made, kept, renewed and refused; and what changes at the door behind it."""

from __future__ import annotations

import contextlib
import datetime
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from websockets.sync.client import connect
from websockets.typing import Origin

from dashboard import certificate
from dashboard.certificate import CERTIFICATE_NAME, KEY_NAME, Certificate, certificate_of, keep_fresh, machine_names
from edge.config import Dashboard, Record, Station, load
from edge.errors import SettingsError
from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.people.http import FORM, ask, form
from tests.dashboard.stage import PASSWORD, make_people


def station(folder: Path, **dashboard: object) -> Station:
    return Station(dashboard=Dashboard.model_validate({"tls": "generated", **dashboard}), record=Record(folder=str(folder)))


def read(found: Certificate) -> x509.Certificate:
    return x509.load_pem_x509_certificate(found.certificate.read_bytes())


def test_the_certificate_is_for_this_machine_and_its_key_is_ours_alone(tmp_path: Path) -> None:
    found = certificate_of(station(tmp_path, hosts=["qc.plant.example", "10.9.8.7"]))
    assert found is not None
    made = read(found)
    names = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    dns, addresses = names.get_values_for_type(x509.DNSName), {str(a) for a in names.get_values_for_type(x509.IPAddress)}
    assert {"localhost", socket.gethostname().lower(), "qc.plant.example"} <= set(dns)
    assert {"127.0.0.1", "::1", "10.9.8.7"} <= addresses
    assert set(machine_names()) <= {*dns, *addresses}
    key = made.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    assert made.not_valid_after_utc - made.not_valid_before_utc <= datetime.timedelta(days=398), (
        "browsers take none that is good for longer"
    )
    assert found.key.stat().st_mode & 0o777 == 0o600
    assert found.certificate.stat().st_mode & 0o077 == 0
    assert certificate_of(station(tmp_path, hosts=["10.9.8.7"])) == found
    assert read(found).serial_number == made.serial_number, "kept while it is good"
    certificate_of(station(tmp_path, hosts=["another.example"]))
    assert read(found).serial_number != made.serial_number, "made anew for another name"


@pytest.mark.parametrize("damage", ["expiring", "empty", "text", "no-key"])
def test_what_is_no_good_any_more_is_made_anew(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if damage == "expiring":
        monkeypatch.setattr(certificate, "VALID_DAYS", 20)
    found = certificate_of(station(tmp_path))
    assert found is not None
    monkeypatch.undo()
    before = read(found).serial_number
    if damage == "empty":
        found.certificate.write_bytes(b"")
    elif damage == "text":
        found.certificate.write_text("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
    elif damage == "no-key":
        found.key.unlink()
    certificate_of(station(tmp_path))
    assert read(found).serial_number != before


def own(folder: Path, cert: Path, key: Path) -> Station:
    return station(folder, tls="own", certificate=str(cert), certificate_key=str(key))


def test_an_owners_certificate_that_cannot_be_used_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        certificate_of(station(folder))
    cert, key = one / CERTIFICATE_NAME, one / KEY_NAME
    assert certificate_of(own(tmp_path, cert, key)) == Certificate(cert, key)
    with pytest.raises(SettingsError, match=r"dashboard\.certificate.*belong together"):
        certificate_of(own(tmp_path, cert, two / KEY_NAME))
    with pytest.raises(SettingsError, match=r"nothing\.pem is missing"):
        certificate_of(own(tmp_path, tmp_path / "nothing.pem", key))
    key.chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        certificate_of(own(tmp_path, cert, key))
    monkeypatch.setattr(certificate, "VALID_DAYS", 0)
    late = tmp_path / "late"
    late.mkdir()
    certificate._make(Certificate(late / CERTIFICATE_NAME, late / KEY_NAME), ["localhost"])
    with pytest.raises(SettingsError, match="expired on"):
        certificate_of(own(tmp_path, late / CERTIFICATE_NAME, late / KEY_NAME))


def test_the_settings_want_both_files_and_look_beside_the_settings_file(tmp_path: Path) -> None:
    path = tmp_path / "station.toml"
    path.write_text('[dashboard]\ntls = "own"\ncertificate = "tls/a.pem"\n')
    with pytest.raises(SettingsError, match=r"dashboard\.certificate_key"):
        load(path)
    path.write_text('[dashboard]\ntls = "own"\ncertificate = "tls/a.pem"\ncertificate_key = "tls/a.key"\n')
    assert load(path).dashboard.certificate == str(tmp_path / "tls" / "a.pem")
    for wrong in ('terminals = ["10.0.0.300"]', 'terminals = ["10.0.0.1/8"]', 'hosts = ["a b"]', 'hosts = ["https://x"]', 'tls = "on"'):  # fmt: skip
        path.write_text(f"[dashboard]\n{wrong}\n")
        with pytest.raises(SettingsError, match=r"dashboard\."):
            load(path)
    path.write_text('[dashboard]\ndemo_people = true\n[plc]\nbackend = "modbus-server"\n')
    with pytest.raises(SettingsError, match=r"dashboard\.demo_people.*simulated"):
        load(path)


def test_a_renewed_certificate_is_taken_up_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_LOOK_S", 0.05)
    config = station(tmp_path)
    found = certificate_of(config)
    assert found is not None
    loaded: list[int] = []
    made = found

    class Context(ssl.SSLContext):
        def load_cert_chain(self, *args: object, **_: object) -> None:
            loaded.append(read(made).serial_number)

    stop = threading.Event()
    thread = threading.Thread(target=keep_fresh, args=(config, found, Context(ssl.PROTOCOL_TLS_SERVER), stop))
    thread.start()
    certificate._make(found, machine_names())
    until = time.monotonic() + 20
    while not loaded and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    thread.join()
    assert loaded[-1] == read(found).serial_number


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ssl.SSLContext]]:
    """A dashboard that listens at all addresses of this machine, with TLS; its address and what its browsers trust."""
    feed = Feed(tmp_path_factory.mktemp("tls"), free_ports(3))
    record = feed.folder / "record"
    make_people(record)
    server = Server(feed, free_ports(1)[0], "0.0.0.0", 'tls = "generated"\nhosts = ["qc.plant.example"]\n')
    url = server.url.replace("http", "https")
    try:
        until = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError, ssl.SSLError):
                trust = ssl.create_default_context(cafile=str(record / CERTIFICATE_NAME))
                if ask(f"{url}/health/ready", "GET", None, trust).status == 200:
                    break
            assert server.process.poll() is None, server.process.communicate()[1]
            assert time.monotonic() < until
            time.sleep(0.1)
        yield url, trust
    finally:
        server.kill()
        feed.close()


def test_behind_tls_the_cookie_is_bound_and_the_browser_told_to_stay(secure: tuple[str, ssl.SSLContext]) -> None:
    url, trust = secure
    answer = ask(f"{url}/api/session", "POST", form(name="viewer", password=PASSWORD, to="/me"), trust, **FORM)
    said = answer.headers["set-cookie"]
    assert said.startswith("__Host-gutteil_session=")
    for word in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
        assert word in said
    assert "Domain" not in said
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    token = said.partition("=")[2].partition(";")[0]
    assert ask(f"{url}/me", "GET", None, trust, Cookie=f"__Host-gutteil_session={token}").status == 200
    assert ask(f"{url}/me", "GET", None, trust, Cookie=f"gutteil_session={token}").status == 401, (
        "the name without the promise counts for nothing"
    )
    with connect(url.replace("https", "wss") + "/api/live/stream", ssl=trust, origin=Origin(url), proxy=None) as socket:
        assert socket.recv(timeout=10)


def test_only_names_of_this_machine_are_answered(secure: tuple[str, ssl.SSLContext]) -> None:
    url, trust = secure
    assert ask(f"{url}/health/live", "GET", None, trust, Host="qc.plant.example").status == 200
    assert ask(f"{url}/health/live", "GET", None, trust, Host="evil.example").status == 400


def test_without_tls_it_does_not_speak(secure: tuple[str, ssl.SSLContext]) -> None:
    with pytest.raises(OSError, match=r".*"):
        ask(secure[0].replace("https", "http") + "/health/live")


def test_old_versions_of_tls_are_refused(secure: tuple[str, ssl.SSLContext]) -> None:
    url, _ = secure
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r".*"):
        ask(f"{url}/health/live", "GET", None, old)
