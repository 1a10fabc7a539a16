// One room, as a member or a candidate knows it.
//
//   asking ──has to wait──▶ waiting ──let in──▶ inside ──left, kicked, closed, lost──▶ ended
//      └───────────────────let in──────────────────▲  └──lost, and wants to be in──▶ asking
//
// What the server tells changes the model, and then those who listen are told. When the connection was lost, the room
// is what `auth-accept` says that it is now: the differences are told as if they had happened just then.
import { Call } from "./call.js";
import { Emitter } from "./emitter.js";
import { Refusal } from "./refusal.js";

const RETRY = 2_000; // ms until a server that is not available is asked again
const KICKED = 1_000; // ms that a room which is gone may take to say why
const MANY_CANDIDATES = 64; // kept of a peer that calls before we take part in calls
const MANY_KEYS = 1024; // of ours that may still be told older values: more than are under way at any time

/**
 * @typedef {"owner" | "moderator" | "member"} Role
 * @typedef {{id: string, name: string}} Identity who a user is, by the word of the app's backend
 * @typedef {object} Member
 * @property {string} peer_id
 * @property {Role} role
 * @property {any} [peerinfo] what the peer says of itself
 * @property {Identity} [identity] missing if the peer is anonymous
 * @typedef {object} Candidate who asks to come in
 * @property {string} peer_id
 * @property {any} [peerinfo]
 * @property {Identity} [identity]
 * @property {any} [payload]
 * @typedef {{value: any, version: number, by: string}} Entry
 * @typedef {object} Message
 * @property {number} id
 * @property {string} peer_id
 * @property {Role | "candidate"} role
 * @property {number} time ms since the epoch
 * @property {string} [to] `hosts` or a peer_id; missing if it is for all
 * @property {string} kind
 * @property {any} body
 * @property {Identity} [identity]
 * @typedef {object} Policy
 * @property {"ask" | "open" | "closed"} admission
 * @property {number} max_peers
 * @property {"pass" | "close"} owner_leaves
 * @property {string} waiting_text
 * @property {number} history
 * @typedef {object} Ending
 * @property {string} reason `left`, `kicked`, `closed` or `lost`; or, when coming in again was refused, the code
 * @property {string | null} [by] the peer_id of the host who did it
 * @property {string} [text] what the host said
 * @property {number | boolean | null} [banned_until] seconds since the epoch; true: as long as the room exists
 * @typedef {object} JoinOptions
 * @property {boolean} [create] make the room if there is none
 * @property {boolean} [rejoin] ask again when the connection was lost for good
 * @property {any} [payload] shown to the hosts
 * @property {AbortSignal} [signal] aborted: the request is taken back
 * @property {(text: string, room: Room) => void} [waiting] told when a host has to decide, with what the room says
 */

/**
 * @typedef {object} RoomEvents
 * @property {Room} change after any of the others
 * @property {string} wait a host has to decide; what the room says to those who wait
 * @property {Room} enter we are in, at first or again: all of it may be different
 * @property {Member} join
 * @property {Member & {reason: string}} leave `left`, `closed`, `lost`, `kicked`, or `away` if we do not know
 * @property {Member} member one has another role or peerinfo
 * @property {Policy} policy
 * @property {string[]} data keys that have changed
 * @property {Candidate[]} pending
 * @property {Message} message
 * @property {Ending} end
 */

/** @extends {Emitter<RoomEvents>} */
export class Room extends Emitter {
  name;
  /** @type {"asking" | "waiting" | "inside" | "ended"} */
  state = "asking";
  /** @type {Map<string, Member>} everyone who is in, ourselves too, by peer_id */
  members = new Map();
  owner = "";
  /** @type {Policy | null} */
  policy = null;
  /** @type {Map<string, Entry>} */
  data = new Map();
  /** @type {Map<string, Candidate>} who asks to come in; hosts know this */
  pending = new Map();
  /** @type {Message[]} what had been said before we came in, as far as the room's policy shows it */
  history = [];
  created = false; // whether our request has made the room
  /** @type {Ending | null} why the room has ended */
  ending = null;

