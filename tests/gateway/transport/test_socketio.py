import asyncio
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gateway.site import Heard, Site, complaints
from tests.system.rig.rawsocket import RawSocket
from tests.system.rig.waiting import until


async def heard(*frames: str) -> list[Heard]:
    """What the server's function gets of these frames."""
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        for frame in (*frames, '42["end"]'):
            await raw.send(frame)
        await until(lambda: site.events and site.events[-1].name == "end", "the last event")
        assert not site.left
        return site.events[:-1]


@pytest.mark.parametrize("name", ["connect", "disconnect", "connect_error", "message", "*", "__proto__"])
async def test_reserved_names_are_plain_names(name: str) -> None:
    assert await heard(f'42["{name}","x"]', f'427["{name}"]') == [Heard(name, "x", None), Heard(name, None, 7)]


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ('42["say"]', Heard("say", None, None)),
        ('420["say",null]', Heard("say", None, 0)),
        ('42999999999999999["say",{}]', Heard("say", {}, 999999999999999)),
        ('42[ "say" , [1] , "more", {"x":1}]', Heard("say", [1], None)),
        ('42["say","é😀\\u2028"]', Heard("say", "é😀\u2028", None)),
        ('42["s\\u0061y",1]', Heard("say", 1, None)),
        ('42/,["say",1]', Heard("say", 1, None)),
        ('42/,7["say",1]', Heard("say", 1, 7)),
        ('42["say","\\ud800"]', Heard("say", "unreadable", None)),
        ("42" + '["say",' + "[" * 2000 + "]" * 2000 + "]", Heard("say", "unreadable", None)),
    ],
)
async def test_an_event_reaches_the_function_with_its_first_argument_and_acknowledgement(
    frame: str, event: Heard
) -> None:
    [told] = await heard(frame)
    assert told.name == event.name
    assert told.ack == event.ack
    if event.body != "unreadable":
        assert told.body == event.body


async def test_what_a_client_answers_means_nothing() -> None:
    assert await heard('431["x"]', "43") == []


async def test_an_event_before_connecting_closes_the_connection() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.event("say", 1)
        await raw.closed(within=2)
        assert not site.events


async def test_an_event_after_disconnecting_closes_the_connection() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        await raw.send("41")
        await until(lambda: site.left == ["client disconnect"], "the disconnect is told")
        await raw.event("say", 1)
        await raw.closed(within=3)
        assert not site.events


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("40", '44{"message":"Connected already"}'),
        ("40{}", '44{"message":"Connected already"}'),
        ("40/,{}", '44{"message":"Connected already"}'),
        ('40/?a=b,{"token":1}', '44{"message":"Connected already"}'),
        ("40/other,", '44/other,{"message":"Invalid namespace"}'),
    ],
)
async def test_connecting_again_or_elsewhere_gets_an_error_in_words_and_harms_nobody(
    frame: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        await raw.send(frame)
        assert await raw.receive() == answer
        await raw.event("say", 1)
        await until(lambda: site.events, "the event")
        assert len(site.sockets) == 1
    assert not complaints(caplog.records)


async def test_one_that_asks_for_a_namespace_that_is_not_there_may_go_on_to_the_one_that_is() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.send('40/other,{"token":"x"}')
        assert await raw.receive() == '44/other,{"message":"Invalid namespace"}'
        await raw.send("40/,{}")
        assert (await raw.receive()).startswith("40{")
        assert len(site.sockets) == 1


pieces = st.sampled_from(
    ["4", "2", "0", "1", "3", "5", "6", "-", "/", "a,", "[", "]", '"say"', ",", "{}", "12", "é", "b"]
)
junk = st.lists(pieces, max_size=8).map("".join) | st.text(max_size=10)


@settings(max_examples=40, deadline=None)
@given(st.lists(junk, min_size=1, max_size=6), st.booleans())
def test_any_junk_at_most_closes_the_connection(frames: list[str], connects: bool) -> None:
    async def speak() -> list[dict[str, Any]]:
        async with Site() as site:
            async with RawSocket(site.url) as raw:
                if connects:
                    await raw.connect("token")
                for frame in frames:
                    await raw.send(frame.encode("utf-8", "replace").decode())
            await until(lambda: not site.open_sockets, "nothing is left of it")
            return site.loop_errors

    assert asyncio.run(speak()) == []


async def test_one_that_says_goodbye_may_come_again_as_somebody_else() -> None:
    async with Site() as site, RawSocket(site.url) as raw:
        await raw.connect("token")
        first = site.sockets[0].client
        await raw.send("41")
        await until(lambda: site.left == ["client disconnect"], "told")
        await raw.send("40")
        answer = json.loads((await raw.receive()).removeprefix("40"))
        assert answer == {"sid": site.sockets[1].client}
        assert answer != {"sid": first}
    await until(lambda: len(site.left) == 2, "told again")
