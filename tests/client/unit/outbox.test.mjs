import assert from "node:assert/strict";
import { test } from "node:test";
import { Outbox } from "../../../client/src/outbox.js";

/** An outbox that is open, what it has sent, and a way to answer that. */
function opened(number = 0) {
  const sent = [];
  const state = { outdated: 0 };
  const emit = (event, fields, answered) => sent.push({ event, ...fields, answered });
  const outbox = new Outbox(emit, () => state.outdated++, number);
  outbox.open();
  return { outbox, sent, state, numbers: () => sent.map(({ n }) => n) };
}

const settled = () => new Promise((done) => setTimeout(done));

test("numbers rise, and go on where they were", async () => {
  const { outbox, sent, numbers } = opened(7);
  const answer = outbox.ask("a", { x: 1 });
  outbox.ask("b", {});
  assert.deepEqual(numbers(), [8, 9]);
  sent[0].answered({ ok: true, done: 1 });
  assert.deepEqual(await answer, { ok: true, done: 1 });
  assert.equal(outbox.number, 9);
});

test("what is unanswered is sent again in order, under the same numbers", () => {
  const { outbox, sent, numbers } = opened();
  for (const event of ["a", "b", "c"]) outbox.ask(event, {}).catch(() => {});
  sent[1].answered({ ok: true });
  outbox.shut();
  outbox.ask("d", {});
  assert.deepEqual(numbers(), [1, 2, 3]);
  outbox.open();
  assert.deepEqual(numbers(), [1, 2, 3, 1, 3, 4]);
});

test("a renewal sends nothing twice", () => {
  const { outbox, numbers } = opened();
  outbox.ask("a", {});
  outbox.open(false);
  assert.deepEqual(numbers(), [1]);
});

test("what the server might have forgotten is not overtaken, but a join request may wait for a person", () => {
  const { outbox, sent, numbers } = opened();
  outbox.ask("room-join-request", {});
  for (let count = 0; count < 100; count++) outbox.ask("a", {});
  assert.equal(numbers().at(-1), 65); // 2 is the oldest, and 64 are remembered
  sent[1].answered({ ok: true });
  assert.equal(numbers().at(-1), 66);
});

test("a join request that the server has forgotten is asked anew", () => {
  const { outbox, sent, numbers } = opened();
  outbox.ask("room-join-request", { room: "tea" });
  outbox.ask("a", {});
  sent[0].answered({ ok: false, code: "stale" });
  assert.deepEqual(numbers(), [1, 2, 3]);
  assert.equal(sent[2].room, "tea");
});

test("other refusals are errors with a code", async () => {
  const { outbox, sent } = opened();
  const asked = outbox.ask("a", {});
  sent[0].answered({ ok: false, code: "full", message: "No more room" });
  await assert.rejects(asked, { name: "Refusal", code: "full", message: "No more room" });
});

test("a session that is not known is renewed, and what it was used for sent again, but not for ever", async () => {
  const { outbox, sent, state, numbers } = opened();
  const asked = outbox.ask("a", {});
  const no = { ok: false, code: "unauthorized", message: "Token is not valid" };
  for (const times of [1, 2]) {
    sent.at(-1).answered(no);
    assert.equal(state.outdated, times);
    outbox.open(false);
  }
  assert.deepEqual(numbers(), [1, 1, 1]);
  sent.at(-1).answered(no);
  await assert.rejects(asked, { code: "unauthorized" });
});

test("what cannot be answered any more is rejected, and late answers to it mean nothing", async () => {
  const { outbox, sent } = opened();
  const asked = outbox.ask("a", {});
  outbox.fail("lost");
  sent[0].answered({ ok: true });
  await assert.rejects(asked, { code: "lost" });
  await settled();
});
