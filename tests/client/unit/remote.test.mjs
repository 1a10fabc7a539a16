import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { FakeConnection } from "./browser.mjs";
import { Remote } from "../../../client/src/remote.js";

const sides = [];
beforeEach(() => (FakeConnection.all = []));
afterEach(() => sides.splice(0).forEach((remote) => remote.close())); // and with it its timers

const settled = async () => {
  for (let count = 0; count < 50; count++) await new Promise((done) => setImmediate(done));
};

/** One side of a call of two. What it says is brought to `other()` when the wire lets it through. */
function side(id, polite, wire, other) {
  const said = [];
  const call = {
    tracks: { audio: null, video: null },
    shares: new Map(),
    tell() {},
    freshIceServers: async () => [{ urls: "turn:new" }],
    async relay(remote, event, fields, wanted) {
      if (!wanted()) return;
      said.push(fields.session_description?.type ?? "candidate");
      await wire(() => other().remote.take(structuredClone(fields)), fields);
    },
  };
  const remote = new Remote(id, polite, call, []);
  sides.push(remote);
  return { call, remote, said };
}

/** Two sides; `wire` brings what one says to the other, at once if it is not given. */
function two(wire = (bring) => bring()) {
  const a = side("b", true, wire, () => b);
  const b = side("a", false, wire, () => a);
  const [ofA, ofB] = FakeConnection.all;
  return { a, b, ofA, ofB };
}

const agreed = (...connections) => {
  for (const { signalingState, remoteDescription } of connections) {
    assert.equal(signalingState, "stable");
    assert.ok(remoteDescription);
  }
};

test("one offers, the other answers, both ways at once", async () => {
  const { a, b, ofA, ofB } = two();
  a.remote.sync();
  await settled();
  agreed(ofA, ofB);
  assert.deepEqual([a.said.filter((word) => word !== "candidate"), b.said[0]], [["offer"], "answer"]);
  assert.deepEqual(ofB.getTransceivers().map(({ direction }) => direction), ["sendrecv", "sendrecv"]);
  assert.deepEqual([ofA.candidates, ofB.candidates], [["answer 1", "answer 2"], ["offer 1", "offer 2"]]);
});

test("when two offers cross, the polite side gives way and nothing is left open", async () => {
  const { a, b, ofA, ofB } = two();
  a.remote.sync();
  b.remote.sync();
  await settled();
  agreed(ofA, ofB);
  assert.deepEqual([ofA.getTransceivers().length, ofB.getTransceivers().length], [2, 2]);
  assert.ok(!b.said.includes("answer"));
});

test("an offer that was taken by a connection that is no more is made again to the next", async () => {
  const { a, b, ofA, ofB } = two();
  const relay = b.call.relay;
  b.call.relay = async () => {}; // it reaches nobody who could still answer it
  b.remote.sync();
  await settled();
  b.call.relay = relay;
  a.remote.sync();
  await settled();
  agreed(ofA, ofB);
  assert.deepEqual(b.said.filter((word) => word !== "candidate"), ["offer"]);
});

/** A polite side `a` and another, of which `again` begins anew while the first messages of all are under way. */
async function crossing(again) {
  const bring = { a: [], b: [] };
  const sides = {};
  const begin = (name) => {
    const other = name === "a" ? "b" : "a";
    const wire = (deliver) => void bring[other].push(deliver);
    sides[name]?.remote.close();
    sides[name] = side(other, name === "a", wire, () => sides[other]);
    sides[name].remote.sync();
    return settled();
  };
  await begin("a");
  await begin("b");
  await begin(again);
  while (bring.a.length + bring.b.length) {
    for (const name of ["a", "b"]) bring[name].splice(0).forEach((deliver) => deliver());
    await settled();
  }
  return sides;
}

for (const again of ["a", "b"]) {
  test(`when ${again === "a" ? "the polite" : "the other"} side begins anew while offers cross, nothing is left open`, async () => {
    await crossing(again);
    const open = FakeConnection.all.filter(({ signalingState }) => signalingState !== "closed");
    assert.equal(open.length, 2);
    agreed(...open);
    assert.deepEqual(open.map(({ localDescription }) => localDescription.type).sort(), ["answer", "offer"]);
  });
}

test("a connection that does not come about is begun anew, if they have talked to us", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { a, b, ofA } = two();
  a.remote.sync();
  await settled();
  b.call.relay = a.call.relay = async () => {};
  mock.timers.tick(20_000);
  await settled();
  mock.timers.reset();
  assert.equal(ofA.signalingState, "closed");
  assert.equal(FakeConnection.all.length, 4);
});

