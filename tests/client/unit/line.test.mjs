import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Line } from "../../../client/src/line.js";
import { Sockets } from "./sockets.mjs";

const settled = () => new Promise((done) => setImmediate(done));

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  mock.method(Math, "random", () => 0.999);
});
afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** A line, its sockets, and what it has told. */
async function started(options = {}) {
  const sockets = new Sockets();
  const given = [];
  const getToken = () => (given.push(`token-${given.length}`), given.at(-1));
  const line = new Line({ io: sockets.io, urls: ["a", "b"], getToken, peerinfo: { name: "Ann" }, ...options });
  const told = [];
  line.on("state", (state) => told.push(`${state} ${line.reason}`.trim()));
  line.on("accepted", ({ lost }) => told.push(lost ? "lost" : "accepted"));
  await settled();
  return { line, sockets, told, given };
}

/** Let the longest pause pass that there can be before the next attempt. */
async function passes(ms) {
  mock.timers.tick(ms);
  await settled();
}

test("it says who it is, that it may be resumed, and which version it speaks", async () => {
  const { sockets } = await started();
  sockets.last.accept();
  assert.equal(sockets.last.options.reconnection, false);
  assert.deepEqual(sockets.last.options.auth, { token: "token-0" });
  const asked = { token: "token-0", peerinfo: { name: "Ann" }, resumable: true, version: 2 };
  assert.deepEqual(sockets.last.asked("auth-request"), [asked]);
});

test("it resumes at the next gateway, and says how many events it has had that count", async () => {
  const { sockets, told } = await started();
  sockets.last.say("room-user-join", {}); // before it is accepted: of another socket
  sockets.last.accept();
  for (const event of ["room-user-join", "room-join-wait", "ice-candidate"]) sockets.last.say(event, {});
  sockets.last.happens("disconnect", "transport close");
  await passes(500);
  assert.notEqual(sockets.all[1].url, sockets.all[0].url);
  sockets.last.happens("connect");
  const { resume, received } = sockets.last.asked("auth-request")[0];
  assert.deepEqual([resume, received], ["session", 2]);
  sockets.last.accept({ resumed: true });
  sockets.last.say("ice-candidate", {});
  sockets.last.happens("disconnect", "transport close");
  await passes(2000);
  sockets.last.happens("connect");
  assert.equal(sockets.last.asked("auth-request")[0].received, 1);
  assert.deepEqual(told.slice(0, 5), ["online", "accepted", "reconnecting transport close", "online", "accepted"]);
});

test("a socket that was never accepted leaves the count as it was", async () => {
  const { sockets } = await started();
  sockets.last.accept();
  sockets.last.say("ice-candidate", {});
  for (let count = 0; count < 2; count++) {
    sockets.last.happens("disconnect", "transport close");
    await passes(2000);
    sockets.last.happens("connect");
    assert.equal(sockets.last.asked("auth-request")[0].received, 1);
    sockets.last.say("ice-candidate", {});
  }
});

test("what an old socket says does not count any more", async () => {
  const { sockets, told } = await started();
  const [first] = sockets.all;
  first.accept();
  first.happens("disconnect", "ping timeout");
  first.happens("disconnect", "io server disconnect");
  first.say("session-ended", { code: "revoked" });
  assert.deepEqual(told.slice(2), ["reconnecting ping timeout"]);
  assert.equal(first.end, "closed"); // below Socket.IO, so that the place is kept
});

