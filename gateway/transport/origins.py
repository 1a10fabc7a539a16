"""Origins of pages, in the form in which browsers send them."""

import contextlib
import ipaddress
import re
from collections.abc import Iterable

from shared.process.settings import SettingError

ANY = "*"
OPAQUE = "null"  # what pages without an origin send: from files, or sandboxed
_DEFAULT_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what ends so is an address, for browsers
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::([0-9]{1,5}))?/?")


def origins(texts: Iterable[str]) -> tuple[str, ...]:
    """What CORS_ORIGINS names. Raises SettingError for what no browser would ever send."""
    return tuple(_origin(text) for text in texts)


def _origin(text: str) -> str:
    if text in (ANY, OPAQUE):
        return text
    found = _ORIGIN.fullmatch(text.lower())
    port = int(found[3] or 0) if found else 0
    if found is None or port > 65535 or not _host(found[2]):
        raise SettingError(
            "CORS_ORIGINS",
            f"must name origins like https://www.example.org or http://localhost:8080, each in full and without a path,"
            f" or be * for all; got {text!r}",
        )
    scheme, host = found[1], _host(found[2])
    return f"{scheme}://{host}" if port in (0, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"


def _host(text: str) -> str:
    """A host as browsers write it, which have one way to write an address. Empty if they would not take it."""
    if not text.startswith("[") and not _NUMBER.fullmatch(text.rpartition(".")[2]):
        return text
    with contextlib.suppress(ValueError):
        if text.startswith("["):
            return f"[{ipaddress.IPv6Address(text[1:-1])}]"
        return str(ipaddress.IPv4Address(text))
    return ""
