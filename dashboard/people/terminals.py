"""Who counts as standing at the line: there a PIN or a badge is enough, and names are shown to choose from."""

from __future__ import annotations

import ipaddress

from starlette.requests import HTTPConnection


class Terminals:
    """This machine itself, and the addresses that the settings name."""

    def __init__(self, networks: list[str]) -> None:
        self._networks = [ipaddress.ip_network(n) for n in networks]

    def has(self, address: str) -> bool:
        """Whether a browser at this address stands at the line."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            return False
        if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
            known = known.ipv4_mapped
        return known.is_loopback or any(known in network for network in self._networks)


def counted_as(address: str) -> str:
    """What the requests of an address are counted under: of IPv6 its first 64 bits, as one machine has all that begin with them."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return address
    if not isinstance(known, ipaddress.IPv6Address) or known.ipv4_mapped is not None or known.is_loopback:
        return address
    return str(ipaddress.ip_network((known, 64), strict=False))


def address_of(asked: HTTPConnection) -> str:
    """Where a request comes from. Not what a header says about it: whoever sends the request writes the header."""
    return asked.client.host if asked.client is not None else ""
