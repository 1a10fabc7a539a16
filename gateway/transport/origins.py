"""Origins of pages, in the form in which browsers send them."""

import re
from collections.abc import Iterable

from shared.process.settings import SettingError

ANY = "*"
OPAQUE = "null"  # what pages without an origin send: from files, or sandboxed
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(?::([0-9]{1,5}))?/?")


def origins(texts: Iterable[str]) -> tuple[str, ...]:
    """What CORS_ORIGINS names. Raises SettingError for what no browser would ever send."""
    return tuple(_origin(text) for text in texts)


def _origin(text: str) -> str:
    if text in (ANY, OPAQUE):
        return text
    found = _ORIGIN.fullmatch(text.lower())
    port = int(found[3] or 0) if found else 0
    if found is None or port > 65535:
        raise SettingError(
            "CORS_ORIGINS",
            f"must name origins like https://www.example.org or http://localhost:8080, each in full and without a path,"
            f" or be * for all; got {text!r}",
        )
    scheme, host = found[1], found[2]
    return f"{scheme}://{host}" if port in (0, _DEFAULT_PORTS.get(scheme)) else f"{scheme}://{host}:{port}"
