"""The secrets that webhooks are signed with, in the form that Standard Webhooks prescribes."""

import base64
import binascii

PREFIX = "whsec_"
LEAST, MOST = 24, 64  # bytes
HOW = 'Make one with: echo "whsec_$(openssl rand -base64 32)"'


def secret_bytes(text: str) -> bytes:
    """What ``whsec_`` and base64 stand for. Raises ValueError with a sentence that does not show it."""
    try:
        if not text.startswith(PREFIX):
            raise ValueError
        secret = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        raise ValueError(f"must be {PREFIX} and base64 behind it. {HOW}") from None
    if not LEAST <= len(secret) <= MOST:
        raise ValueError(f"must stand for {LEAST} to {MOST} bytes. {HOW}")
    return secret
