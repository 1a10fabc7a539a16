"""TURN credentials that end soon, in the REST form of coturn (``use-auth-secret``). Pure: time is an argument."""

import base64
import dataclasses
import hashlib
import hmac
from typing import Any

from shared.contract.tokens import DEMO_APP

DEMO_LIFETIME = 3600  # seconds; a visitor of the demo page needs no password, so the relay is lent for a call at a time


@dataclasses.dataclass(frozen=True)
class Turn:
    """TURN servers, and the secret they share with us. ``lifetime`` of a credential is in seconds."""

    urls: tuple[str, ...]
    secret: str = dataclasses.field(repr=False)
    lifetime: int

    def ice_servers(self, peer_id: str, app: str, now: float) -> list[dict[str, Any]]:
        """What a browser takes as ``iceServers``. ``now`` is in seconds since the epoch."""
        lifetime = min(self.lifetime, DEMO_LIFETIME) if app == DEMO_APP else self.lifetime
        username = f"{int(now) + lifetime}:{peer_id}"
        # SHA-1 is what coturn checks; as an HMAC it is sound
        digest = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
        return [{"urls": list(self.urls), "username": username, "credential": base64.b64encode(digest).decode()}]
