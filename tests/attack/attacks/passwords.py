"""Stolen NATS passwords: they give what their process may do, and nothing to anybody else's rooms."""

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any

import msgspec

from shared.admin import ListApps, ListRooms, NoteIssued, RemovePeer, pack
from shared.deliveries import Beat, Head, pack_beat, pack_fenced, pack_head
from shared.log import (
    AppRevoked,
    Authenticated,
    Closed,
    Entry,
    GatewayDown,
    GatewayLost,
    PeerRemoved,
    RoomClosed,
    Said,
    Speaking,
    Tick,
)
from tests.attack import subjects
from tests.attack.me import Me
from tests.attack.plan import Steps, attack
from tests.attack.thief import Thief, thief

PAUSE = 0.05  # seconds between two rounds
HUGE = 2**64 - 1
WRONG: tuple[Any, ...] = (None, True, -1, HUGE, 1.5, "x" * 10_000, "\0", b"\xff", b"{", [], [[]], {"a": 1})
APPS = ("witnesses", "attackers")
GARBAGE = (
    b"",
    b"\xc1",
    b"\x94",
    b"junk" * 100,
    os.urandom(1000),
    b"\x94\xa1g\x00\xdd\xff\xff\xff\xff",
    b"\x90" * 60_000,
)


@attack(row=11, restart=True)
async def stolen_orders(me: Me) -> Steps:
    """A gateway's password: batches as a broker writes them, which close rooms, remove peers and revoke apps"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        while True:
            for place in me.scene.witnesses:
                await gateway.write(RoomClosed(place.room), PeerRemoved(place.peer_id))
            await gateway.write(*(AppRevoked(app, int(time.time()) + 60) for app in APPS))
            await asyncio.sleep(PAUSE)


@attack(row=11, restart=True)
async def stolen_terms(me: Me) -> Steps:
    """A gateway's password: terms beyond all numbers, and gateways given up in them"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        for term in (2**31, 2**53, 2**63 - 1, HUGE):
            await gateway.write(Speaking(term), Tick(term))
            await gateway.write(*(GatewayLost(term, name, HUGE) for name in me.scene.ids))
            await asyncio.sleep(PAUSE)
        await asyncio.sleep(me.scene.seconds)


@attack(row=11, restart=True)
async def stolen_garbage(me: Me) -> Steps:
    """A gateway's password: batches that are none, and entries of its own sockets with values that cannot be"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        for number, entry in enumerate(nonsense(gateway.own), 2):
            await gateway.write(entry, number=number)
            await gateway.write(entry, number=HUGE)
            await gateway.write_bytes(GARBAGE[number % len(GARBAGE)])
            await asyncio.sleep(0.001)


def nonsense(conn: str) -> Iterator[Entry]:
    """Entries that are good but for one field, which is wrong in every way. A good one goes before each."""
    here = Authenticated(conn, None, "attackers", b'"x"', False, "", 0, b"", None)
    good: tuple[Entry, ...] = (
        here,
        Said("room-create-request", conn, 1, "nonsense", "", b"null"),
        Said("room-join-request", conn, 1, "nonsense", "", b"null"),
        Said("room-join-accept", conn, 1, "nonsense", conn, b"null"),
        Said("relay-ice-candidate", conn, 1, "nonsense", conn, b'42["ice-candidate",{}]'),
        Closed(conn, 0, "closed", False),
    )
    for wrong in WRONG:
        for entry in good:
            for field in entry.__struct_fields__:
                yield here
                yield msgspec.structs.replace(entry, **{field: wrong})


@attack(row=11, restart=True)
async def stolen_voices(me: Me) -> Steps:
    """A gateway's password: events in the names of witnesses on other gateways, and the ends of their sockets"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        for number in range(2, 10_000):
            for place in me.scene.witnesses:
                await _speak_for(gateway, number, place.room, place.peer_id)
            await asyncio.sleep(PAUSE)


async def _speak_for(gateway: Thief, number: int, room: str, conn: str) -> None:
    entries = (Said("room-leave-request", conn, None, room, "", b""), Closed(conn, 0, "closed", True))
    await gateway.write(*entries, number=number)
    for writer in gateway.me.scene.ids:
        await gateway.write(*entries, number=number, writer=writer)
        await gateway.write(*entries, number=0, writer=writer)
        await gateway.write(GatewayDown(0), number=1_000_000 + number, writer=writer)


@attack(row=11)
async def stolen_beats(me: Me) -> Steps:
    """A gateway's password: signs of life of other gateways that ask for everything again, fences and heads"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        while True:
            for name in me.scene.ids:
                await _beat_for(gateway, name)
            await asyncio.sleep(PAUSE / 10)


async def _beat_for(gateway: Thief, name: str) -> None:
    for subject in subjects.beats(name):
        for have in (0, HUGE, -1):
            await gateway.publish(subject, pack_beat(Beat(name, have, True)))
        await gateway.publish(subject, b"\xc1junk")
    for subject in subjects.deliveries([name]):
        await gateway.publish(subject, pack_fenced())
        await gateway.publish(subject, pack_head(Head(HUGE)))
        await gateway.publish(subject, b"\xc1junk")


@attack(row=11)
async def stolen_ears(me: Me) -> Steps:
    """A gateway's password: listening to what all gateways are told"""
    async with thief(me, "gateway") as gateway:
        heard: list[bytes] = []
        yield
        for subject in subjects.ears():
            await gateway.listen(subject, heard)
        await asyncio.sleep(me.scene.seconds / 2)
        if heard:
            me.breaches.append(f"a gateway's password overheard {len(heard)} messages to other gateways")


@attack(row=11)
async def stolen_replies(me: Me) -> Steps:
    """auth_api's password: questions whose answers shall go to the log's purge, the log, the lease and gateways"""
    replies = [subjects.PURGE, subjects.DELETE, subjects.LEASE, *subjects.events("x", me.scene.ids)]
    replies += subjects.deliveries(me.scene.ids)
    async with thief(me, "auth_api") as api:
        yield
        while True:
            for reply in replies:
                for ask in (ListRooms(), ListApps(), NoteIssued("app", 1), RemovePeer("nobody")):
                    await api.publish(subjects.ADMIN, pack(ask), reply)
            await asyncio.sleep(PAUSE)


@attack(row=11)
async def stolen_questions(me: Me) -> Steps:
    """auth_api's password: a flood of questions, and of junk"""
    async with thief(me, "auth_api") as api:
        yield
        while True:
            await api.publish(subjects.ADMIN, pack(ListRooms("", HUGE)), "_INBOX_auth_api.x")
            await api.publish(subjects.ADMIN, pack(NoteIssued(os.urandom(8).hex(), HUGE)), "_INBOX_auth_api.x")
            await api.publish(subjects.ADMIN, b"\xc1junk", "_INBOX_auth_api.x")
            await api.publish(subjects.ADMIN, b"", "")
