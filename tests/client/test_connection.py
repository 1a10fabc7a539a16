"""The connection of the package, while what it depends on is killed, stopped or says no."""

import pytest

from tests.client.rig.node import NodePage
from tests.client.test_rooms import ADMIT, ENTER, entering
from tests.conftest import StartSystem
from tests.system.rig.cripple import Cripple
from tests.system.rig.harness import System
from tests.system.rig.rooms import new_name
from tests.system.rig.tokens import claims_of


async def test_a_peer_goes_on_at_another_gateway_when_its_own_is_killed(mortal: System, page: NodePage) -> None:
    room = await page.run(ENTER + ADMIT + "const atCleo = await admitted(cleo); return room", await entering(mortal))
    for gateway in mortal.gateways:
        await gateway.kill()
        told = await page.run(
            """
            const all = Object.values(people);
            await until(() => all.every(({ parley }) => parley.state === "online"));
            await all[0].parley.rooms.get($).setPolicy({ waiting_text: "Hello" });
            const rooms = all.map((person) => seen(person.parley.rooms.get($)));
            return { rooms, told: all.map(({ told }) => told) };
            """,
            room,
        )
        gateway.start()
        await mortal.ready()
        for view in told["rooms"]:
            assert sorted(view["members"]) == ["Ann owner", "Ben member", "Cleo member"]
        assert not [line for lines in told["told"] for line in lines if line.startswith(("lost", "leave", "end"))]


async def test_what_is_asked_while_there_is_no_broker_is_answered_by_the_next(mortal: System, page: NodePage) -> None:
    room = await page.run(ENTER + ADMIT + "return room", await entering(mortal))
    await mortal.brokers[0].kill()
    policy = await page.run(
        """
        const { Ann, Ben } = people;
        await Ann.parley.rooms.get($).setPolicy({ admission: "open" });
        await until(() => Ben.parley.rooms.get($).policy.admission === "open");
        return Ben.parley.rooms.get($).policy;
        """,
        room,
    )
    assert policy["admission"] == "open"
    mortal.brokers[0].start()
    await mortal.ready()


async def test_a_place_that_is_lost_is_told_and_what_was_asked_is_rejected(
    start_system: StartSystem, page: NodePage
) -> None:
    system = await start_system(settings={"RESUME_FOR": "1"})
    given = await entering(system)
    room = given["room"]
    await page.run(
        """
        const { urls, room, ...given } = $;
        const cleo = enter(connect, "Cleo", { ...given, urls: urls[1] });
        const atCleo = follow(cleo, await cleo.parley.create(room, { policy: { admission: "open" } }));
        const [ann, ben] = ["Ann", "Ben"].map((name) => enter(connect, name, { ...given, urls: urls[0] }));
        await join(ann, room, { rejoin: true });
        await join(ben, room);
        await until(() => atCleo.members.size === 3);
        """,
        given,
    )
    await system.gateways[0].kill()
    await page.run(
        """
        const { Ann, Ben, Cleo } = people;
        await until(() => [Ann, Ben].every(({ parley }) => parley.state === "reconnecting"));
        globalThis.before = Ann.parley.peerId;
        globalThis.asked = refused(Ben.parley.rooms.get($).send("Hello?"));
        await until(() => ["Ann", "Ben"].every((name) => Cleo.told.includes(`leave ${name} lost`)));
        """,
        room,
    )
    system.gateways[0].start()
    await system.ready()
    told = await page.run(
        """
        const { Ann, Ben } = people;
        const code = await asked;
        await until(() => Ann.parley.rooms.get($)?.state === "inside" && Ann.parley.peerId !== before);
        const again = seen(Ann.parley.rooms.get($)).members;
        return { code, ann: Ann.told, ben: Ben.told, again, same: Ann.parley.rooms.get($) === Ann.rooms[$] };
        """,
        room,
    )
    assert told["code"] == "lost"
    assert told["ben"][-2:] == ["end lost", "lost"]
    assert told["same"] is True
    assert sorted(told["again"]) == ["Ann member", "Cleo owner"]
    assert {"leave Ben away", "leave Cleo away", "lost"} <= set(told["ann"])


async def test_whoever_waits_for_a_host_still_does_after_its_gateway_was_killed(mortal: System, page: NodePage) -> None:
    given = await entering(mortal)
    await page.run(
        """
        const { room, token, urls } = $;
        const ann = enter(connect, "Ann", { token, urls: [urls[1]] });
        const ben = enter(connect, "Ben", { token, urls });
        const atAnn = await join(ann, room, { create: true });
        globalThis.asked = join(ben, room);
        await until(() => atAnn.pending.size);
        """,
        given,
    )
    await mortal.gateways[0].kill()
    members = await page.run(
        """
        const { Ann, Ben } = people;
        await Ann.parley.rooms.get($).accept(Ben.parley.peerId);
        return seen(await asked).members;
        """,
        given["room"],
    )
    assert sorted(members) == ["Ann owner", "Ben member"]
    mortal.gateways[0].start()
    await mortal.ready()


async def test_behind_a_proxy_that_passes_no_websocket_on_it_polls(system: System, page: NodePage) -> None:
    async with Cripple(system.gateways[0].url) as url:
        role = await page.run(
            "return (await join(enter(connect, 'Ann', $), $.room, { create: true })).me.role",
            {**await entering(system), "urls": url},
        )
        assert role == "owner"
        await page.run("people.Ann.parley.close()")


