"""Where webhooks go, as the operator says it."""

import urllib.parse

SCHEMES = ("https", "http")


def checked(url: str) -> str:
    """``url`` if webhooks can go there. Raises ValueError with a sentence that does not show it."""
    try:
        parts = urllib.parse.urlsplit(url)
        usable = parts.scheme in SCHEMES and parts.hostname and parts.port != 0 and not parts.fragment
    except ValueError:  # of the port, or of brackets
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("must be a URL like https://example.org/parley-webhooks")
    return url


def without_secrets(url: str) -> str:
    """What a log may say of it: user, password, path and query may be secret."""
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
