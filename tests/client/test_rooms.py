"""Rooms as the package shows them, against the whole system."""

from typing import Any

from tests.client.rig.node import NodePage
from tests.system.rig.harness import System
from tests.system.rig.rooms import new_name


async def entering(system: System, *gateways: int) -> dict[str, Any]:
    """What ``enter`` needs: app tokens count from the level on that has users."""
    await system.agreed()
    urls = [system.gateways[number].url for number in gateways or range(len(system.gateways))]
    return {"urls": urls, "token": await system.app_token(), "room": new_name()}


ENTER = """
const { room, ...given } = $;
const [ann, ben, cleo] = ["Ann", "Ben", "Cleo"].map((name) => enter(connect, name, given));
"""
ADMIT = """
const atAnn = await join(ann, room, { create: true });
const admitted = async (person) => {
  const asked = join(person, room);
  await until(() => atAnn.pending.has(person.parley.peerId));
  await atAnn.accept(person.parley.peerId);
  return asked;
};
const atBen = await admitted(ben);
"""


async def test_hosts_let_in_and_all_see_the_same(system: System, page: NodePage) -> None:
    told = await page.run(
        ENTER
        + ADMIT
        + """
        const atCleo = await admitted(cleo);
        await atAnn.setRole(ben.parley.peerId, "moderator");
        const all = [atAnn, atBen, atCleo];
        await until(() => all.every(({ members }) => members.get(ben.parley.peerId).role === "moderator"));
        const before = all.map(seen);
        await atBen.setPolicy({ admission: "open" });
        await atCleo.leave();
        await until(() => atAnn.members.size === 2);
        return { before, ann: ann.told, created: atAnn.created, policy: atAnn.policy, after: seen(atAnn) };
        """,
        await entering(system),
    )
    assert told["created"] is True
    for view in told["before"]:
        assert sorted(view["members"]) == ["Ann owner", "Ben moderator", "Cleo member"]
    assert told["ann"] == [
        "pending Ben", "pending ", "join Ben", "pending Cleo", "pending ", "join Cleo", "member Ben moderator",
        "policy open", "leave Cleo left",
    ]  # fmt: skip
    assert told["policy"]["admission"] == "open"
    assert told["after"]["members"] == ["Ann owner", "Ben moderator"]


async def test_who_is_turned_away_knows_why(system: System, page: NodePage) -> None:
    codes = await page.run(
        ENTER
        + """
        const codes = [await refused(join(ben, room))];
        const atAnn = await join(ann, room, { create: true });
        codes.push(await refused(ben.parley.create(room)));
        const asked = refused(join(ben, room));
        await until(() => atAnn.pending.size);
        await atAnn.reject(ben.parley.peerId);
        codes.push(await asked, await refused(atAnn.kick("nobody")));
        await atAnn.setPolicy({ admission: "closed" });
        codes.push(await refused(join(ben, room)), ben.parley.rooms.size);
        return codes;
        """,
        await entering(system),
    )
    assert codes == ["not-found", "taken", "rejected", "not-member", "closed", 0]


async def test_a_request_can_be_taken_back(system: System, page: NodePage) -> None:
    told = await page.run(
        ENTER
        + """
        const atAnn = await join(ann, room, { create: true });
        await atAnn.setPolicy({ waiting_text: "One moment" });
        const asks = new AbortController();
        const asked = join(ben, room, { signal: asks.signal }).catch(({ name }) => name);
        await until(() => atAnn.pending.size && ben.told.length);
        asks.abort();
        const code = await asked;
        await until(() => !atAnn.pending.size);
        const again = join(ben, room);
        await until(() => atAnn.pending.size);
        await atAnn.accept(ben.parley.peerId);
        return { code, ben: ben.told, again: seen(await again) };
        """,
        await entering(system),
    )
    assert told["code"] == "AbortError"
    assert told["ben"][:2] == ["wait One moment", "end left"]
    assert told["again"]["state"] == "inside"


async def test_who_is_put_out_is_told_by_whom(system: System, page: NodePage) -> None:
    told = await page.run(
        ENTER
        + ADMIT
        + """
        const ends = [];
        atBen.on("end", (end) => ends.push(end));
        await atAnn.kick(ben.parley.peerId, { ban: true, text: "Enough" });
        await until(() => ends.length);
        const code = await refused(join(ben, room));
        await atAnn.unban({ peer_id: ben.parley.peerId });
        const again = await admitted(ben);
        again.on("end", (end) => ends.push(end));
        await atAnn.close("Good night");
        await until(() => ends.length > 1);
        return { ends, code, ann: ann.parley.peerId, last: ann.told.at(-1), left: atAnn.members.size };
        """,
        await entering(system),
    )
    kicked, closed = told["ends"]
    assert kicked == {"reason": "kicked", "by": told["ann"], "text": "Enough", "banned_until": True}
    assert closed == {"reason": "closed", "by": told["ann"], "text": "Good night"}
    assert told["code"] == "banned"
    assert told["last"] == "end closed"


async def test_a_room_without_a_name_gets_one_and_has_the_policy_it_was_made_with(
    system: System, page: NodePage
) -> None:
    told = await page.run(
        ENTER
        + """
        const made = await ann.parley.create(undefined, { policy: { admission: "open", waiting_text: "Hello" } });
        const atBen = await join(ben, made.name);
        return { policy: made.policy, ben: seen(atBen), owner: made.owner === ann.parley.peerId };
        """,
        await entering(system),
    )
    assert told["policy"]["admission"] == "open"
    assert told["policy"]["waiting_text"] == "Hello"
    assert told["owner"] is True
    assert told["ben"]["members"] == ["Ann owner", "Ben member"]
