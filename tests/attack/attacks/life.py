"""What members of version 2 can do in rooms: write, share, show themselves, and say all of it again."""

import asyncio
import itertools
import json
from collections.abc import Iterable

from tests.attack.attacks.floods import repeated
from tests.attack.attacks.many import say_all
from tests.attack.attacks.views import resume
from tests.attack.me import Me
from tests.attack.party import FULL, PAUSE, PEERINFO, Party, gather
from tests.attack.plan import Steps, attack
from tests.attack.talker import Talker
from tests.bench.wire import text_frame

WRITE, SET, SHOW, POLICY = "room-message-request", "room-data-request", "peer-update-request", "room-policy-request"
JOIN, LEAVE, CREATE = "room-join-request", "room-leave-request", "room-create-request"
KEYS = 64
LARGEST = "x" * 16_000  # nearly all the data that a room may have
ODD_KEYS = ("__proto__", "constructor", "peer..", "host.", "a b", "\u202e", "😀", "", "x" * 65, "A", "peer.\n")
ODD_NUMBERS: tuple[object, ...] = (0, 0, 1, 2**53 - 1, 2**53, -1, 1.0, 1.5, 1e300, "1", True, None, [], {}, 10**400)


async def full(me: Me, members: int = FULL, rooms: int = 1, resumable: bool = False) -> Party:
    """Full rooms of peers of version 2, once there are such peers."""
    while (await (await me.guest()).authenticate(me.scene.token, version=2)).get("version") != 2:
        await asyncio.sleep(PAUSE)
    party = await gather(me, members, rooms, peerinfo="x", resumable=resumable, version=2)
    for room in party.rooms:
        await party.owner.ask(POLICY, room=room, policy={"admission": "open", "history": 50})
    return party


def writing(guest: Talker, rooms: Iterable[str], body: str = PEERINFO) -> bytes:
    """A message to each of these rooms."""
    return b"".join(guest.event(WRITE, room=room, body=body) for room in rooms)


@attack()
async def messages(me: Me) -> Steps:
    """All members of a room of 64 write 4 KiB to it, as fast as they may"""
    party = await full(me)
    yield
    await say_all(party.guests, *(repeated(writing(guest, party.rooms)) for guest in party.guests))


@attack()
async def small_messages(me: Me) -> Steps:
    """All members of a room of 64 write a word to it, as fast as they may"""
    party = await full(me)
    yield
    await say_all(party.guests, *(repeated(writing(guest, party.rooms, "x")) for guest in party.guests))


@attack()
async def messages_unread(me: Me) -> Steps:
    """The same with 4 KiB to members who do not read"""
    party = await full(me)
    writers, readers = party.guests[:10], party.guests[10:]
    for guest in readers:
        guest.stop_reading()
    yield
    await say_all(writers, *(repeated(writing(guest, party.rooms)) for guest in writers))


@attack()
async def messages_to_the_absent(me: Me) -> Steps:
    """Members write to a room of 64 of whom most are away, and come back, and go, all along"""
    party = await full(me, resumable=True)
    writers, away = party.guests[:10], party.guests[10:]
    tokens = [guest.token for guest in away]
    for guest in away:
        guest.hang_up()
    yield
    me.meanwhile(say_all(writers, *(repeated(writing(guest, party.rooms)) for guest in writers)))
    await come_and_go(me, tokens)


@attack()
async def messages_to_many_rooms(me: Me) -> Steps:
    """Members of 16 rooms of 64 write to all of them, as fast as they may"""
    party = await full(me, rooms=16)
    yield
    await say_all(party.guests, *(repeated(writing(guest, party.rooms)) for guest in party.guests))


@attack()
async def histories(me: Me) -> Steps:
    """Members leave and join rooms that have as much data and history as can be, at full speed"""
    party = await full(me, members=20, rooms=16)
    for room in party.rooms:
        await party.owner.ask(SET, room=room, set={"large": LARGEST})
        for _ in range(4):
            await party.owner.ask(WRITE, room=room, body=PEERINFO[:3900])
    yield
    chunks = [guest.event(LEAVE, room=room) + guest.event(JOIN, room=room) for guest, room in pairs(party)]
    await say_all(party.guests, *chunks)


@attack()
async def resumes_into_histories(me: Me) -> Steps:
    """Peers in 16 such rooms come back, all at once, over and over, while others write to them"""
    party = await full(me, members=30, rooms=16, resumable=True)
    for room in party.rooms:
        await party.owner.ask(SET, room=room, set={"large": LARGEST})
    writers, away = party.guests[:2], party.guests[2:]
    tokens = [guest.token for guest in away]
    yield
    me.meanwhile(say_all(writers, *(repeated(writing(guest, party.rooms)) for guest in writers)))
    await come_and_go(me, tokens)


