"""TURN credentials that end soon, in the REST form of coturn (``use-auth-secret``). Pure: time is an argument."""

import base64
import dataclasses
import hashlib
import hmac
from typing import Any


@dataclasses.dataclass(frozen=True)
class Turn:
    """TURN servers, and the secret they share with us. ``lifetime`` of a credential is in seconds."""

    urls: tuple[str, ...]
    secret: str = dataclasses.field(repr=False)
    lifetime: int

    def ice_servers(self, peer_id: str, now: float, expires: float | None = None) -> list[dict[str, Any]]:
        """What a browser takes as ``iceServers``. Times are in seconds since the epoch.

        A credential lives no longer than the user token of its peer, which ``expires`` then; None: it has none.
        """
        ends = int(now) + self.lifetime if expires is None else int(min(now + self.lifetime, expires))
        username = f"{ends}:{peer_id}"
        # SHA-1 is what coturn checks; as an HMAC it is sound
        digest = hmac.new(self.secret.encode(), username.encode(), hashlib.sha1).digest()
        return [{"urls": list(self.urls), "username": username, "credential": base64.b64encode(digest).decode()}]
