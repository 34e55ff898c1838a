"""Where the hub may push: the form of a receiver's URL, and the addresses that it may lead to.

A URL comes from whoever registers a system; followed without looking it would reach the hub's own neighbours (server
side request forgery). The form is checked when a system is registered, the address at every connection, after the
name was resolved, and the connection goes to exactly the address that was checked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
LONGEST = 2000

_LABEL = r"[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,61}[0-9A-Za-z_])?"
# RFC 3986 without user information and fragment, in ASCII: nothing that two readers might read differently
_URL = re.compile(
    rf"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|{_LABEL}(?:\.{_LABEL})*)(?::(?P<port>[0-9]{{1,5}}))?"
    r"(?P<target>(?:/[0-9A-Za-z._~!$&'()*+,;=:@%/-]*)?(?:\?[0-9A-Za-z._~!$&'()*+,;=:@%/?-]*)?)"
)
# a name that ends in a number is an IPv4 address in one of its old forms (URL standard, "ends in a number")
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*")

# IANA's registries of special-purpose addresses; of IPv6 nothing but global unicast is allowed in the first place
_SPECIAL: tuple[tuple[Network, str], ...] = tuple(
    (ipaddress.ip_network(network), what)
    for network, what in (
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared by carriers"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "special"),
        ("192.52.193.0/24", "special"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("192.175.48.0/24", "special"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::1/128", "loopback"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("ff00::/8", "multicast"),
        ("2001::/23", "protocol assignments"),
        ("2001:db8::/32", "documentation"),
        ("2620:4f:8000::/48", "special"),
        ("3fff::/20", "documentation"),
    )
)
_GLOBAL = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052 §2.1


@dataclass(frozen=True, slots=True)
class Target:
    """A receiver's URL, taken apart. ``host`` in lower case, IPv6 without brackets; ``path`` with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Reach:
    """What an operator allows. ``networks``: addresses that may be reached although they are not public.

    ``plain_http``: also without TLS into these networks; without it only to this machine itself.
    """

    networks: tuple[Network, ...] = ()
    plain_http: bool = False

    @classmethod
    def of(cls, networks: str, plain_http: bool = False) -> Reach:
        """From a list with commas. Raises ``ValueError``."""
        return cls(tuple(ipaddress.ip_network(one.strip()) for one in networks.split(",") if one.strip()), plain_http)

    def target(self, url: str) -> Target:
        """Take a URL apart. Raises ``ValueError`` with what is wrong with it."""
        match = _URL.fullmatch(url) if len(url) <= LONGEST else None
        if match is None:
            raise ValueError("not https://HOST[:PORT][/PATH][?QUERY] in ASCII, without user name, password, fragment")
        host, literal = _host(match["host"].lower())
        port = int(match["port"]) if match["port"] else {"http": 80, "https": 443}[match["scheme"]]
        if not 1 <= port <= 65535:
            raise ValueError(f"there is no port {port}")
        itself = literal.is_loopback if literal else host == "localhost"
        if match["scheme"] == "http" and not self.plain_http and not itself:
            raise ValueError("must start with https://")
        if literal is not None and (reason := self.refusal(literal, match["scheme"])):
            raise ValueError(reason)
        target = match["target"]
        return Target(match["scheme"], host, port, target if target.startswith("/") else f"/{target}")

    def refusal(self, address: Address, scheme: str = "https") -> str:
        """Why this address may not be connected to; empty when it may."""
        inner = _inner(address)
        allowed = _within(inner, self.networks)
        special = _special(inner)
        if special and not allowed:
            return f"{address} is not allowed: {special}"
        if scheme == "http" and not inner.is_loopback and not (self.plain_http and allowed):
            return f"{address} is not allowed without TLS"
        return ""


def _host(text: str) -> tuple[str, Address | None]:
    """A host and its address if it is one."""
    if text.startswith("["):
        six = ipaddress.IPv6Address(text[1:-1])
        return str(six), six
    if _NUMBER.fullmatch(text.rpartition(".")[2]):
        four = ipaddress.IPv4Address(text)  # four plain decimal numbers, no leading zeros
        return str(four), four
    if len(text) > 253:
        raise ValueError("a name has up to 253 characters")
    return text, None


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, where it does (mapped, NAT64, 6to4)."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _special(address: Address) -> str:
    for network, what in _SPECIAL:
        if address.version == network.version and address in network:
            return what
    return "" if isinstance(address, IPv4Address) or address in _GLOBAL else "not global"


def _within(address: Address, networks: Sequence[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
