// What tests have in every page and in Node: people by name, and what each of them was told.

export const people = {};
const PATIENCE = 15_000; // ms

/** Connect somebody, in a way that tests can look into. */
export function enter(connect, name, { token, tokens = [token], ...options }) {
  const given = [];
  const getToken = () => {
    given.push(tokens[Math.min(given.length, tokens.length - 1)]);
    if (given.at(-1) === "") throw new Error("no token today");
    return given.at(-1);
  };
  const parley = connect({ getToken, peerinfo: { name }, ...options });
  const person = { parley, told: [], states: [], given, rooms: {}, calls: {} };
  parley.on("state", (state) => person.states.push(`${state} ${parley.reason}`.trim()));
  parley.on("lost", () => person.told.push("lost"));
  parley.on("room", (room) => follow(person, room));
  people[name] = person;
  return person;
}

/** Note what a room tells. */
export function follow(person, room) {
  person.rooms[room.name] = room;
  const name = (member) => member.peerinfo?.name ?? member.peer_id;
  room.on("join", (member) => person.told.push(`join ${name(member)}`));
  room.on("leave", (member) => person.told.push(`leave ${name(member)} ${member.reason}`));
  room.on("member", (member) => person.told.push(`member ${name(member)} ${member.role}`));
  room.on("policy", (policy) => person.told.push(`policy ${policy.admission}`));
  room.on("pending", (all) => person.told.push(`pending ${all.map(name)}`));
  room.on("message", ({ body, kind }) => person.told.push(`message ${kind} ${JSON.stringify(body)}`));
  room.on("data", (keys) => person.told.push(`data ${keys}`));
  room.on("end", ({ reason }) => person.told.push(`end ${reason}`));
  return room;
}

/** Ask to be in a room; notes what it tells from the beginning. */
export function join(person, name, options = {}) {
  const waiting = (text, room) => {
    follow(person, room);
    person.told.push(`wait ${text}`);
  };
  return person.parley.join(name, { waiting, ...options }).then((room) => person.rooms[name] ?? follow(person, room));
}

/** A room as a test can compare it. */
export function seen(room) {
  const names = [...room.members.values()].map((one) => `${one.peerinfo?.name ?? one.peer_id} ${one.role}`);
  return { state: room.state, members: names, pending: [...room.pending.values()].map((one) => one.peerinfo?.name) };
}

/** The code with which something is refused. */
export async function refused(promise) {
  try {
    await promise;
  } catch (error) {
    return error.code ?? String(error);
  }
  throw new Error("it was not refused");
}

const everybody = () => Object.entries(people).map(([name, { told, states }]) => ({ name, told, states }));

/** Wait until something is true; says what it was instead. */
export async function until(condition, show = everybody, patience = PATIENCE) {
  const end = performance.now() + patience;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (performance.now() > end) throw new Error(`not within ${patience} ms: ${condition}; ${JSON.stringify(show())}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}
