"""Signatures as Standard Webhooks 1.0 describes them."""

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signed(secrets: Sequence[bytes], webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent ``body``: one signature for each secret, so that secrets can be replaced."""
    content = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(secret, content) for secret in secrets),
    }


def _signature(secret: bytes, content: bytes) -> str:
    return "v1," + base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()