test("somebody who takes no part is waited for", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { a, ofA } = two(async () => {});
  a.remote.sync();
  await settled();
  mock.timers.tick(20_000);
  mock.timers.reset();
  assert.equal(ofA.signalingState, "have-local-offer");
});

test("candidates follow their description, however long that takes", async () => {
  const brought = [];
  const wire = async (bring, fields) => {
    if (fields.session_description) await new Promise((done) => setTimeout(done, 30));
    brought.push(fields.session_description?.type ?? "candidate");
    bring();
  };
  const { a } = two(wire);
  a.remote.sync();
  await new Promise((done) => setTimeout(done, 150));
  assert.deepEqual(brought.slice(0, 3), ["offer", "candidate", "candidate"]);
});

test("candidates that come first wait for their description", async () => {
  const { b, ofB } = two();
  b.remote.take({ ice_candidate: { candidate: "early" } });
  b.remote.take({ session_description: { type: "offer", sdp: "audio,video" } });
  await settled();
  assert.deepEqual(ofB.candidates, ["early"]);
});

test("a side that begins anew is met by a new connection", async () => {
  const { a, b, ofA, ofB } = two();
  a.remote.sync();
  await settled();
  a.remote.close();
  const again = side("b", true, (bring) => bring(), () => b);
  a.call.relay = () => {}; // the page is gone
  Object.assign(a, again);
  a.remote.sync();
  await settled();
  const [, , newA, newB] = FakeConnection.all;
  agreed(newA, newB);
  assert.deepEqual([ofA.signalingState, ofB.signalingState, FakeConnection.all.length], ["closed", "closed", 4]);
});

test("what is meant for a connection that is no more is left alone", async () => {
  const { b, ofB } = two();
  const payload = { from: "x", to: "one before" };
  b.remote.take({ session_description: { type: "offer", sdp: "audio" }, payload });
  await settled();
  assert.equal(ofB.remoteDescription, null);
});

test("a connection that failed looks for another way with fresh credentials", async () => {
  const { a, ofA, ofB } = two();
  a.remote.sync();
  await settled();
  ofA.become("failed");
  await new Promise((done) => setTimeout(done, 20)); // its pause is none at first
  await settled();
  assert.deepEqual(ofA.getConfiguration(), { iceServers: [{ urls: "turn:new" }] });
  assert.equal(ofA.restarts, 1);
  agreed(ofA, ofB);
});

test("after the peer came back, only what is broken is mended", async () => {
  const { a, ofA } = two();
  a.remote.sync();
  await settled();
  ofA.become("connected");
  a.remote.recover();
  ofA.become("disconnected");
  a.remote.recover();
  await settled();
  assert.equal(ofA.restarts, 1);
});

test("junk does no harm", async () => {
  const { a, b, ofA, ofB } = two();
  const junk = [{ type: "offer", sdp: 1 }, { type: "answer", sdp: "" }, { type: "x" }, {}, "offer", 1];
  for (const session_description of junk) a.remote.take({ session_description, payload: 7 });
  for (const ice_candidate of [null, 1, {}, undefined]) a.remote.take({ ice_candidate });
  await settled();
  b.remote.sync();
  await settled();
  agreed(ofA, ofB);
});

test("labels of shared streams are what they say, whatever the streams are called", async () => {
  const { b } = two();
  const payload = { from: "x", labels: JSON.parse('{"odd": {}, "__proto__": {"none": "screen"}, "mine": "screen"}') };
  b.remote.take({ session_description: { type: "offer", sdp: "audio,video" }, payload });
  await settled();
  const [, connection] = FakeConnection.all;
  for (const id of ["odd", "none", "constructor", "toString", "mine"]) {
    connection.ontrack({ track: { kind: "video" }, streams: [{ id }] });
  }
  assert.deepEqual([[...b.remote.shares.keys()], b.remote.stream.getTracks().length], [["screen"], 1]);
});

test("other tracks need no negotiation, a screen does", async () => {
  const { a, ofA, ofB } = two();
  a.remote.sync();
  await settled();
  const offers = () => a.said.filter((word) => word === "offer").length;
  a.call.tracks.video = { kind: "video" };
  a.remote.sync();
  await settled();
  assert.equal(ofA.getTransceivers()[1].sender.track, a.call.tracks.video);
  assert.equal(offers(), 1);
  const screen = Object.assign(new MediaStream(), { id: "screen" });
  screen.addTrack({ kind: "video" });
  a.call.shares.set("screen", screen);
  a.remote.sync();
  await settled();
  assert.equal(offers(), 2);
  assert.equal(ofB.getTransceivers().length, 3);
  assert.equal(ofB.getTransceivers()[2].direction, "recvonly");
  a.call.shares.clear();
  a.remote.sync();
  assert.equal(ofA.getTransceivers().length, 2);
});
