"""The certificate for TLS: the owner's, or one that the dashboard makes for the names and addresses of this machine and renews in time."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import os
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.config import Station
from edge.errors import SettingsError

CERTIFICATE_NAME, KEY_NAME = "tls-certificate.pem", "tls-key.pem"
VALID_DAYS: Final = 397  # browsers take none that is good for longer
RENEW_DAYS: Final = 30
_MANY = 60
_LOOK_S = 3600.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files of the certificate and its key."""

    certificate: Path
    key: Path

    def stamp(self) -> tuple[int, int]:
        """Changes when the files do."""
        return self.certificate.stat().st_mtime_ns, self.key.stat().st_mtime_ns


def machine_names() -> list[str]:
    """Names and addresses under which this machine may be reached, loopback first."""
    names = ["localhost", "127.0.0.1", "::1"]
    host = socket.gethostname()
    names += [host, socket.getfqdn(), f"{host}.local"]
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                with contextlib.suppress(ValueError):
                    known = ipaddress.ip_address(address.address.partition("%")[0])
                    if not known.is_link_local:
                        names.append(str(known))
    return list(dict.fromkeys(n.lower() for n in names if n))[:_MANY]


def certificate_of(config: Station) -> Certificate | None:
    """The certificate to serve with; None: TLS is off. A generated one is made or renewed if need be.

    Raises:
        SettingsError: it cannot be read or used; says which file and what to do.
    """
    board = config.dashboard
    if board.tls == "off":
        return None
    if board.tls == "own":
        found = Certificate(Path(board.certificate), Path(board.certificate_key))
        _check(found, "dashboard.certificate")
        return found
    folder = Path(config.record.folder)
    found = Certificate(folder / CERTIFICATE_NAME, folder / KEY_NAME)
    names = list(dict.fromkeys([*machine_names(), *board.hosts]))
    if not _is_good(found, names):
        folder.mkdir(parents=True, exist_ok=True)
        _make(found, names)
    _check(found, "dashboard.tls = 'generated'")
    return found


def keep_fresh(config: Station, found: Certificate, context: ssl.SSLContext, stop: threading.Event) -> None:
    """Until `stop`: make or read the certificate anew in time; browsers that come from then on get the new one."""
    stamp = found.stamp()
    while not stop.wait(_LOOK_S):
        with contextlib.suppress(
            SettingsError, OSError
        ):  # half copied, or the disk is full: the old one serves on, and the next look comes
            if (fresh := certificate_of(config)) is not None and fresh.stamp() != stamp:
                context.load_cert_chain(fresh.certificate, fresh.key)
                stamp = fresh.stamp()


def _check(found: Certificate, key: str) -> None:
    for path in (found.certificate, found.key):
        if not path.is_file():
            raise SettingsError(f"{key}: {path} is missing; put the file there, or set dashboard.tls = 'generated'")
    if os.name == "posix" and found.key.stat().st_mode & 0o077:
        raise SettingsError(f"{key}: {found.key} can be read by others; run: chmod 600 {found.key}")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(found.certificate, found.key)
        until = x509.load_pem_x509_certificate(found.certificate.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise SettingsError(
            f"{key}: {found.certificate} and {found.key} cannot be used ({error}); they must be PEM and belong together"
        ) from error
    if until < datetime.datetime.now(datetime.UTC):
        raise SettingsError(f"{key}: {found.certificate} expired on {until:%Y-%m-%d}; put a new one there")


def _is_good(found: Certificate, names: list[str]) -> bool:
    try:
        made = x509.load_pem_x509_certificate(found.certificate.read_bytes())
        alternatives = made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    said = {*alternatives.get_values_for_type(x509.DNSName), *map(str, alternatives.get_values_for_type(x509.IPAddress))}
    left = made.not_valid_after_utc - datetime.datetime.now(datetime.UTC)
    return left > datetime.timedelta(days=RENEW_DAYS) and set(names) <= said and found.key.is_file()


def _make(found: Certificate, names: list[str]) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Gutteil {socket.gethostname()}"[:64])])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))  # the clocks of browsers differ
        .not_valid_after(now + datetime.timedelta(days=VALID_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    _write(found.key, private)
    _write(found.certificate, certificate.public_bytes(serialization.Encoding.PEM))


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, data: bytes) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
        os.fsync(file.fileno())
    beside.replace(path)
