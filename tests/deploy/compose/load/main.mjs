// A load of official clients that judges what it sees: node main.mjs URL TOKEN ROOMS
// Says {"ready": true} when all are in their rooms, goes on until its input ends, then says how it went.
import { Ledger } from "./ledger.mjs";
import { Member } from "./member.mjs";
import { visit } from "./visitor.mjs";

const PAUSE = 300; // ms between two messages of a member to each roommate
const QUIET = 20_000; // ms that the last messages have to arrive
const WAYS = [{ transports: ["websocket"] }, {}, { transports: ["polling"] }];

const [url, token, rooms] = process.argv.slice(2);
const ledger = new Ledger();
const run = crypto.randomUUID(); // the names of an earlier run's rooms may still be taken
let going = true;
process.stdin.on("end", () => (going = false)).resume();

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

async function fill(number) {
  const room = `${run}-${number}`;
  const members = WAYS.map((way, place) => new Member(url, token, `${number}/${place}`, way, ledger));
  const [owner, ...others] = members;
  await Promise.all(members.map((member) => member.arrival));
  await owner.create(room);
  for (const other of others) await other.join(room);
  return members;
}

async function talk(member, roommates) {
  while (going) {
    for (const other of roommates) if (other !== member) member.tell(other);
    await pause(PAUSE * (0.5 + Math.random()));
  }
}

async function receive(way) {
  while (going) {
    ledger.visits.push(await visit(url, token, way));
    await pause(500);
  }
}

const groups = await Promise.all(Array.from({ length: Number(rooms) }, (_, number) => fill(number)));
say({ ready: true });
const talks = groups.flatMap((group) => group.map((member) => talk(member, group)));
await Promise.all([...talks, ...WAYS.map(receive)]);
for (const end = Date.now() + QUIET; ledger.open() && Date.now() < end; ) await pause(100);
say(ledger.report());
process.exit();
