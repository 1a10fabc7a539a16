"""Relays: couples send session descriptions to and fro, as fast as they can or at a fixed rate."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from tests.bench.crowd import Couple
from tests.bench.figures import Figures
from tests.bench.meter import Meter
from tests.bench.stopwatch import Stopwatch

BOTH_WAYS = 2  # relays in a round trip
SETTLING = 1.0  # seconds before the count begins
SDP_LINES = 26


class Exchange:
    """The round trips of one couple. ``returned`` is called with the seconds that one took."""

    def __init__(self, couple: Couple, returned: Callable[["Exchange", float], None]) -> None:
        self.under_way: deque[float] = deque()
        self._returned = returned
        self._owner, self._guest = couple.owner, couple.guest
        owner, guest = self._owner, self._guest
        self._offer = owner.event(
            "relay-session-description", room=couple.room, to=guest.peer_id, session_description=description("offer")
        )
        self._answer = guest.event(
            "relay-session-description", room=couple.room, to=owner.peer_id, session_description=description("answer")
        )
        owner.on[b"session-description"] = self._on_answer
        guest.on[b"session-description"] = self._on_offer

    def start(self) -> None:
        self.under_way.append(time.perf_counter())
        self._owner.send(self._offer)

    def _on_offer(self, _: bytes) -> None:
        self._guest.send(self._answer)

    def _on_answer(self, _: bytes) -> None:
        self._returned(self, time.perf_counter() - self.under_way.popleft())


async def saturated(couples: Sequence[Couple], meter: Meter, seconds: float) -> Figures:
    """Every couple begins its next round trip as soon as the last one has ended."""
    watch = Stopwatch(meter)
    going_on = True

    def returned(exchange: Exchange, delay: float) -> None:
        watch.delays.append(delay)
        if going_on:
            exchange.start()

    exchanges = [Exchange(couple, returned) for couple in couples]
    for exchange in exchanges:
        exchange.start()
    await asyncio.sleep(SETTLING)
    watch.restart()
    await asyncio.sleep(seconds)
    measured = watch.read(events=BOTH_WAYS)
    going_on = False
    await end(exchanges)
    return measured


async def paced(couples: Sequence[Couple], meter: Meter, seconds: float, rate: float) -> Figures:
    """So many round trips are begun each second, however long they take."""
    watch = Stopwatch(meter)
    exchanges = [Exchange(couple, lambda _, delay: watch.delays.append(delay)) for couple in couples]
    await begin_on_time(exchanges, SETTLING, rate)
    watch.restart()
    await begin_on_time(exchanges, seconds, rate)
    measured = watch.read(events=BOTH_WAYS)
    await end(exchanges)
    return measured


def description(kind: str) -> dict[str, str]:
    """A session description of 1.8 KB."""
    codecs = [f"a=rtpmap:{96 + n} VP{n}/90000\r\na=fmtp:{96 + n} level-asymmetry-allowed=1" for n in range(SDP_LINES)]
    return {"type": kind, "sdp": "\r\n".join(["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", *codecs, ""])}


async def begin_on_time(exchanges: Sequence[Exchange], seconds: float, rate: float) -> None:
    """Begin so many round trips a second."""
    start = time.perf_counter()
    begun = 0
    while (passed := time.perf_counter() - start) < seconds:
        while begun < passed * rate:
            exchanges[begun % len(exchanges)].start()
            begun += 1
        await asyncio.sleep(1 / rate)


async def end(exchanges: Sequence[Exchange]) -> None:
    """Wait for what is under way."""
    async with asyncio.timeout(60):
        while any(exchange.under_way for exchange in exchanges):
            await asyncio.sleep(0.01)
