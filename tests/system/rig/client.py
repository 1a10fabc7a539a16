"""What every kind of client under test can do."""

import abc
from typing import Any

from tests.system.rig.recorder import Recorder


class Client(Recorder, abc.ABC):
    """A peer to be. ``send`` and ``call`` add its session token, the ``bare`` ones send just what they are given."""

    def __init__(self, name: str, url: str, app_token: str) -> None:
        super().__init__(name)
        self.url = url
        self.app_token = app_token
        self.token = ""
        self.peer_id = ""
        self.peerinfo: Any = None

    @abc.abstractmethod
    async def send_bare(self, event: str, *args: Any) -> None: ...

    @abc.abstractmethod
    async def call_bare(self, event: str, *args: Any, within: float = 5.0) -> Any:
        """Send and wait for the acknowledgement."""

    @abc.abstractmethod
    async def close(self) -> None:
        """The client's own disconnect()."""

    async def authenticate(self, peerinfo: Any = None, **fields: Any) -> Any:
        """Become a peer; returns what ``auth-accept`` says."""
        self.peerinfo = {"name": self.name} if peerinfo is None else peerinfo
        await self.send_bare("auth-request", {"token": self.app_token, "peerinfo": self.peerinfo, **fields})
        accepted = await self.expect("auth-accept")
        self.token, self.peer_id = accepted["token"], accepted["peer_id"]
        return accepted

    async def send(self, event: str, data: dict[str, Any] | None = None) -> None:
        await self.send_bare(event, {"auth": self.token, **(data or {})})

    async def call(self, event: str, data: dict[str, Any] | None = None, within: float = 5.0) -> Any:
        return await self.call_bare(event, {"auth": self.token, **(data or {})}, within=within)
