"""The address of a caller, by which its tries are counted."""

import functools
import ipaddress
from collections.abc import Iterable

from aiohttp import web

from shared.process.settings import SettingError

MAX_ADDRESS = 64  # characters; no address has more
MAX_HOPS = 16  # read of X-Forwarded-For, which may be long

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
LOOPBACK = "::/64"  # ::1, as it is grouped


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """The networks that TRUSTED_PROXIES names. Raises SettingError."""
    try:
        return tuple(ipaddress.ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise SettingError("TRUSTED_PROXIES", f"must name addresses or networks: {error}") from None


def client_address(request: web.Request, trusted: tuple[Network, ...]) -> str:
    """The caller's address, or its network where one caller has many addresses (an IPv6 /64).

    X-Forwarded-For is read from its right end, and only as far as each one who passed the request on is trusted.
    """
    if not trusted:
        return _grouped(request.remote or "")
    address = _parse(request.remote or "")
    hops = ",".join(request.headers.getall("X-Forwarded-For", [])).rsplit(",", MAX_HOPS)[-MAX_HOPS:]
    while address and hops and is_in(address, trusted):
        hop = _parse_hop(hops.pop())
        if hop is None:
            break
        address = hop
    return _group(address)


def plain_address(text: str, trusted: tuple[Network, ...]) -> str:
    """The address at the other end of a connection, as ``client_address`` gives it; LOOPBACK if it is trusted."""
    address = _parse(text)
    return LOOPBACK if address is None or (trusted and is_in(address, trusted)) else _grouped(text)


def is_in(address: Address, trusted: tuple[Network, ...]) -> bool:
    """Whether an address is in one of the networks."""
    return any(address in network for network in trusted)


def is_local(text: str) -> bool:
    """Whether a text, in the form that ``client_address`` gives, names this machine."""
    return text in ("127.0.0.1", LOOPBACK)


def _parse_hop(text: str) -> Address | None:
    """The address in an entry of X-Forwarded-For: some proxies add the port, brackets or quotes."""
    text = text.strip().strip('"').strip()
    if text.startswith("["):
        text, closing, port = text[1:].partition("]")
        if not closing or (port and not port.startswith(":")):
            return None
    elif text.count(":") == 1:  # with more of them it is IPv6, and all of them are its own
        text = text.partition(":")[0]
    return _parse(text.strip())


def _parse(text: str) -> Address | None:
    return _parse_short(text) if len(text) <= MAX_ADDRESS else None


@functools.lru_cache(maxsize=4096)
def _grouped(text: str) -> str:
    return _group(_parse(text))


@functools.lru_cache(maxsize=4096)
def _parse_short(text: str) -> Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    # A dual-stack listener sees IPv4 callers as ::ffff:a.b.c.d
    return getattr(address, "ipv4_mapped", None) or address


def _group(address: Address | None) -> str:
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return str(address)
