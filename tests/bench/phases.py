"""One run: the phases of a crowd's life, each measured on its own.

A few residents own the rooms; to each room comes one visitor, from another gateway. There are many visitors, so that
each kind of operation is done often.
"""

from collections.abc import Callable, Sequence

from tests.bench import relay, wire
from tests.bench.client import Client
from tests.bench.crowd import Couple, Crowd, each
from tests.bench.figures import Run
from tests.bench.meter import Meter
from tests.bench.stopwatch import Stopwatch
from tests.bench.target import Target

RESIDENTS = 200
VISITORS = 1600
ROUND_TRIPS = 500.0  # a second, when paced

Progress = Callable[[str], None]


async def run(target: Target, seconds: float, progress: Progress) -> Run:
    """All phases against a target, each of the relay phases so long. Raises Fault."""
    crowd = Crowd(target, await target.app_token())
    return await crowd.guard(_all_phases(crowd, Meter(target.pids), seconds, progress))


async def _all_phases(crowd: Crowd, meter: Meter, seconds: float, progress: Progress) -> Run:
    measured: Run = {}
    residents = await each(range(RESIDENTS), crowd.arrive)
    progress("connect")
    watch = Stopwatch(meter)
    couples = await each(range(VISITORS), lambda number: _arrive(crowd, watch, residents, number))
    measured["connect"] = watch.read()

    progress("create")
    watch = Stopwatch(meter)
    await each(couples, lambda couple: _create(watch, couple))
    measured["create"] = watch.read()

    progress("join")
    for owner in residents:
        owner.on[b"room-join-request"] = _accepting(owner)
    watch = Stopwatch(meter)
    await each(couples, lambda couple: _join(watch, couple))
    measured["join"] = watch.read()

    progress("relay")
    talking = couples[:RESIDENTS]
    measured["relay, saturated"] = await relay.saturated(talking, meter, seconds)
    measured[f"relay, {ROUND_TRIPS:g}/s"] = await relay.paced(talking, meter, seconds, ROUND_TRIPS)

    progress("leave")
    watch = Stopwatch(meter)
    await each(couples, lambda couple: _leave(watch, couple))
    measured["leave"] = watch.read()
    return measured


async def _arrive(crowd: Crowd, watch: Stopwatch, residents: Sequence[Client], number: int) -> Couple:
    """A visitor, on the gateway after that of the resident whom it will visit."""
    host = number % len(residents)
    with watch.operation():
        visitor = await crowd.arrive(host + 1)
    return Couple(residents[host], visitor)


async def _create(watch: Stopwatch, couple: Couple) -> None:
    accepted = couple.owner.expect(b"room-create-accept", couple.room)
    with watch.operation():
        couple.owner.send(couple.owner.event("room-create-request", room=couple.room))
        await accepted


async def _join(watch: Stopwatch, couple: Couple) -> None:
    accepted = couple.guest.expect(b"room-join-accept")
    with watch.operation():
        couple.guest.send(couple.guest.event("room-join-request", room=couple.room))
        await accepted


def _accepting(owner: Client) -> Callable[[bytes], None]:
    """An owner who lets everybody in at once."""

    def accept(message: bytes) -> None:
        asked = wire.event_fields(message)
        peer_id = asked["peer_id"]
        owner.send(owner.event("room-join-accept", room=asked["room"], peer_id=peer_id, to=peer_id))

    return accept


async def _leave(watch: Stopwatch, couple: Couple) -> None:
    """Disconnecting is the only way to leave that every server knows."""
    told = couple.owner.expect(b"room-user-leave", couple.guest.peer_id)
    with watch.operation():
        couple.guest.leave()
        await told
