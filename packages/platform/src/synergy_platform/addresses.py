"""Where requests that users cause may go: to public addresses, and to networks that the operator allows; and who
counts as one sender.

Also who a client is by its address.

The lists are IANA's registries of special-purpose addresses. They stand here, since what Python's `ipaddress` calls
global has changed between its releases.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_URL_LENGTH = 2000

_NOT_PUBLIC_V4 = tuple(
    ipaddress.IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; also the metadata of one cloud
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # looks public, and is the host's own service in one cloud
        "169.254.0.0/16",  # link-local; the metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocols
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # multicast tunnels
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
_GLOBAL_UNICAST_V6 = ipaddress.IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    ipaddress.IPv6Network(network)
    for network in (
        "2001::/23",  # protocols: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries any IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # given back
        "3fff::/20",  # documentation
    )
)
# hosts without IPv4 reach it through this prefix: what counts is the address inside
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

_NAME = re.compile(r"(?!.*\.\.)[a-z0-9_-][a-z0-9_.-]{0,252}", re.IGNORECASE)
# what some resolvers take for an IPv4 address: 2130706433, 127.1, 0x7f.0.0.1, 0177.0.0.1
_ENDS_IN_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)\.?", re.IGNORECASE)


class BadUrl(ValueError):
    """An address that nothing may be sent to; the message is a sentence that says why, without a subject."""


def parse_networks(networks: Iterable[str]) -> tuple[Network, ...]:
    """Networks as the operator wrote them; ValueError when one is none."""
    return tuple(ipaddress.ip_network(network, strict=False) for network in networks)


def is_public(address: Address) -> bool:
    """Whether it is a unicast address that is routed in the whole Internet and hides no other address."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address in _NAT64:
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def is_in(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has it."""
    return any(address in network for network in networks)


def may_reach(address: Address, allowed: Iterable[Network]) -> bool:
    """Whether a request may go there: it is public, or in a network that the operator allows."""
    return is_in(address, allowed) or is_public(address)


def check_url(url: str, *, allowed: tuple[Network, ...], encrypted_only: bool) -> SplitResult:
    """Refuse, with BadUrl, what can be seen without asking the DNS; the real guard is at the moment of connecting.

    `encrypted_only`: plain HTTP is for allowed networks only.
    """
    if len(url) > MAX_URL_LENGTH:
        raise BadUrl(f"must have at most {MAX_URL_LENGTH} characters")
    if not url.isascii() or any(not "!" <= character <= "~" or character == "\\" for character in url):
        raise BadUrl("must be plain ASCII without spaces: write other names as xn--… and other characters as %…")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadUrl("must be an address such as https://example.org/hook, with a port of 1 to 65535 if any") from None
    if parts.scheme not in {"http", "https"} or not url.lower().startswith(("http://", "https://")):
        raise BadUrl("must begin with https://")
    if "@" in parts.netloc:
        raise BadUrl("must not hold a user name or password")
    if parts.fragment or url.endswith("#"):
        raise BadUrl("must not have a fragment (#…): it is never sent")
    if port == 0:
        raise BadUrl("must have a port of 1 to 65535 if any")
    address = _literal(host, bracketed="[" in parts.netloc)
    if address is not None and not may_reach(address, allowed):
        raise BadUrl(f"must not be the address of a private or special network ({address})")
    if encrypted_only and parts.scheme == "http" and not _could_be_in(address, allowed):
        raise BadUrl("must begin with https://")
    return parts


def _literal(host: str, *, bracketed: bool) -> Address | None:
    """The address that stands in the place of a host name, if one does."""
    if bracketed:
        if "%" in host:
            raise BadUrl("must not name a network interface")
        try:
            return ipaddress.IPv6Address(host)
        except ValueError:
            raise BadUrl("must name a host, or an IPv6 address in brackets") from None
    if _ENDS_IN_NUMBER.fullmatch(host):
        try:
            return ipaddress.IPv4Address(host)
        except ValueError:
            raise BadUrl("must write an IPv4 address as four decimal numbers") from None
    if not _NAME.fullmatch(host):
        raise BadUrl("must name a host")
    name = host.lower().rstrip(".")
    return ipaddress.IPv4Address("127.0.0.1") if name == "localhost" or name.endswith(".localhost") else None


def _could_be_in(address: Address | None, allowed: tuple[Network, ...]) -> bool:
    """A name is looked up later, so it could be in any network that is allowed."""
    return bool(allowed) if address is None else is_in(address, allowed)


def client_network(client: str | None) -> str:
    """What counts as one client where limits go by address: an IPv4 address, or an IPv6 network of 64 bits.

    Whoever has IPv6 has at least such a network. What is no address stands for itself.
    """
    try:
        address = ipaddress.ip_address(client or "")
    except ValueError:
        return client or ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
        address = address.ipv4_mapped
    return str(address)
