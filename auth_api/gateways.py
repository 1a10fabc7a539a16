"""The gateways that the demo page connects to."""

import re

from shared.settings import SettingError

# Narrower than what a URL may be: these go into a Content-Security-Policy header.
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
