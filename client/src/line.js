// One peer's connection to the server: over as many sockets, and as many gateways, as it takes.
//
//   connecting ──accepted──▶ online ──socket lost──▶ reconnecting ──accepted──▶ online
//        └───────────────┴──── refused, removed, closed ────┴──────▶ ended
//
// Each attempt has a socket of its own, and a socket that has failed is never used again: of socket.io-client's ways
// to come back none is used (`reconnection: false`), because it knows neither other gateways nor what a peer has missed.
import { COUNTED } from "./counted.js";
import { Emitter } from "./emitter.js";
import { Outbox } from "./outbox.js";
import { PASSING } from "./refusal.js";

const VERSION = 2; // of the contract
const PATIENCE = 10_000; // ms until an attempt is given up
const FIRST_PAUSE = 500; // ms that the pause before the next attempt is shorter than; it doubles
const LONGEST_PAUSE = 10_000;
const STEADY = 5_000; // ms online after which the pauses begin anew
const RENEWAL_PAUSE = 5_000; // ms from one failed renewal to the next
const MANY_SECONDS = 2 ** 21; // more than timers can wait for

/**
 * @typedef {"connecting" | "online" | "reconnecting" | "ended"} State
 * @typedef {object} Kept what another page needs to be the same peer
 * @property {string} session
 * @property {number} received
 * @property {number} number
 * @typedef {object} LineOptions
 * @property {typeof import("socket.io-client").io} io
 * @property {string[]} urls
 * @property {() => string | Promise<string>} getToken
 * @property {unknown} [peerinfo]
 * @property {Kept | null} [resume]
 * @property {object} [socket]
 */

/**
 * Tells `state`; `renewed` when the session is new or renewed; `accepted {answer, lost}` when it is online (again), `lost` meaning as somebody new; and `told {event,
 * data}` for every event of the server.
 *
 * @extends {Emitter<{state: State, renewed: any, accepted: {answer: any, lost: boolean}, told: {event: string, data: any}}>}
 */
export class Line extends Emitter {
  /** @type {State} */
  state = "connecting";
  reason = ""; // why it is not online
  message = ""; // the same for people, if the server has said it
  peerId = "";
  /** @type {RTCIceServer[]} */
  iceServers = [];
  peerinfo;

  #io;
  #urls;
  #getToken;
  #options;
  #outbox;
  /** @type {import("socket.io-client").Socket | null} */
  #socket = null;
  #fresh = true; // the socket has not been accepted yet
  #token = ""; // the newest that getToken gave, unless the server does not take it
  #untried = false; // whether it has never been shown
  #session = "";
  #received = 0; // counted events on this socket, or if it was not accepted, on the last one that was
  #known = false; // whether there is a place that may be lost
  #attempts = 0;
  #since = 0; // when it got online
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer; // for the attempt, or for the next
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #renewal;

