// One peer, and the rooms it is in.
import { Emitter } from "./emitter.js";
import { Line } from "./line.js";
import { Room } from "./room.js";

/**
 * @typedef {object} ConnectOptions
 * @property {string | string[]} urls of the gateways: any of them will do
 * @property {() => string | Promise<string>} getToken gives an app token or a user token. Asked when there is none yet,
 *   when the server does not take the last one any more, and before it expires. If it throws, it is asked again later
 * @property {any} [peerinfo] what others are told of this peer, such as `{name: "Ann"}`
 * @property {import("./line.js").Kept | null} [resume] what `suspend` returned: be the same peer again
 * @property {object} [socket] more options for socket.io-client
 */

/**
 * @typedef {import("../events.js").Said} Said what clients send
 * @typedef {import("../events.js").Answers} Answers and what that is answered
 * @typedef {object} ParleyEvents
 * @property {import("./line.js").State} state it is in another state now; `reason` says why
 * @property {Parley} lost the connection was lost for good: we are somebody new, and in no room any more
 * @property {Room} room one that we are in already, when we go on with `resume`
 */

/** @extends {Emitter<ParleyEvents>} */
export class Parley extends Emitter {
  /** @type {Map<string, Room>} those we are in, or ask to be in, by name */
  rooms = new Map();
  #line;
  /** @type {Map<string, Promise<void> | undefined>} rooms that we have left, until the server knows */
  #leaving = new Map();

  /**
   * @internal
   * @param {ConnectOptions & {io: typeof import("socket.io-client").io}} options
   */
  constructor(options) {
    super();
    const { urls } = options;
    this.#line = new Line({ ...options, urls: typeof urls === "string" ? [urls] : urls });
    this.#line.on("state", (state) => this.#become(state));
    this.#line.on("accepted", ({ answer, lost }) => this.#accepted(answer, lost));
    this.#line.on("told", ({ event, data }) => this.rooms.get(data?.room)?.hear(event, data));
  }

  /** `connecting`, `online`, `reconnecting`, or `ended`. */
  get state() {
    return this.#line.state;
  }

  /**
   * Why it is not online. While it tries again: what went wrong, in the words of socket.io-client, or a code. When it
   * has ended: `closed`, `suspended`, `removed`, `replaced`, `revoked`, or the code with which the server said no.
   */
  get reason() {
    return this.#line.reason;
  }

  /** Our `peer_id`; empty before we have been online. */
  get peerId() {
    return this.#line.peerId;
  }

  /** The newest STUN and TURN servers, if the server has any. */
  get iceServers() {
    return this.#line.iceServers;
  }

  /**
   * Be in a room: resolves as soon as a host has let us in. If we are in already, that is the room.
   *
   * @param {string} name
   * @param {import("./room.js").JoinOptions} [options]
   * @returns {Promise<Room>}
   */
  async join(name, options) {
    await this.#leaving.get(name);
    return this.#room(name).join(options);
  }

  /**
   * Make a room that does not exist yet, and be its owner. Without a name it gets a new one.
   *
   * @param {string} [name]
   * @param {import("./room.js").JoinOptions & {policy?: Partial<import("./room.js").Policy>}} [options]
   * @returns {Promise<Room>}
   */
  async create(name, { policy, ...options } = {}) {
    const fields = policy ? { policy } : {};
    if (!name) return this.join((await this.#line.ask("room-create-request", fields)).room, options);
    await this.#leaving.get(name);
    return this.#room(name).join(options, fields); // it is known before anybody can ask to come in
  }

  /**
   * Change what others are told of us.
   *
   * @param {any} peerinfo
   */
  async update(peerinfo) {
    const answer = await this.#line.ask("peer-update-request", { peerinfo });
    this.#line.peerinfo = peerinfo;
    for (const room of this.rooms.values()) room.hear("room-user-update", { peer_id: this.peerId, peerinfo });
    return answer;
  }

  /**
   * Ask for anything that the protocol knows and this library has no method for. Resolves with the acknowledgement.
   *
   * @template {keyof Said & keyof Answers} Event
   * @param {Event} event
   * @param {Omit<Said[Event], "auth" | "n">} fields
   * @returns {Promise<Answers[Event]>}
   */
  ask(event, fields) {
    return this.#line.ask(event, fields);
  }

  /** Say goodbye: we leave all rooms at once. */
  close() {
    this.#line.close();
  }

  /**
   * End without a goodbye, as a page does that is about to be loaded again. Our place is kept for as long as the server
   * keeps it (30 s by default), for whoever connects with what this returns as `resume`.
   */
  suspend() {
    return this.#line.suspend();
  }

  /** @param {import("./line.js").State} state */
  #become(state) {
    if (state === "ended") for (const room of [...this.rooms.values()]) room.lose(this.reason === "closed" ? "left" : "lost");
    this.tell("state", state);
  }

  /**
   * @param {any} answer
   * @param {boolean} lost
   */
  #accepted(answer, lost) {
    /** @type {Map<string, any>} */
    const views = new Map((answer.rooms ?? []).map((/** @type {any} */ view) => [view.room, view]));
    for (const [name, view] of views) this.#comeBack(name, view);
    for (const room of [...this.rooms.values()]) {
      if (lost) room.lose();
      else if (!views.has(room.name)) room.miss();
    }
    if (lost) this.tell("lost", this);
  }

  /**
   * @param {string} name
   * @param {any} view
   */
  #comeBack(name, view) {
    const known = this.rooms.has(name);
    const room = this.#room(name);
    room.enter(view);
    if (!view.data) room.refresh();
    if (!known) this.tell("room", room);
  }

  /** @param {string} name */
  #room(name) {
    const known = this.rooms.get(name);
    if (known) return known;
    const room = new Room(name, this.#line, (gone, farewell) => {
      this.rooms.delete(name);
      this.#leaving.set(name, farewell);
    });
    this.rooms.set(name, room);
    return room;
  }
}
