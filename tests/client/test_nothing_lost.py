"""What two people say to each other while everything between them is killed: all of it arrives once, and in order."""

from tests.client.rig.node import NodePage
from tests.client.test_rooms import ADMIT, ENTER, entering
from tests.system.rig.harness import System

SPEAK = """
globalThis.speak = (from, to) => {
  const speech = { said: 0, answered: [], heard: [], over: false };
  to.on("message", ({ body }) => speech.heard.push(body));
  speech.done = (async () => {
    const answers = [];
    while (!speech.over) {
      answers.push(from.send(speech.said++).then(({ id }) => speech.answered.push(id)));
      await new Promise((done) => setTimeout(done, 10));
    }
    await Promise.all(answers);
    await until(() => speech.heard.length >= speech.said, () => speech);
  })();
  return speech;
};
globalThis.speeches = [speak(atAnn, atBen), speak(atBen, atAnn)];
"""


async def test_all_arrives_once_and_in_order_whatever_is_killed(mortal: System, page: NodePage) -> None:
    await page.run(ENTER + ADMIT + SPEAK, await entering(mortal))
    for process in (*mortal.gateways, mortal.brokers[0], mortal.gateways[0]):
        await page.run("await until(() => speeches.every(({ said, heard }) => said > 20 && heard.length > said - 10))")
        await process.kill()
        await page.run("await until(() => Object.values(people).every(({ parley }) => parley.state === 'online'))")
        process.start()
        await mortal.ready()
    speeches = await page.run(
        """
        for (const speech of speeches) speech.over = true;
        await Promise.all(speeches.map(({ done }) => done));
        return speeches.map(({ said, answered, heard }) => ({ said, answered, heard }));
        """
    )
    for speech in speeches:
        assert speech["heard"] == list(range(speech["said"]))
        assert len(set(speech["answered"])) == len(speech["answered"]) == speech["said"]


async def test_data_is_the_same_for_all_whatever_is_killed(mortal: System, page: NodePage) -> None:
    told = await page.run(
        ENTER
        + ADMIT
        + """
        const mine = (room) => `peer.${room.me.peer_id}.hand`;
        await atBen.setData({ [mine(atBen)]: true, "board": 1 });
        await atAnn.setData({ [mine(atAnn)]: true, "host.topic": "tea" });
        const conflict = await refused(atBen.setData({ board: 2 }, { board: 0 }));
        const forbidden = await refused(atBen.setData({ "host.topic": "coffee" }));
        Object.assign(globalThis, { atAnn, atBen, mine });
        return { conflict, forbidden };
        """,
        await entering(mortal),
    )
    assert told == {"conflict": "conflict", "forbidden": "forbidden"}
    await mortal.gateways[0].kill()
    told = await page.run(
        """
        const raised = (room) => [...room.data].filter(([key]) => key.endsWith(".hand"));
        const hands = (room) => raised(room).sort(([, a], [, b]) => a.version - b.version);
        await atAnn.setData({ board: null });
        await until(() => [atAnn, atBen].every((room) => !room.data.has("board")));
        const shown = [atAnn, atBen].map((room) => JSON.stringify([hands(room), room.data.get("host.topic")]));
        await people.Ben.parley.update({ name: "Benjamin" });
        await until(() => [...atAnn.members.values()].some(({ peerinfo }) => peerinfo.name === "Benjamin"));
        const first = hands(atAnn)[0][0] === mine(atBen);
        await atBen.leave();
        await until(() => hands(atAnn).length === 1);
        return { same: shown[0] === shown[1], first };
        """
    )
    mortal.gateways[0].start()
    await mortal.ready()
    assert told == {"same": True, "first": True}
