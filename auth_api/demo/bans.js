// Who may not come back. The server lifts a ban for whoever can name the banned one, and has no list for hosts: they
// keep one for each other in the room's data, in a key that only hosts can write.
import { personName } from "./names.js";

const KEY = "host.banned";
const MOST = 20; // the room's data has little space; the oldest are left out
const TRIES = 3; // while other hosts change it

/** Those who are banned, as `{who, name, owner}`: what to call them, and whether the owner has done it. */
export function bansOf(room) {
  const list = room.data.get(KEY)?.value;
  return (Array.isArray(list) ? list : []).filter(isBan).map(({ who, name, owner }) => ({ who, name: personName(name), owner: Boolean(owner) }));
}

/** Put a member out, and keep them out. */
export async function ban(room, { peer_id, identity }, name, text) {
  const owner = room.me.role === "owner";
  await room.kick(peer_id, { ban: true, text });
  const who = identity ? { id: identity.id } : { peer_id };
  await change(room, (bans) => [...bans.filter((one) => !isSame(one.who, who)), { who, name, owner }].slice(-MOST));
}

/** Let somebody ask again. */
export async function lift(room, who) {
  await room.unban(who);
  await change(room, (bans) => bans.filter((one) => !isSame(one.who, who)));
}

async function change(room, edit, tries = TRIES) {
  const bans = edit(bansOf(room));
  try {
    await room.setData({ [KEY]: bans.length ? bans : null }, { [KEY]: room.data.get(KEY)?.version ?? 0 });
  } catch (refusal) {
    if (refusal.code !== "conflict" || tries <= 1) throw refusal;
    await change(room, edit, tries - 1);
  }
}

function isBan(one) {
  return [one?.who?.id, one?.who?.peer_id].some((id) => typeof id === "string") && typeof one.name === "string";
}

function isSame(one, other) {
  return one.id === other.id && one.peer_id === other.peer_id;
}
