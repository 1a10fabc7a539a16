// All rooms as they are now: read once, and from then on kept by the notices of what changes.

const PAGE = 500; // rooms in one answer

/** The position in the log that a notice's id names: `<log id>-<position>-<index>`. */
export function positionOf(id) {
  return Number(id.split("-").at(-2));
}

/** What was read of a room, with its `app` if rooms of the same name are told apart by it. */
export function withApp(line) {
  const at = line.key.indexOf("\n");
  return { ...line, app: at < 0 ? "" : line.key.slice(0, at) };
}

export class Rooms extends EventTarget {
  #lines = new Map(); // by key, each with the log position that it stands for
  #ordered = null;

  /** Read all of them. Returns the answer that the notices go on from: the first one. Throws Refused. */
  async load(api) {
    const lines = new Map();
    let first = null;
    for (let after = ""; after !== undefined; ) {
      const page = await api.get("/admin/rooms", { after, limit: PAGE });
      first ??= page;
      for (const line of page.rooms) lines.set(line.key, { ...withApp(line), position: page.position });
      after = page.rooms.at(-1)?.key;
    }
    this.#lines = lines;
    this.#changed();
    return first;
  }

  get size() {
    return this.#lines.size;
  }

  get(key) {
    return this.#lines.get(key);
  }

  /** What all rooms have together: `{rooms, peers, pending}`. */
  sums() {
    const sums = { rooms: this.#lines.size, peers: 0, pending: 0 };
    for (const { peers, pending } of this.#lines.values()) {
      sums.peers += peers;
      sums.pending += pending;
    }
    return sums;
  }

  /** Those whose name has `text` in it, in the order of `compare`. */
  find(text, compare) {
    this.#ordered ??= [...this.#lines.values()];
    const wanted = text.trim().toLowerCase();
    const found = wanted ? this.#ordered.filter(({ room }) => room.toLowerCase().includes(wanted)) : [...this.#ordered];
    return found.sort(compare);
  }

  /** Take in what a notice says. */
  take(notice) {
    const { key, type, id } = notice;
    const line = this.#lines.get(key);
    const position = positionOf(id);
    if (!key || (line && position <= line.position)) return; // it is in there already
    if (type === "room-created") this.#lines.set(key, created(notice, position));
    else if (type === "room-closed") this.#lines.delete(key);
    else if (line && CHANGES[type]) this.#lines.set(key, { ...line, ...CHANGES[type](line, notice) });
    else return;
    this.#changed();
  }

  /** Take in what was read of one room; `null` if there is none any more. */
  put(key, line) {
    if (line) this.#lines.set(key, line);
    else this.#lines.delete(key);
    this.#changed();
  }

  #changed() {
    this.#ordered = null;
    this.dispatchEvent(new Event("change"));
  }
}

function created({ key, room, peer_id: owner, policy, time }, position) {
  // Who is in there is told at the same position.
  return withApp({ key, room, owner, policy, created: time / 1000, peers: 0, pending: 0, bans: 0, position: position - 1 });
}

const CHANGES = {
  "peer-joined": ({ peers }) => ({ peers: peers + 1 }),
  "peer-left": ({ peers }) => ({ peers: Math.max(0, peers - 1) }),
  "request-made": ({ pending }) => ({ pending: pending + 1 }),
  "request-decided": ({ pending }) => ({ pending: Math.max(0, pending - 1) }),
  "room-owner": (_, { peer_id: owner }) => ({ owner }),
  "room-policy": (_, { policy }) => ({ policy }),
};
