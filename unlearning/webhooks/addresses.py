"""Addresses that we may send to: public ones, so that nobody can have us knock on doors inside."""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

_TUNNELS = tuple(
    ipaddress.ip_network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::/96", "2001::/32", "fec0::/10")
)
"""IPv6 addresses that lead to an IPv4 one, or that were private once."""

_SCHEMES = {"https": 443, "http": 80}


class Forbidden(ValueError):
    """An address that we don't send to; the message says why, and does not repeat it."""


@dataclass(frozen=True)
class Target:
    """Where to connect, once a name was resolved and every address of it was found public."""

    host: str
    port: int
    scheme: str
    address: str
    """IP address: what was checked is what is connected to, whatever the name resolves to a moment later."""


def check_url(url: str) -> None:
    """Refuse a URL that can never be sent to, without asking for its name.

    Raises:
        Forbidden: why.
    """
    _parts(url)


def resolve(url: str) -> Target:
    """Where to connect for a URL.

    Raises:
        Forbidden: an address behind it is not public.
        OSError: its name does not resolve.
    """
    scheme, host, port = _parts(url)
    found = {entry[4][0] for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    if not settings.FEDSHARE_PRIVATE_TARGETS and any(not _is_public(address) for address in found):
        raise Forbidden("the address lies inside: loopback, link-local or a private range")
    return Target(host, port, scheme, sorted(found)[0])


def _parts(url: str) -> tuple[str, str, int]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Forbidden("this is no address") from None
    if not url.isascii() or not url.isprintable() or " " in url:
        raise Forbidden("write the address in ASCII: percent-encode its path, and its name in Punycode")
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise Forbidden("give an address that begins with https://")
    if parts.scheme != "https" and not settings.FEDSHARE_PRIVATE_TARGETS:
        raise Forbidden("give an address that begins with https://")
    if parts.username or parts.password or parts.fragment:
        raise Forbidden("leave user, password and fragment out of the address")
    if not all(0 < len(label) < 64 for label in parts.hostname.rstrip(".").split(".")) and ":" not in parts.hostname:
        raise Forbidden("this is no address")
    try:
        literal = ipaddress.ip_address(parts.hostname)
    except ValueError:
        literal = None
    if literal is not None and not settings.FEDSHARE_PRIVATE_TARGETS and not _is_public(str(literal)):
        raise Forbidden("the address lies inside: loopback, link-local or a private range")
    return parts.scheme, parts.hostname, port or _SCHEMES[parts.scheme]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if any(parsed in network for network in _TUNNELS if parsed.version == network.version):
        return False
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    return parsed.is_global and not parsed.is_multicast and (inner is None or inner.is_global)