@pytest.mark.parametrize("session", ["kept", "not kept"])
async def test_a_page_that_is_loaded_again_goes_on(system: System, page: NodePage, session: str) -> None:
    told = await page.run(
        ENTER
        + ADMIT
        + """
        const kept = ben.parley.suspend();
        const resume = $.session === "kept" ? kept : undefined;
        const again = enter(connect, "Ben", { ...given, resume });
        await until(() => again.parley.state === "online");
        const there = again.parley.rooms.get(room);
        await there?.leave();
        const same = ben.parley.peerId === again.parley.peerId;
        return { state: ben.states.at(-1), same, found: !!there, told: ann.told };
        """,
        {**await entering(system), "session": session},
    )
    assert told["state"] == "ended suspended"
    assert (told["same"], told["found"]) == (session == "kept", session == "kept")
    assert not [line for line in told["told"] if line == "leave Ben lost"]


async def test_a_session_is_renewed_with_a_new_token_before_the_old_one_ends(system: System, page: NodePage) -> None:
    await system.agreed()
    tokens = [await system.user_token("ann", rooms={"*": "own"}, expires_in=seconds) for seconds in (8, 3600)]
    told = await page.run(
        """
        const ann = enter(connect, "Ann", $);
        const room = await ann.parley.join($.room, { create: true });
        await until(() => Date.now() > $.ends);
        await room.setPolicy({ admission: "open" });
        return { states: ann.states, given: ann.given.length, identity: room.me.identity };
        """,
        {
            "urls": [gateway.url for gateway in system.gateways],
            "tokens": tokens,
            "ends": (claims_of(tokens[0])["exp"] + 1) * 1000,
            "room": new_name(),
        },
    )
    assert told == {"states": ["online"], "given": 2, "identity": {"id": "ann", "name": "Ann"}}


async def test_a_token_that_is_outdated_is_asked_for_again_and_a_bad_one_ends_it(
    system: System, page: NodePage
) -> None:
    given = await entering(system)
    told = await page.run(
        """
        const ann = enter(connect, "Ann", { urls: $.urls, tokens: ["", "nonsense"] });
        const asked = refused(join(ann, "tea"));
        return { code: await asked, states: ann.states, given: ann.given };
        """,
        given,
    )
    assert told["code"] == "unauthorized"
    assert told["states"] == ["connecting getToken: no token today", "ended unauthorized"]
    assert told["given"] == ["", "nonsense"]


async def test_a_peer_that_is_replaced_does_not_come_back(system: System, page: NodePage) -> None:
    await system.agreed()
    token = await system.user_token("ann", rooms={"*": "own"}, single="newest")
    told = await page.run(
        """
        const ann = enter(connect, "Ann", $);
        await join(ann, $.room, { create: true });
        const again = enter(connect, "Again", $);
        await until(() => again.parley.state === "online" && ann.parley.state === "ended");
        await new Promise((done) => setTimeout(done, 500));
        return { states: ann.states, told: ann.told, rooms: ann.parley.rooms.size, again: again.states };
        """,
        {"urls": [gateway.url for gateway in system.gateways], "token": token, "room": new_name()},
    )
    assert told["states"] == ["online", "ended replaced"]
    assert (told["told"], told["rooms"], told["again"]) == (["end lost"], 0, ["online"])


async def test_what_happened_while_one_was_away_is_told_when_it_is_back(mortal: System, page: NodePage) -> None:
    given = await entering(mortal)
    rooms = [new_name() for _ in range(3)]
    await page.run(
        """
        const { urls, rooms, ...given } = $;
        const [ann, cleo] = ["Ann", "Cleo"].map((name) => enter(connect, name, { ...given, urls: urls[1] }));
        const ben = enter(connect, "Ben", { ...given, urls: urls[0] });
        const policy = { admission: "open" };
        globalThis.ours = await Promise.all(rooms.map((room) => ann.parley.create(room, { policy })));
        for (const room of rooms) await join(ben, room);
        await join(cleo, rooms[0]);
        await until(() => ben.told.includes("join Cleo"));
        """,
        {**given, "rooms": rooms},
    )
    await mortal.gateways[0].kill()
    await page.run(
        """
        const { Ann, Ben, Cleo } = people;
        await until(() => Ben.parley.state === "reconnecting");
        const [first, second, third] = ours;
        globalThis.ends = ours.map(() => []);
        for (const [index, { name }] of ours.entries()) {
          Ben.rooms[name].on("end", ({ reason, text }) => ends[index].push([reason, text ?? ""]));
        }
        await Cleo.parley.rooms.get(first.name).leave();
        await join(enter(connect, "Dan", $), first.name);
        await first.setRole(Ben.parley.peerId, "moderator");
        await second.kick(Ben.parley.peerId, { text: "Enough" });
        await third.close();
        """,
        {**given, "urls": given["urls"][1]},
    )
    mortal.gateways[0].start()
    await mortal.ready()
    told = await page.run(
        """
        const { Ben } = people;
        await until(() => Ben.parley.state === "online" && Ben.parley.rooms.size === 1);
        return { ends, told: Ben.told, room: seen(Ben.rooms[$[0]]).members };
        """,
        rooms,
    )
    assert told["ends"] == [[], [["kicked", "Enough"]], [["closed", ""]]]
    assert {"leave Cleo away", "join Dan"} <= set(told["told"])
    assert sorted(told["room"]) == ["Ann owner", "Ben moderator", "Dan member"]