test("pauses double up to ten seconds, and are short again after it was online for a while", async () => {
  const { sockets } = await started();
  for (const pause of [500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    sockets.last.happens("connect_error", new Error("websocket error"));
    const count = sockets.all.length;
    await passes(pause * 0.99);
    assert.equal(sockets.all.length, count);
    await passes(pause * 0.01);
    assert.equal(sockets.all.length, count + 1);
  }
  sockets.last.accept();
  await passes(6000);
  sockets.last.happens("disconnect", "transport close");
  const count = sockets.all.length;
  await passes(500);
  assert.equal(sockets.all.length, count + 1);
});

test("a gateway that says nothing is left for the next one", async () => {
  const { sockets, told } = await started();
  await passes(10_000);
  assert.equal(sockets.all[0].end, "closed");
  await passes(500);
  assert.equal(sockets.all.length, 2);
  assert.deepEqual(told, ["connecting timeout"]);
});

test("when the place is lost, what was asked is rejected and what comes is a new peer's", async () => {
  const { line, sockets, told } = await started();
  sockets.last.accept();
  const asked = line.ask("room-policy-request", {});
  sockets.last.happens("disconnect", "transport close");
  await passes(500);
  sockets.last.accept({ peer_id: "other", resumed: false });
  await assert.rejects(asked, { code: "lost" });
  assert.equal(line.peerId, "other");
  assert.equal(told.at(-1), "lost");
});

for (const code of ["replaced", "revoked"]) {
  test(`a session that is ${code} has ended for good`, async () => {
    const { line, sockets } = await started();
    sockets.last.accept();
    const asked = line.ask("room-policy-request", {});
    sockets.last.say("session-ended", { code, message: "So it is" });
    await assert.rejects(asked, { code, message: "So it is" });
    await assert.rejects(line.ask("a", {}), { code });
    await passes(60_000);
    assert.equal(sockets.all.length, 1);
    assert.deepEqual([line.state, line.reason], ["ended", code]);
  });
}

test("a session that has expired begins anew with a new token", async () => {
  const { sockets, told } = await started();
  sockets.last.accept();
  sockets.last.say("session-ended", { code: "expired", message: "Your token has expired" });
  await passes(500);
  assert.deepEqual(sockets.last.options.auth, { token: "token-1" });
  sockets.last.accept({ resumed: false });
  assert.deepEqual(told.slice(2), ["reconnecting expired", "online", "lost"]);
});

test("the server's own disconnect means that it was removed", async () => {
  const { line, sockets } = await started();
  sockets.last.accept();
  sockets.last.happens("disconnect", "io server disconnect");
  assert.deepEqual([line.state, line.reason], ["ended", "removed"]);
});

test("a token that was good is asked for anew when it is refused; a new one that is refused ends it", async () => {
  const { line, sockets, given } = await started();
  sockets.last.accept();
  sockets.last.happens("disconnect", "transport close");
  await passes(500);
  const no = Object.assign(new Error("Token has expired"), { data: { code: "unauthorized" } });
  sockets.last.happens("connect_error", no);
  assert.equal(line.state, "reconnecting");
  await passes(1000);
  assert.deepEqual(given, ["token-0", "token-1"]);
  sockets.last.happens("connect_error", no);
  assert.deepEqual([line.state, line.reason, line.message], ["ended", "unauthorized", "Token has expired"]);
});

test("whoever is told that its token is outdated shows a new one soon, however long there was no answer before", async () => {
  const { sockets, given } = await started();
  for (const pause of [500, 1000, 2000, 4000, 8000]) {
    sockets.last.happens("connect_error", new Error("websocket error"));
    await passes(pause);
  }
  sockets.last.happens("connect_error", Object.assign(new Error("Token has expired"), { data: { code: "unauthorized" } }));
  await passes(500);
  assert.deepEqual(given, ["token-0", "token-1"]);
  assert.deepEqual(sockets.last.options.auth, { token: "token-1" });
});

test("a session is renewed at half its life, and when it is said to expire", async () => {
  const { sockets } = await started();
  sockets.last.accept({ expires_in: 100 });
  await passes(49_000);
  assert.equal(sockets.last.asked("auth-request").length, 1);
  await passes(1000);
  assert.deepEqual(sockets.last.asked("auth-request")[1], { token: "token-1", resumable: true });
  sockets.last.say("auth-accept", { token: "next", expires_in: 100 });
  sockets.last.say("auth-expiring", { expires_in: 60 });
  await settled();
  assert.equal(sockets.last.asked("auth-request").length, 3);
});

test("a renewal that fails is tried again, and the line stays online", async () => {
  const { line, sockets } = await started();
  sockets.last.accept({ expires_in: 100 });
  await passes(50_000);
  sockets.last.say("auth-reject", { code: "unauthorized", message: "Token has expired" });
  await passes(5_000);
  assert.equal(sockets.last.asked("auth-request").length, 3);
  assert.equal(line.state, "online");
});

test("a server that does not know version 2 is asked again", async () => {
  const { sockets, told } = await started();
  sockets.last.accept({ version: undefined });
  assert.equal(sockets.last.end, "disconnected");
  assert.deepEqual(told, ["connecting version"]);
});

test("a listener may close it as soon as it is online", async () => {
  const { line, sockets, told } = await started();
  line.on("state", (state) => state === "online" && line.close());
  sockets.last.accept();
  assert.deepEqual(told, ["online", "ended closed"]);
});

test("to close says goodbye, to suspend keeps the place for another page", async () => {
  const first = await started();
  first.sockets.last.accept();
  first.line.ask("a", {}).catch(() => {});
  first.sockets.last.say("ice-candidate", {});
  assert.deepEqual(first.line.suspend(), { session: "session", received: 1, number: 1 });
  assert.equal(first.sockets.last.end, "closed");

  const second = await started({ resume: { session: "session", received: 1, number: 1 } });
  second.sockets.last.happens("connect");
  const { resume, received } = second.sockets.last.asked("auth-request")[0];
  assert.deepEqual([resume, received], ["session", 1]);
  second.line.close();
  assert.equal(second.sockets.last.end, "disconnected");
  assert.equal(second.line.suspend(), null);
});