@attack()
async def data_storms(me: Me) -> Steps:
    """All members of a room of 64 set all of its 64 keys, and ask for versions that these do not have"""
    party = await full(me)
    values = {f"key-{number}": "x" * 200 for number in range(KEYS)}
    old = dict.fromkeys(values, 1)
    chunks = [
        guest.event(SET, room=party.rooms[0], set=values)
        + guest.event(SET, ack="7", room=party.rooms[0], set=values, **{"if": old})
        for guest in party.guests
    ]
    yield
    await say_all(party.guests, *map(repeated, chunks))


@attack()
async def data_unread(me: Me) -> Steps:
    """Members set one key each, as fast as they may, for others who do not read and change the same keys themselves"""
    party = await full(me)
    for guest in party.guests[10:]:
        guest.stop_reading()
    chunks = [
        guest.event(SET, room=party.rooms[0], set={f"key-{number % KEYS}": number % 3 or None})
        for number, guest in enumerate(party.guests)
    ]
    yield
    await say_all(party.guests, *map(repeated, chunks))


@attack()
async def odd_data(me: Me) -> Steps:
    """Members set hundreds of keys that cannot be, alone and among others"""
    party = await full(me, members=8)
    room = party.rooms[0]
    sets = [{key: 1} for key in ODD_KEYS] + [{f"{key}{number}": 1 for key in ODD_KEYS for number in range(300)}]
    yield
    await say_all(
        party.guests,
        *(b"".join(guest.event(SET, ack="7", room=room, set=values) for values in sets) for guest in party.guests),
    )


@attack()
async def presence(me: Me) -> Steps:
    """Members of 16 rooms of 64 show 4 KiB of themselves anew, as fast as they may, to others of whom many are away"""
    party = await full(me, rooms=16, resumable=True)
    for guest in party.guests[20:]:
        guest.hang_up()
    showing = party.guests[:20]
    chunks = [repeated(guest.event(SHOW, peerinfo=PEERINFO[:-1]) + guest.event(SHOW, peerinfo=1)) for guest in showing]
    yield
    await say_all(showing, *chunks)


@attack()
async def numbers(me: Me) -> Steps:
    """Members number what they say in every way that there is, and say it again"""
    party = await full(me, members=20)
    chunks = []
    for guest, room in pairs(party):
        events: tuple[tuple[str, dict[str, object]], ...] = (
            (LEAVE, {}),
            (JOIN, {}),
            (CREATE, {}),
            (WRITE, {"body": 1}),
            (SET, {"set": {"a": 1}}),
        )
        said = [
            numbered(guest, event, n, room=room, **fields)
            for (event, fields), n in itertools.product(events, [*range(100, 30, -1), *range(30, 170)])
        ]
        said += [numbered(guest, WRITE, n, room=room, body=1) for n in ODD_NUMBERS]
        chunks.append(b"".join(said))
    yield
    await say_all(party.guests, *chunks)


def numbered(guest: Talker, event: str, n: object, **fields: object) -> bytes:
    """An event with a number, that asks for an acknowledgement. Python may not write the longest ones."""
    number = "1" + "0" * 400 if n == 10**400 else json.dumps(n)
    said = json.dumps([event, {"auth": guest.token, **fields}], separators=(",", ":"))
    return text_frame(f'427{said.removesuffix("}]")},"n":{number}}}]')


def pairs(party: Party) -> list[tuple[Talker, str]]:
    """Each guest with one of the rooms."""
    return list(zip(party.guests, itertools.cycle(party.rooms), strict=False))


async def come_and_go(me: Me, tokens: list[str]) -> None:
    """Peers come back, all at once, and are gone at once, over and over."""
    while True:
        guests = await asyncio.gather(*(me.guest() for _ in tokens), return_exceptions=True)
        there = [(guest, token) for guest, token in zip(guests, tokens, strict=True) if isinstance(guest, Talker)]
        answers = [asyncio.ensure_future(resume(me, guest, token)) for guest, token in there]
        if answers:
            await asyncio.wait(answers, timeout=1.5)
        for number, answer in enumerate(answers):
            if answer.done() and answer.result():
                tokens[number] = answer.result()
        for guest, _ in there:
            guest.hang_up()


@attack()
async def rejoining(me: Me) -> Steps:
    """Members of an open room of 64 leave and join at full speed, without waiting for an answer"""
    party = await full(me)
    room = party.rooms[0]
    yield
    chunks = [guest.event(LEAVE, room=room) + guest.event(JOIN, room=room, create=True) for guest in party.guests]
    await say_all(party.guests, *map(repeated, chunks))