  #line;
  #gone; // called when the room has ended
  /** @type {JoinOptions} */
  #options = {};
  #dataVersion = 0; // up to which `data` was shown
  /** @type {Map<string, Entry>} what we have set since then, by key; an answer can come before what was told earlier */
  #mine = new Map();
  /** @type {Promise<Room> | null} */
  #joining = null;
  /** @type {((room: Room) => void) | null} */
  #settle = null; // called when we are in, or will not be
  /** @type {Call | null} */
  #call = null;
  /** @type {Map<string, any[]>} the last offer of peers that have called us, and its candidates */
  #calls = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #ending;

  /**
   * @internal
   * @param {string} name
   * @param {import("./line.js").Line} line
   * @param {(room: Room, farewell?: Promise<void>) => void} gone
   */
  constructor(name, line, gone) {
    super();
    this.name = name;
    this.#line = line;
    this.#gone = gone;
  }

  /** Ourselves; undefined while we are not in. */
  get me() {
    return this.members.get(this.#line.peerId);
  }

  /** Whether we may decide who comes in. */
  get isHost() {
    return this.me !== undefined && this.me.role !== "member";
  }

  /** Everyone but ourselves. */
  get others() {
    return [...this.members.values()].filter((member) => member !== this.me);
  }

  /**
   * Say something: to all, to the `hosts` (a candidate may, too), or to one peer.
   *
   * @param {any} body
   * @param {{to?: string, kind?: string}} [options]
   * @returns {Promise<{id: number, time: number}>}
   */
  send(body, options = {}) {
    return this.#ask("room-message-request", { ...options, body });
  }

  /**
   * Change the room's data, all of it or nothing; null removes a key. `versions` are those that keys must have (0: must
   * not exist), else it is refused as `conflict`.
   *
   * @param {Record<string, any>} set
   * @param {Record<string, number>} [versions]
   * @returns {Promise<{version: number}>}
   */
  async setData(set, versions) {
    const answer = await this.#ask("room-data-request", versions ? { set, if: versions } : { set });
    // an answer that came again may tell of what is in the data already, or was undone since
    if (this.state === "inside" && answer.version > this.#dataVersion) this.#setMine(set, answer.version);
    return answer;
  }

  /**
   * Let a candidate in. This, and every other request, resolves with the server's acknowledgement, or rejects with a
   * Refusal.
   *
   * @param {string} peer_id
   * @param {any} [payload] passed on
   */
  accept(peer_id, payload) {
    return this.#ask("room-join-accept", { peer_id, payload });
  }

  /**
   * Send a candidate away.
   *
   * @param {string} peer_id
   * @param {any} [payload] passed on
   */
  reject(peer_id, payload) {
    return this.#ask("room-join-reject", { peer_id, payload });
  }

  /**
   * Give a member another role. With `owner`, you become a moderator.
   *
   * @param {string} peer_id
   * @param {Role} role
   */
  setRole(peer_id, role) {
    return this.#ask("room-role-request", { peer_id, role });
  }

  /**
   * Put somebody out of the room.
   *
   * @param {string} peer_id
   * @param {{ban?: number | true, text?: string}} [options] `ban`: seconds, or true for as long as the room exists
   */
  kick(peer_id, options = {}) {
    return this.#ask("room-kick-request", { peer_id, ...options });
  }

  /**
   * Let somebody ask again who was banned.
   *
   * @param {{id: string} | {peer_id: string}} who an identity, or an anonymous peer
   */
  unban(who) {
    return this.#ask("room-unban-request", who);
  }

  /**
   * Change the room's policy.
   *
   * @param {Partial<Policy>} policy the keys to change
   */
  setPolicy(policy) {
    return this.#ask("room-policy-request", { policy });
  }

  /** Close the room for everyone. */
  close(text = "") {
    return this.#ask("room-close-request", { text });
  }

  /** Leave the room, or take back the request to be let in. */
  async leave() {
    if (this.state === "ended") return;
    const farewell = this.#ask("room-leave-request", {}).catch(() => {}); // out in any case
    this.#end({ reason: "left" }, farewell);
    await farewell;
  }

  /**
   * Take part in calls: a media connection to everyone here who does so too, and to those who come.
   *
   * @param {MediaStream | import("./call.js").Tracks} [media] what to send
   */
  call(media = {}) {
    if (this.state !== "inside" || this.#call) throw new Error("not in the room, or in a call already");
    const call = (this.#call = new Call(this, this.#line, media, () => (this.#call = null)));
    queueMicrotask(() => this.#call === call && this.#begin(call)); // when there are listeners
    return call;
  }

  // For the library itself.

  /**
   * @internal
   * @param {JoinOptions} options
   * @param {object} [make] make the room first, with these fields; when that is lost, whoever is there is asked
   * @returns {Promise<Room>}
   */
  join(options = {}, make = undefined) {
    this.#options = make ? { ...options, create: true } : options;
    if (this.state === "inside") return Promise.resolve(this);
    return (this.#joining ??= this.#untilInside(options, make).finally(() => (this.#joining = null)));
  }

  /**
   * We are in no room any more. `reason` is given if there will be no other connection.
   *
   * @internal
   * @param {string} [reason]
   */
  lose(reason) {
    const wanted = this.state === "inside" && this.#options.rejoin && !reason;
    if (!wanted) return this.#joining ? undefined : this.#end({ reason: reason ?? "lost" }); // what is asked has failed too
    this.state = "asking";
    this.#forget();
    this.#changed();
    this.join(this.#options).catch(() => {}); // `end` says so
  }

  /**
   * The room was not among ours when we came back. If we were kicked, that is told next.
   *
   * @internal
   */
  miss() {
    clearTimeout(this.#ending);
    if (this.state === "inside") this.#ending = setTimeout(() => this.#end({ reason: "closed" }), KICKED);
  }

  /**
   * We are in, and this is how it is there.
   *
   * @internal
   * @param {any} view of `room-join-accept`, or one of the `rooms` of `auth-accept`
   */
  enter(view) {
    clearTimeout(this.#ending);
    const before = this.members;
    const { peers, peersinfo, roles = {}, identities = {}, policy, data, data_version, pending, history, created } = view;
    const member = (/** @type {string} */ peer_id) => ({
      peer_id,
      role: roles[peer_id] ?? "member",
      identity: identities[peer_id],
      peerinfo: peer_id === this.#line.peerId ? this.#line.peerinfo : (peersinfo[peer_id] ?? before.get(peer_id)?.peerinfo),
    });
    const all = new Set([...peers, this.#line.peerId]);
    this.members = new Map([...all].map((peer_id) => [peer_id, member(peer_id)]));
    this.owner = view.owner;
    this.policy = policy ?? this.policy;
    this.#dataVersion = data_version ?? this.#dataVersion;
    if (data) this.#showData(data);
    this.history = history ?? this.history;
    this.created = created ?? this.created;
    if (pending || !this.isHost) this.pending = new Map((pending ?? []).map((/** @type {Candidate} */ one) => [one.peer_id, one]));
    const again = this.state === "inside";
    this.state = "inside";
    for (const [peer_id, gone] of before) if (!all.has(peer_id)) this.#leaves(gone, "away");
    for (const one of this.others) if (again && !before.has(one.peer_id)) this.tell("join", one);
    this.#settle?.(this);
    this.tell("enter", this);
    this.#call?.reconcile(again);
    this.#changed();
  }

  /**
   * Ask for all that `enter` needs, which was too much for `auth-accept`.
   *
   * @internal
   */
  refresh() {
    this.#ask("room-join-request", {}).catch(() => {});
  }

  /**
   * @internal
   * @param {string} event
   * @param {any} told
   */
  hear(event, told) {
    const heard = this.#HEARD[event];
    if (!heard || this.ending || (this.state !== "inside" && !WHILE_WAITING.test(event))) return;
    heard(told);
    if (!this.ending) this.#changed();
  }

  /** @type {Record<string, (told: any) => void>} */
  #HEARD = {
    "room-join-accept": (told) => this.enter(told),
    "room-join-wait": ({ text }) => {
      this.state = "waiting";
      this.tell("wait", text);
    },
    "room-user-join": ({ peer_id, peerinfo, identity }) => {
      const member = { peer_id, peerinfo, identity, role: /** @type {Role} */ ("member") };
      this.members.set(peer_id, member);
      this.tell("join", member);
    },
    "room-user-leave": ({ peer_id, reason }) => {
      const member = this.members.get(peer_id);
      this.members.delete(peer_id);
      if (member) this.#leaves(member, reason);
    },
    "room-user-update": ({ peer_id, peerinfo }) => {
      const asks = this.pending.get(peer_id);
      if (asks) this.#setPending(peer_id, { ...asks, peerinfo });
      else this.#changeMember(peer_id, { peerinfo });
    },
    "room-role": ({ peer_id, role }) => {
      if (role === "owner") this.owner = peer_id;
      this.#changeMember(peer_id, { role });
      if (!this.isHost) this.pending.clear();
    },
    "room-policy": ({ policy }) => {
      this.policy = policy;
      this.tell("policy", policy);
    },
    "room-data": (told) => this.#changeData(told),
    "room-message": (told) => this.tell("message", told),
    "room-join-request": ({ peer_id, peerinfo, identity, payload }) =>
      this.#setPending(peer_id, { peer_id, peerinfo, identity, payload }),
    "room-join-gone": ({ peer_id }) => this.#setPending(peer_id, null),
    "room-kicked": ({ by, text, banned_until }) => this.#end({ reason: "kicked", by, text, banned_until }),
    "room-closed": ({ by, text }) => this.#end({ reason: "closed", by, text }),
    "session-description": (told) => this.#signal(told),
    "ice-candidate": (told) => this.#signal(told),
  };

  /**
   * @param {JoinOptions} options
   * @param {object} [make]
   * @returns {Promise<Room>}
   */
  async #untilInside({ create, payload, signal, waiting }, make) {
    const settled = new Promise((resolve) => (this.#settle = resolve));
    const aborted = new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    const quiet = this.on("wait", (text) => waiting?.(text, this));
    try {
      signal?.throwIfAborted();
      if (make) await Promise.race([aborted, this.#ask("room-create-request", make)]);
      await Promise.race([settled, aborted, this.#askIn({ create, payload })]);
      if (this.ending) throw new Refusal(this.ending.reason, this.ending.text);
      return this;
    } catch (error) {
      if (signal?.aborted) this.leave();
      else if (this.state !== "ended") this.#end({ reason: /** @type {Refusal} */ (error).code });
      throw error;
    } finally {
      quiet();
    }
  }

  /**
   * Ask until we are in, or the room has ended. What says that we are in is the event, as it has the members: the
   * acknowledgement is short if they are many. An acknowledgement that came again may be of a room we are no more in.
   *
   * @param {object} fields
   */
  async #askIn(fields) {
    while (!this.#isSettled()) {
      try {
        await this.#ask("room-join-request", fields);
      } catch (error) {
        const { code } = /** @type {Refusal} */ (error);
        if (code === "lost" && this.#options.rejoin && !this.ending) continue;
        if (code !== "unavailable" || this.ending) throw error;
      }
      if (!this.#isSettled()) await new Promise((done) => setTimeout(done, RETRY));
    }
  }

  #isSettled() {
    return this.state === "inside" || this.ending !== null;
  }

  /**
   * @param {string} event
   * @param {object} fields
   */
  #ask(event, fields) {
    return this.#line.ask(event, { room: this.name, ...fields });
  }

  /**
   * @param {string} peer_id
   * @param {Partial<Member>} fields
   */
  #changeMember(peer_id, fields) {
    const member = this.members.get(peer_id);
    if (!member) return;
    const changed = { ...member, ...fields };
    this.members.set(peer_id, changed);
    this.tell("member", changed);
  }

  /** @param {Record<string, Entry>} data as it was at `#dataVersion` */
  #showData(data) {
    this.data = new Map(Object.entries(data));
    for (const [key, { value, version, by }] of this.#mine) {
      if (version <= this.#dataVersion) this.#mine.delete(key);
      else this.#put(key, value, version, by);
    }
  }

  /**
   * @param {Record<string, any>} set
   * @param {number} version
   */
  #setMine(set, version) {
    const by = this.#line.peerId;
    for (const [key, value] of Object.entries(set)) {
      if (version > (this.#mine.get(key)?.version ?? 0)) this.#mine.set(key, { value, version, by });
    }
    this.#mine = new Map([...this.#mine].slice(-MANY_KEYS));
    this.#changeData({ set, version, by });
  }

  /** @param {{set: Record<string, any>, version: number, by: string}} news */
  #changeData({ set, version, by }) {
    for (const [key, value] of Object.entries(set)) {
      const known = this.data.get(key) ?? this.#mine.get(key);
      if (version >= (known?.version ?? 0)) this.#put(key, value, version, by);
    }
    this.tell("data", Object.keys(set));
  }

  /**
   * @param {string} key
   * @param {any} value null: there is no such key any more
   * @param {number} version
   * @param {string} by
   */
  #put(key, value, version, by) {
    if (value === null) this.data.delete(key);
    else this.data.set(key, { value, version, by });
  }

  /**
   * @param {string} peer_id
   * @param {Candidate | null} candidate
   */
  #setPending(peer_id, candidate) {
    if (candidate) this.pending.set(peer_id, candidate);
    else this.pending.delete(peer_id);
    this.tell("pending", [...this.pending.values()]);
  }

  /**
   * @param {Member} member
   * @param {string} reason
   */
  #leaves(member, reason) {
    this.#calls.delete(member.peer_id);
    this.#call?.remove(member.peer_id);
    const theirs = [...this.data.keys()].filter((key) => key.startsWith(`peer.${member.peer_id}.`));
    for (const key of theirs) this.data.delete(key);
    if (theirs.length) this.tell("data", theirs);
    this.tell("leave", { ...member, reason });
  }

  /** @param {any} told a description or a candidate from a roommate */
  #signal(told) {
    if (!this.members.has(told.peer_id)) return;
    if (this.#call) return this.#call.take(told);
    const calls = this.#calls.get(told.peer_id);
    if (told.session_description?.type === "offer" && !told.payload?.to) this.#calls.set(told.peer_id, [told]);
    else if (calls && calls.length < MANY_CANDIDATES) calls.push(told);
  }

  /** @param {Call} call */
  #begin(call) {
    for (const { peer_id } of this.others) {
      const calls = this.#calls.get(peer_id);
      if (calls) for (const told of calls) call.take(told);
      else call.invite(peer_id);
    }
    this.#calls.clear();
  }

  #forget() {
    const gone = this.others;
    this.members = new Map();
    this.pending.clear();
    this.data.clear();
    this.#mine.clear();
    this.#calls.clear();
    for (const member of gone) this.#leaves(member, "away");
  }

  /**
   * @param {Ending} ending
   * @param {Promise<void>} [farewell]
   */
  #end(ending, farewell) {
    if (this.state === "ended") return;
    clearTimeout(this.#ending);
    this.state = "ended";
    this.ending = ending;
    this.#settle?.(this);
    this.#call?.close();
    this.#gone(this, farewell);
    this.tell("end", ending);
    this.#changed();
  }

  #changed() {
    this.tell("change", this);
  }
}

// What concerns us before we know of the members: as a candidate, or as one who has just made the room.
const WHILE_WAITING = /^room-(join-|message|kicked|closed)/;
