"""Stolen NATS passwords: they give what their process may do, and nothing to anybody else's rooms."""

import asyncio
import os
import time
from collections.abc import Iterator
from typing import Any

from shared.envelopes.admin import ListApps, ListRooms, NoteIssued, RemovePeer, pack
from tests.attack import entries, subjects
from tests.attack.entries import (
    APP_REVOKED,
    AUTHENTICATED,
    CLOSED,
    GATEWAY_DOWN,
    GATEWAY_LOST,
    GATEWAY_UP,
    PEER_REMOVED,
    ROOM_CLOSED,
    SAID,
    SPEAKING,
    TICK,
    Entry,
)
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
                await gateway.write((ROOM_CLOSED, place.room), (PEER_REMOVED, place.peer_id))
            await gateway.write(*((APP_REVOKED, app, int(time.time()) + 60) for app in APPS))
            await asyncio.sleep(PAUSE)


@attack(row=11, restart=True)
async def stolen_terms(me: Me) -> Steps:
    """A gateway's password: terms beyond all numbers, and gateways given up in them"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        for term in (2**31, 2**53, 2**63 - 1, HUGE):
            await gateway.write((SPEAKING, term), (TICK, term))
            await gateway.write(*((GATEWAY_LOST, term, name, HUGE) for name in gateway.known))
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
    here = (AUTHENTICATED, conn, None, "attackers", b'"x"', False, "", 0, b"", None)
    good: tuple[Entry, ...] = (
        here,
        (SAID, "room-create-request", conn, 1, "nonsense", "", b"null"),
        (SAID, "room-join-request", conn, 1, "nonsense", "", b"null"),
        (SAID, "room-join-accept", conn, 1, "nonsense", conn, b"null"),
        (SAID, "relay-ice-candidate", conn, 1, "nonsense", conn, b'42["ice-candidate",{}]'),
        (CLOSED, conn, 0, "closed", False),
    )
    for wrong in WRONG:
        for entry in good:
            for field in range(len(entry)):
                yield here
                yield (*entry[:field], wrong, *entry[field + 1 :])


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
    ends = ((SAID, "room-leave-request", conn, None, room, "", b""), (CLOSED, conn, 0, "closed", True))
    await gateway.write(*ends, number=number)
    for writer in gateway.known:
        await gateway.write(*ends, number=number, writer=writer)
        await gateway.write(*ends, number=0, writer=writer)
        await gateway.write((GATEWAY_DOWN, 0), number=1_000_000 + number, writer=writer)


@attack(row=11)
async def stolen_beats(me: Me) -> Steps:
    """A gateway's password: signs of life of other gateways that ask for everything again, fences and heads"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        yield
        while True:
            for name in gateway.known:
                await _beat_for(gateway, name)
            await asyncio.sleep(PAUSE / 10)


async def _beat_for(gateway: Thief, name: str) -> None:
    for subject in subjects.beats(name):
        for have in (0, HUGE, -1):
            await gateway.publish(subject, entries.beat(name, have, True))
        await gateway.publish(subject, b"\xc1junk")
    for subject in subjects.deliveries([name]):
        await gateway.publish(subject, entries.fenced(name))
        await gateway.publish(subject, entries.head(2**53))
        await gateway.publish(subject, b"\xc1junk")


@attack(row=11)
async def stolen_ears(me: Me) -> Steps:
    """A gateway's password: listening for the ids of other gateways, with which it could write as one of them"""
    async with thief(me, "gateway") as gateway:
        yield
        await gateway.learn(me.scene.seconds / 2)
        if secrets := gateway.known & set(me.scene.ids):
            me.breaches.append(
                f"a gateway's password overheard the ids of {len(secrets)} gateways, and can write as them"
            )


@attack(row=11)
async def stolen_replies(me: Me) -> Steps:
    """auth_api's password: questions whose answers shall go to the log's purge, the log, the lease and gateways"""
    async with thief(me, "auth_api") as api:
        yield
        while True:
            for reply in subjects.replies(me.scene.ids):
                for ask in (ListRooms(), ListApps(), NoteIssued("app", 1), RemovePeer("nobody")):
                    await api.publish(subjects.ADMIN, pack(ask), reply)
            await asyncio.sleep(PAUSE)


@attack(row=11, restart=True)
async def stolen_acknowledgements(me: Me) -> Steps:
    """A gateway's password: batches whose acknowledgements shall go to the log's purge, the lease and gateways"""
    async with thief(me, "gateway") as gateway:
        await gateway.introduce()
        data = entries.batch(gateway.own, 1, (GATEWAY_UP, "thief"))
        yield
        while True:
            for reply in subjects.replies(sorted(gateway.known)):
                for subject in subjects.events(gateway.own, []):
                    await gateway.publish(subject, data, reply)
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
