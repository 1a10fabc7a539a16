"""The media connection by itself: two ends in one page, with nothing between them."""

from typing import Any

import pytest

from tests.browser.demo import Demo

# What an end is given: where its messages go is up to each test.
PREPARE = """async () => {
  const { Peer } = await import("/demo/peer.js");
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const media = { stream, track: (kind) => stream.getTracks().find((track) => track.kind === kind) };
  window.late = 0; // ms that a description takes longer than a candidate
  window.end = (polite, other) => {
    const end = { sent: [], states: [], abouts: [] };
    const deliver = (take, it, wait) => setTimeout(() => other().peer[take](structuredClone(it)), wait);
    end.peer = new Peer(polite, media, {
      sendDescription: (it) => (end.sent.push(it.type), deliver("takeDescription", it, window.late)),
      sendCandidate: (it) => deliver("takeCandidate", it),
      state: (state) => end.states.push(state),
      told: (about) => end.abouts.push(about),
      about: () => ({ audio: polite, video: true }),
      iceServers: () => [],
    });
    return end;
  };
  window.a = window.end(true, () => window.b);
  window.b = window.end(false, () => window.a);
}"""


async def until(page: Any, expression: str) -> None:
    await page.evaluate(
        f"""async () => {{
          const end = performance.now() + 15000;
          while (!({expression})) {{
            if (performance.now() > end) throw new Error(JSON.stringify([a, b]));
            await new Promise((done) => setTimeout(done, 50));
          }}
        }}"""
    )


CONNECTED = "[a, b].every(({ states }) => states.at(-1) === 'connected')"
HEARD = "[a, b].every(({ abouts }) => abouts.length > 0)"
FLOWING = "[a, b].every(({ peer }) => peer.stream.getTracks().filter((track) => !track.muted).length === 2)"


@pytest.mark.parametrize("callers", ["a", "b", "a b"])
async def test_whoever_calls_both_are_connected_both_ways(demo: Demo, callers: str) -> None:
    page = (await demo.open("Ann", gateway=0)).page
    await page.evaluate(PREPARE)
    await page.evaluate("names => { for (const name of names.split(' ')) window[name].peer.call(); }", callers)
    for expression in (CONNECTED, HEARD, FLOWING):
        await until(page, expression)
    assert demo.complaints == []


async def test_candidates_that_come_before_their_description_count(demo: Demo) -> None:
    page = (await demo.open("Ann", gateway=0)).page
    await page.evaluate(PREPARE)
    await page.evaluate("window.late = 1000; a.peer.call()")
    await until(page, CONNECTED)


async def test_two_restarts_at_once_end_in_one_connection(demo: Demo) -> None:
    page = (await demo.open("Ann", gateway=0)).page
    await page.evaluate(PREPARE)
    await page.evaluate("a.peer.call()")
    await until(page, CONNECTED)
    await page.evaluate("[a, b].forEach((end) => (end.sent.length = 0, end.peer.restart()))")
    await until(page, "[a, b].some(({ sent }) => sent.includes('answer'))")
    await until(page, f"{CONNECTED} && {FLOWING}")


async def test_junk_from_a_roommate_does_no_harm(demo: Demo) -> None:
    page = (await demo.open("Ann", gateway=0)).page
    await page.evaluate(PREPARE)
    junk = [{"type": "offer", "sdp": "nonsense"}, {"type": "answer", "sdp": ""}, {"type": "x"}, {}, None, 1, "offer"]
    await page.evaluate("all => all.forEach((it) => (a.peer.takeDescription(it), a.peer.takeCandidate(it)))", junk)
    await page.evaluate("b.peer.call()")
    for expression in (CONNECTED, HEARD, FLOWING):
        await until(page, expression)
    assert demo.complaints == []
