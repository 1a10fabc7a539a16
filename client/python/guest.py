"""A guest without a browser: it asks to be let in, says hello, and answers questions, for a day at most.

pip install "python-socketio[asyncio_client]"
python guest.py http://localhost:5000 TOKEN ROOM
"""

import asyncio
import itertools
import sys
from typing import Any

import socketio

COUNTED = {
    "auth-expiring", "session-ended", "room-join-request", "room-join-accept", "room-user-join", "room-user-leave",
    "room-closed", "room-join-gone", "room-role", "room-kicked", "room-policy", "session-description", "ice-candidate",
    "room-message", "room-user-update", "room-data",
}  # fmt: skip
OVER = {"auth-reject", "unauthorized", "session-ended", "room-join-reject", "room-kicked", "room-closed"}


class Guest:
    """One peer, over as many sockets as it takes. It does nothing twice, and misses nothing."""

    def __init__(self, url: str, token: str, room: str) -> None:
        self.url, self.token, self.room = url, token, room
        self.session = ""  # the newest session token
        self.received = 0  # how many counted events this socket has brought since its first auth-accept
        self.accepted = False  # whether there was one
        self.numbers = itertools.count(1)
        self.unanswered: dict[int, tuple[str, dict[str, Any]]] = {}
        self.client = socketio.AsyncClient(reconnection_delay_max=5)
        self.client.on("connect", self.connected)
        self.client.on("*", self.told)

    async def run(self) -> str:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        await self.client.connect(self.url, auth={"token": self.token}, transports=["websocket"])
        why = await self.over
        await self.client.disconnect()
        return why

    async def ask(self, event: str, **fields: Any) -> None:
        number = next(self.numbers)
        self.unanswered[number] = (event, {"room": self.room, "n": number, **fields})
        if self.client.connected:
            await self.send(number)

    async def send(self, number: int) -> None:
        event, fields = self.unanswered[number]
        await self.client.emit(event, {"auth": self.session, **fields}, callback=lambda answer: self.answered(number))

    def answered(self, number: int) -> None:
        self.unanswered.pop(number, None)

    async def connected(self) -> None:
        self.accepted = False
        resume = {"resume": self.session, "received": self.received} if self.session else {}
        fields = {"token": self.token, "peerinfo": {"name": "Guest"}, "resumable": True, "version": 2}
        await self.client.emit("auth-request", {**fields, **resume})

    async def told(self, event: str, told: Any) -> None:
        self.received += event in COUNTED
        if event == "auth-accept" and not self.accepted:
            self.session, self.accepted, self.received = told["token"], True, 0
            if not told["resumed"]:
                self.unanswered.clear()  # it is somebody new
            for number in list(self.unanswered):
                await self.send(number)
            if not told["resumed"]:
                await self.ask("room-join-request")
        elif event == "room-join-accept":
            await self.ask("room-message-request", body=f"Hello! There are {len(told['peers']) + 1} of us here.")
        elif event == "room-message" and str(told["body"]).endswith("?"):
            await self.ask("room-message-request", to=told["peer_id"], body="I am a program, so I do not know.")
        elif event in OVER and not self.over.done():
            self.over.set_result(told.get("message") or told.get("text") or event)


print(asyncio.run(Guest(*sys.argv[1:4]).run()))