  /** @param {LineOptions} options */
  constructor({ io, urls, getToken, peerinfo, resume, socket }) {
    super();
    this.#io = io;
    this.#urls = shuffled(urls);
    this.#getToken = getToken;
    this.peerinfo = peerinfo;
    // All requests of a polling client must reach the same gateway, which several addresses cannot promise.
    const transports = urls.length > 1 ? ["websocket"] : ["websocket", "polling"];
    /** @type {object} */
    const alone = { reconnection: false, forceNew: true, timeout: /** @type {any} */ (false) };
    this.#options = { transports, tryAllTransports: true, ...socket, ...alone };
    this.#outbox = new Outbox(
      (event, fields, answered) => this.#socket?.emit(event, { ...fields, auth: this.#session }, answered),
      () => this.renew(),
      resume?.number ?? 0,
    );
    if (resume) [this.#session, this.#received, this.#known] = [resume.session, resume.received, true];
    globalThis.addEventListener?.("online", this.#hurry);
    queueMicrotask(() => this.#attempt());
  }

  /**
   * Ask the server for something, as soon as it is there.
   *
   * @param {string} event
   * @param {object} fields
   * @returns {Promise<any>} the acknowledgement. Rejects with a Refusal
   */
  ask(event, fields) {
    const answer = this.#outbox.ask(event, fields);
    if (this.state === "ended") this.#outbox.fail(this.reason, this.message);
    return answer;
  }

  /** Say goodbye: the peer leaves all its rooms. */
  close() {
    this.#end("closed", "", this.#goodbye);
  }

  /**
   * Leave without a goodbye, so that another page can go on as this peer.
   *
   * @returns {Kept | null} null if there is no place to keep
   */
  suspend() {
    const kept = { session: this.#session, received: this.#received, number: this.#outbox.number };
    const known = this.state !== "ended" && this.#known;
    this.#end("suspended");
    return known ? kept : null;
  }

  /** Renew the session, and with it what it is lent: the credentials for TURN. Tells `renewed` when that is done. */
  async renew() {
    if (this.state !== "online") return;
    const socket = this.#socket;
    this.#renewWithin(RENEWAL_PAUSE);
    try {
      const token = (this.#token = await this.#getToken());
      if (this.#socket === socket) socket?.emit("auth-request", { token, resumable: true });
    } catch {
      // asked again after the pause
    }
  }

  async #attempt() {
    if (this.#isDone()) return;
    clearTimeout(this.#timer);
    try {
      this.#untried = !this.#token;
      this.#token ||= await within(PATIENCE, this.#getToken());
    } catch (error) {
      return this.#lost(`getToken: ${error instanceof Error ? error.message : error}`);
    }
    if (this.#isDone()) return;
    this.#fresh = true;
    const url = this.#urls[this.#attempts % this.#urls.length];
    const socket = (this.#socket = this.#io(url, { ...this.#options, auth: { token: this.#token } }));
    this.#timer = setTimeout(() => this.#lost("timeout"), PATIENCE);
    socket.on("connect", () => this.#authenticate());
    socket.on("connect_error", (/** @type {any} */ { data, message }) => this.#refused(data?.code, message));
    socket.on("disconnect", (reason) => this.#disconnected(reason));
    socket.onAny((event, data) => this.#heard(event, data));
  }

  #isDone() {
    return this.state === "ended" || this.#socket !== null;
  }

  #authenticate() {
    const resume = this.#known ? { resume: this.#session, received: this.#received } : {};
    const fields = { token: this.#token, peerinfo: this.peerinfo, resumable: true, version: VERSION };
    this.#socket?.emit("auth-request", { ...fields, ...resume });
  }

  /**
   * @param {string} event
   * @param {any} data
   */
  #heard(event, data) {
    if (!this.#fresh && COUNTED.has(event)) this.#received++;
    if (event === "auth-accept") this.#accepted(data);
    else if (event === "auth-reject") this.#refused(data.code, data.message);
    else if (event === "auth-expiring") this.renew();
    else if (event === "session-ended") this.#ended(data);
    else this.tell("told", { event, data });
  }

  /** @param {any} answer */
  #accepted(answer) {
    const fresh = this.#fresh;
    // a server that is being replaced by a newer one may know no better for a while
    if (fresh && !(answer.version >= VERSION)) return this.#lost("version", this.#goodbye);
    this.#session = answer.token;
    this.iceServers = answer.ice_servers ?? this.iceServers;
    this.#renewWithin(Math.min(answer.expires_in, MANY_SECONDS) * 500); // at half its life
    this.#fresh = false;
    this.tell("renewed", answer);
    if (!fresh) return this.#outbox.open(false);
    clearTimeout(this.#timer);
    const lost = this.#known && !answer.resumed;
    this.peerId = answer.peer_id;
    this.#known = true;
    this.#received = 0;
    this.#since = Date.now();
    if (lost) this.#outbox.fail("lost");
    this.#outbox.open();
    this.#become("online", "");
    if (this.#socket) this.tell("accepted", { answer, lost }); // unless a listener has closed it
  }

  /**
   * The server does not let us in; or does not renew the session, which ends by itself if that remains so.
   *
   * @param {string | undefined} code
   * @param {string} message
   */
  #refused(code, message) {
    if (!this.#fresh) return this.#renewWithin(RENEWAL_PAUSE);
    const outdated = code === "unauthorized" && !this.#untried;
    // whoever says so is there: it need not be given time
    if (code === "unauthorized") [this.#token, this.#attempts] = ["", 0];
    if (!code || outdated || PASSING.includes(code)) this.#lost(code ?? message);
    else this.#end(code, message);
  }

  /**
   * Expired, because there was no new token for too long: come back as somebody new when there is one.
   *
   * @param {{code: string, message: string}} told
   */
  #ended({ code, message }) {
    if (code !== "expired") return this.#end(code, message);
    this.#token = "";
    this.#lost(code);
  }

  /** @param {string} reason */
  #disconnected(reason) {
    if (reason === "io server disconnect") this.#end("removed", "The server has closed the connection");
    else this.#lost(reason);
  }

  /**
   * Try again, after a pause that is drawn by lot, so that those whom one gateway has lost do not come all at once.
   *
   * @param {string} reason
   * @param {() => void} [goodbye]
   */
  #lost(reason, goodbye) {
    if (this.state === "ended") return;
    this.#let(goodbye);
    if (this.state === "online" && Date.now() - this.#since > STEADY) this.#attempts = 0;
    const longest = Math.min(FIRST_PAUSE * 2 ** this.#attempts++, LONGEST_PAUSE);
    this.#timer = setTimeout(() => this.#attempt(), Math.random() * longest);
    this.#become(this.#known ? "reconnecting" : "connecting", reason);
  }

  /**
   * @param {string} reason
   * @param {string} [message]
   * @param {() => void} [goodbye]
   */
  #end(reason, message = "", goodbye) {
    if (this.state === "ended") return;
    this.message = message;
    this.#let(goodbye);
    globalThis.removeEventListener?.("online", this.#hurry);
    this.#become("ended", reason);
    this.#outbox.fail(reason, message);
  }

  /**
   * Have done with the socket. Closed below Socket.IO, it keeps the peer's place.
   *
   * @param {() => void} [goodbye]
   */
  #let(goodbye = () => void this.#socket?.io.engine?.close()) {
    clearTimeout(this.#timer);
    clearTimeout(this.#renewal);
    this.#outbox.shut();
    this.#socket?.off();
    this.#socket?.offAny();
    goodbye();
    this.#socket = null;
  }

  #goodbye = () => void this.#socket?.disconnect();

  /** The browser says that the network is back. */
  #hurry = () => void this.#attempt();

  /** @param {number} ms */
  #renewWithin(ms) {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.renew(), Math.max(ms, 500));
  }

  /**
   * @param {State} state
   * @param {string} reason
   */
  #become(state, reason) {
    this.state = state;
    this.reason = reason;
    this.tell("state", state);
  }
}

/**
 * @template Value
 * @param {Value[]} list
 * @returns {Value[]}
 */
function shuffled(list) {
  const drawn = list.map((value) => ({ value, lot: Math.random() }));
  return drawn.sort((one, other) => one.lot - other.lot).map(({ value }) => value);
}

/**
 * @template Value
 * @param {number} ms
 * @param {Value | Promise<Value>} value
 * @returns {Promise<Value>} rejects if that takes too long
 */
function within(ms, value) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("took too long")), ms)));
  return Promise.race([value, late]).finally(() => clearTimeout(timer));
}
