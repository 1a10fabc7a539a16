"""A member that sends whatever it can: nobody's page breaks, or shows anything but text."""

from typing import Any

from playwright.async_api import expect

from tests.browser.demo import Demo
from tests.browser.test_demo_people import call, open_panel

# Somebody who comes in with the library alone. The tokens of the demo's visitors are good for that.
MALLORY = """
async (room) => {
  const { connect } = await import("/demo/parley/connect.js");
  const { io } = await import("/demo/socket.io.js");
  const config = await (await fetch("/demo/config.json")).json();
  const html = "<img src=x onerror='window.hurt = true'>";
  const odd = JSON.parse('{"toString": null, "valueOf": null, "__proto__": {"hurt": 1}}');
  const names = [html, odd, null, 7, [odd], { name: odd }, { name: html }];
  const urls = config.gateways;
  const parley = connect({ io, urls, getToken: () => config.token, peerinfo: names[0] });
  const inside = await parley.join(room);
  const own = `peer.${parley.peerId}.`;
  const say = async (ask) => {
    for (;;) {
      try {
        return await ask();
      } catch ({ code }) {
        if (code !== "too-many-requests") return;
        await new Promise((done) => setTimeout(done, 100));
      }
    }
  };
  const values = [odd, [odd], html, ["like"], 7, true, [], {}, { audio: odd, video: html }];
  const keys = ["reaction", "hand", "media", "number", "toString", "__proto__"];
  const all = (value) => Object.fromEntries(keys.map((key) => [own + key, value]));
  for (const value of values) await say(() => inside.setData(all(value)));
  await say(() => inside.setData(JSON.parse('{"__proto__": {"hurt": 1}, "constructor": 1, "toString": null}')));
  const bodies = [odd, null, 7, html, [], { text: odd }, { text: html, name: odd }, { run: odd, number: "__proto__" }];
  for (const kind of ["chat", "mute", "number", "number-echo", "__proto__", "toString"]) {
    for (const body of bodies) await say(() => inside.send(body, { kind }));
  }
  for (const peerinfo of names) await say(() => parley.update(peerinfo));
  for (const { peer_id } of inside.others) {
    for (const session_description of [odd, { type: "offer", sdp: html }, { type: "answer", sdp: "" }]) {
      await say(() => parley.ask("relay-session-description", { room, peer_id, session_description, payload: odd }));
    }
    const payload = { from: odd, to: html };
    await say(() => parley.ask("relay-ice-candidate", { room, peer_id, ice_candidate: odd, payload }));
  }
  await say(() => inside.send({ text: "That was all" }, { kind: "chat" }));
}
"""

HURT = """
() => ({
  hurt: window.hurt ?? ({}).hurt ?? null,
  images: document.images.length,
  added: [Object, Array, Function].flatMap(({ prototype }) => Object.keys(prototype)),
})
"""


async def test_a_member_that_sends_anything_it_can_hurts_nobody(demo: Demo) -> None:
    ann, ben = await call(demo, "hostile", "Ben")
    await open_panel(ann)
    await ann.page.get_by_label("Everybody", exact=True).check()
    await ben.page.locator("#chat-switch").click()
    mallory = await demo.open("Mallory", gateway=None)
    await mallory.page.evaluate(MALLORY, "hostile")
    await expect(ben.page.locator(".chat li").last).to_contain_text("That was all")
    for person in (ann, ben):
        hurt: dict[str, Any] = await person.page.evaluate(HURT)
        assert hurt == {"hurt": None, "images": 0, "added": []}
    assert demo.complaints == []
    await ben.page.locator("#hand-switch").click()
    await expect(ann.page.locator(".people li", has_text="Ben").locator(".raised")).to_be_visible()
