"""The gateways that the demo page connects to."""

import ipaddress
import re
import urllib.parse

from shared.process.settings import SettingError

# Narrower than what a URL may be: these go into a Content-Security-Policy header.
_HOST = re.compile(r"([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_URL = re.compile(r"(https?)(://[A-Za-z0-9.\-]+(?::\d{1,5})?|://\[[0-9A-Fa-f:.]+\](?::\d{1,5})?)/?")


def gateway_urls(texts: tuple[str, ...]) -> list[str]:
    """The gateways that GATEWAY_URL names, without a trailing slash. Raises SettingError."""
    for text in texts:
        if not _URL.fullmatch(text):
            raise SettingError("GATEWAY_URL", f"must look like https://signal.example.org:5000; got {text!r}")
    return [text.rstrip("/") for text in texts]


def connect_sources(urls: list[str]) -> str:
    """Where the demo page may connect to, in the words of a Content-Security-Policy."""
    sockets = [re.sub("^http", "ws", url) for url in urls]
    return " ".join(["'self'", *urls, *sockets])


def seen_from(host_header: str, urls: list[str]) -> list[str]:
    """The gateways by names that mean something to the browser that sent ``Host: host_header``.

    A gateway at ``localhost`` or ``0.0.0.0`` is on the machine that serves the page, so other machines find it
    under the name by which they found the page.
    """
    named = _HOST.fullmatch(host_header)
    if named is None or _is_here(named[1].strip("[]")):
        return urls
    return [_moved(url, named[1]) for url in urls]


def asked_from_here(host_header: str) -> bool:
    """Whether the browser that sent ``Host: host_header`` calls its own machine so."""
    named = _HOST.fullmatch(host_header)
    return named is not None and _is_here(named[1].strip("[]"))


def loopback_url(name: str, text: str) -> str:
    """The address of a server on this machine that only this machine reaches. Raises SettingError."""
    if text and not (_URL.fullmatch(text) and _is_here(urllib.parse.urlsplit(text).hostname or "")):
        raise SettingError(name, f"must look like http://127.0.0.1:5000, on this machine; got {text!r}")
    return text.rstrip("/")


def _moved(url: str, host: str) -> str:
    parts = urllib.parse.urlsplit(url)
    if not _is_here(parts.hostname or ""):
        return url
    return f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")


def _is_here(host: str) -> bool:
    """Whether each machine calls itself by this name."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
