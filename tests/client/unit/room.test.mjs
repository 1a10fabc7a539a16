import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Room } from "../../../client/src/room.js";

const settled = () => new Promise((done) => setImmediate(done));
const VIEW = { room: "tea", owner: "me", peers: [], peersinfo: {}, roles: { me: "owner" }, data: {} };

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

/** A room, and what it has asked. */
function made() {
  const asked = [];
  const ask = (event, fields) => new Promise((resolve, reject) => asked.push({ event, fields, resolve, reject }));
  const told = [];
  const room = new Room("tea", { peerId: "me", peerinfo: { name: "Ann" }, ask }, () => told.push("gone"));
  room.on("end", ({ reason }) => told.push(reason));
  return { room, asked, told, events: () => asked.map(({ event }) => event) };
}

const refusal = (code) => Object.assign(new Error(code), { code });

test("whoever makes a room hears of those who ask to come in before it is shown the room", async () => {
  const { room, asked } = made();
  const joined = room.join({}, { policy: { admission: "ask" } });
  assert.deepEqual(asked[0].fields, { room: "tea", policy: { admission: "ask" } });
  asked[0].resolve({ ok: true });
  room.hear("room-join-request", { room: "tea", peer_id: "ben" });
  await settled();
  room.hear("room-join-accept", VIEW);
  assert.equal(await joined, room);
  assert.deepEqual([...room.pending.keys()], ["ben"]);
  assert.equal(room.isHost, true);
});

test("the event says that we are in; if only its acknowledgement comes, we ask again", async () => {
  const { room, asked, events } = made();
  const joined = room.join();
  asked[0].resolve({ ok: true });
  await settled();
  mock.timers.tick(2000);
  await settled();
  assert.deepEqual(events(), ["room-join-request", "room-join-request"]);
  room.hear("room-join-accept", VIEW);
  await joined;
});

test("a server that is not available is asked again, others that say no are not", async () => {
  const { room, asked, told } = made();
  const joined = room.join();
  asked[0].reject(refusal("unavailable"));
  await settled();
  mock.timers.tick(2000);
  await settled();
  asked[1].reject(refusal("full"));
  await assert.rejects(joined, { code: "full" });
  assert.deepEqual(told, ["gone", "full"]);
});

test("whoever waits is told why that has ended", async () => {
  const { room, told } = made();
  const joined = room.join();
  room.hear("room-join-wait", { room: "tea", text: "One moment" });
  assert.equal(room.state, "waiting");
  room.hear("room-kicked", { room: "tea", by: "ben", text: "No", banned_until: true });
  mock.timers.tick(2000);
  room.hear("room-join-accept", VIEW); // too late
  assert.deepEqual([room.state, room.ending.reason, told], ["ended", "kicked", ["gone", "kicked"]]);
  await assert.rejects(joined, { code: "kicked", message: "No" });
});

test("who is in already asks for nothing", async () => {
  const { room, events } = made();
  room.enter(VIEW);
  assert.equal(await room.join({}, {}), room);
  assert.deepEqual(events(), []);
});

test("whoever wants to be in asks again after the connection was lost, even while it was asking", async () => {
  const { room, asked, events } = made();
  const joined = room.join({ rejoin: true });
  asked[0].reject(refusal("lost"));
  room.lose();
  await settled();
  room.hear("room-join-accept", VIEW);
  await joined;
  room.lose();
  assert.deepEqual([room.state, room.members.size], ["asking", 0]);
  room.hear("room-join-accept", VIEW);
  assert.deepEqual([room.state, events().length], ["inside", 3]);
});

test("an answer about data that came again does not undo what was set after it", async () => {
  const { room, asked } = made();
  room.enter({ ...VIEW, data: { a: { value: 2, version: 20, by: "ben" } } });
  const set = room.setData({ a: 1 });
  asked[0].resolve({ ok: true, version: 10 });
  await set;
  assert.equal(room.data.get("a").value, 2);
});

test("what we have set is not undone by what was told before and comes after the answer", async () => {
  const { room, asked } = made();
  room.enter({ ...VIEW, data_version: 1 });
  const told = (set, version) => room.hear("room-data", { room: "tea", set, version, by: "ben" });
  const sets = [room.setData({ a: null, b: "mine" }), room.setData({ c: null, d: "mine" })];
  asked[0].resolve({ ok: true, version: 10 });
  asked[1].resolve({ ok: true, version: 11 });
  await Promise.all(sets);
  told({ a: "old", b: "old" }, 9);
  room.hear("room-join-accept", { ...VIEW, data: { c: { value: "old", version: 3, by: "ben" } }, data_version: 9 });
  assert.deepEqual([...room.data].map(([key, { value }]) => [key, value]), [["b", "mine"], ["d", "mine"]]);
  told({ a: "new", b: null, d: "new" }, 12);
  told({ d: null }, 13);
  room.hear("room-join-accept", { ...VIEW, data: { e: { value: 1, version: 14, by: "ben" } }, data_version: 14 });
  assert.deepEqual([...room.data.keys()], ["e"]);
});

test("what we have set is remembered within bounds", async () => {
  const { room, asked } = made();
  room.enter({ ...VIEW, data_version: 0 });
  const set = async (key) => {
    const done = room.setData({ [key]: null });
    asked.at(-1).resolve({ ok: true, version: asked.length });
    await done;
  };
  for (let count = 1; count <= 1100; count++) await set(`key ${count}`);
  const older = Object.fromEntries(Array.from({ length: 1100 }, (_, index) => [`key ${index + 1}`, "older"]));
  room.hear("room-data", { room: "tea", set: older, version: 0, by: "ben" });
  assert.deepEqual([...room.data.keys()], Array.from({ length: 76 }, (_, index) => `key ${index + 1}`));
});

test("keys and names that objects have of their own are as good as any", () => {
  const { room } = made();
  const odd = (value) => JSON.parse(`{"__proto__": ${value}, "constructor": ${value}, "toString": ${value}}`);
  room.enter({ ...VIEW, peers: ["ben"], peersinfo: { ben: odd('{"x": 1}') }, data: odd('{"value": 1, "version": 1, "by": "ben"}') });
  room.hear("room-data", { room: "tea", set: odd('{"x": 2}'), version: 2, by: "ben" });
  room.hear("room-user-update", { room: "tea", peer_id: "ben", peerinfo: odd('{"x": 3}') });
  assert.deepEqual([...room.data].map(([key, { value }]) => [key, value.x]), ["__proto__", "constructor", "toString"].map((key) => [key, 2]));
  room.hear("room-data", { room: "tea", set: odd("null"), version: 3, by: "ben" });
  assert.equal(room.data.size, 0);
  assert.equal({}.x, undefined);
  assert.equal(Object.getPrototypeOf(room.members.get("ben").peerinfo), Object.prototype);
});

test("what a peer alone may set is gone with it", () => {
  const { room } = made();
  const keys = [];
  room.on("data", (changed) => keys.push(...changed));
  room.enter({ ...VIEW, peers: ["ben"], data: { "peer.ben.hand": { value: true, version: 1, by: "ben" } } });
  room.hear("room-user-leave", { room: "tea", peer_id: "ben", reason: "left" });
  assert.deepEqual([keys, room.data.size], [["peer.ben.hand"], 0]);
});
