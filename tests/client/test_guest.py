"""The guest in Python, which is an example: it is run as its first lines say."""

import asyncio
import sys
from asyncio.subprocess import PIPE

from shared.contract.told import counted_in
from tests.client.rig.node import NodePage
from tests.client.test_rooms import entering
from tests.system.rig.harness import System
from tests.system.rig.process import ROOT

GUEST = ROOT / "client/python/guest.py"


def test_it_is_short_and_counts_what_the_contract_says() -> None:
    text = GUEST.read_text()
    assert len(text.splitlines()) <= 80
    assert [event for event in counted_in(2) if f'"{event}"' not in text] == []


async def test_it_joins_chats_and_answers_while_its_gateway_is_killed(mortal: System, page: NodePage) -> None:
    given = await entering(mortal)
    await page.run(
        """
        globalThis.ann = enter(connect, "Ann", { ...$, urls: [$.urls[1]] });
        globalThis.room = follow(ann, await ann.parley.join($.room, { create: true }));
        """,
        given,
    )
    arguments = (given["urls"][0], given["token"], given["room"])
    guest = await asyncio.create_subprocess_exec(sys.executable, str(GUEST), *arguments, stdout=PIPE)
    try:
        await page.run(
            """
            await until(() => room.pending.size);
            await room.accept([...room.pending.keys()][0]);
            await until(() => ann.told.includes('message chat "Hello! There are 2 of us here."'));
            """
        )
        await mortal.gateways[0].kill()
        mortal.gateways[0].start()
        await mortal.ready()
        await page.run(
            """
            await room.send("Are you there?");
            await until(() => ann.told.includes('message chat "I am a program, so I do not know."'));
            """
        )
        told = await page.run("const { told } = ann; await room.close('Good night'); return told")
        assert guest.stdout is not None
        assert await asyncio.wait_for(guest.stdout.read(), 10) == b"Good night\n"
        assert len([line for line in told if line.startswith("message")]) == 2
        assert not [line for line in told if line.startswith("leave")]
    finally:
        if guest.returncode is None:
            guest.kill()
        await guest.wait()
        await mortal.ready()
