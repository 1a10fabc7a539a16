// The talk with a gateway: one peer, over as many sockets as it takes.
import { Pass } from "./pass.js";
import { io } from "./socket.io.js";

const RETRY = 2000; // ms until a gateway that is not available is asked again
const LONGEST_TIMER = 2 ** 31 - 1;

// Of these a peer says how many it has had since its last `auth-accept`, so that it gets just what it missed.
const COUNTED = new Set([
  "room-join-request",
  "room-join-accept",
  "room-user-join",
  "room-user-leave",
  "room-owner",
  "session-description",
  "ice-candidate",
]);

/**
 * Tells, as events with `detail`: `opened` once; `lost`, and after it `resumed` (the same peer, with `rooms`) or
 * `replaced` (a new peer, in no room); `renewed` when the session has a new token; `troubled` when no gateway can
 * be reached, or none can do anything; `removed` when the peer's connection is closed on purpose; `ended` when it is
 * refused for another reason; and every event of the protocol by its own name.
 */
export class Signal extends EventTarget {
  peerId = "";
  #pass;
  #peerinfo;
  #gateways;
  #socket;
  #session = ""; // the newest session token
  #received = 0;
  #ready = false;
  #renewal = 0;
  #asked = new Map(); // not yet answered, in the order asked: number → {event, fields, resolve}
  #count = 0;
  #closed = false;

  constructor(config, peerinfo) {
    super();
    const { gateways } = config;
    this.#pass = new Pass(config);
    this.#peerinfo = peerinfo;
    this.#gateways = gateways.length ? shuffled(gateways) : [location.origin];
    // Polling needs each request to reach the same gateway, which several addresses cannot promise.
    const transports = gateways.length > 1 ? { transports: ["websocket"] } : {};
    const auth = (show) => this.#showPass(show);
    this.#socket = io(this.#gateways[0], { auth, autoConnect: false, reconnectionDelayMax: 3000, ...transports });
    this.#listen();
  }

  open() {
    this.#socket.connect();
  }

  /** Say goodbye: the place in every room ends at once. */
  close() {
    this.#closed = true;
    clearTimeout(this.#renewal);
    this.#socket.disconnect();
  }

  on(name, listener) {
    this.addEventListener(name, ({ detail }) => listener(detail));
  }

  /**
   * Send an event; resolves with its acknowledgement, `{ok, …}`. What a lost connection left unanswered
   * is sent again once the peer is back, and is answered `{ok: false, code: "lost"}` if it cannot come back.
   */
  ask(event, fields) {
    return new Promise((resolve) => {
      const number = ++this.#count;
      this.#asked.set(number, { event, fields, resolve });
      if (this.#ready) this.#send(number);
    });
  }

  #listen() {
    const socket = this.#socket;
    socket.on("connect", () => this.#authenticate());
    socket.on("disconnect", (reason) => this.#lost(reason));
    socket.on("connect_error", (error) => this.#unreachable(error));
    socket.on("auth-accept", (answer) => this.#accepted(answer));
    socket.on("auth-reject", (answer) => this.#refused(answer));
    socket.on("unauthorized", (answer) => this.#tell("ended", answer));
    socket.onAny((event, detail) => {
      if (COUNTED.has(event)) this.#received++;
      this.#tell(event, detail);
    });
  }

  async #showPass(show) {
    const connection = this.#socket.io.engine;
    const token = await this.#pass.fresh();
    if (this.#socket.io.engine === connection) show({ token }); // or else it is asked for again
  }

  #authenticate() {
    const resume = this.#session ? { resume: this.#session, received: this.#received } : {};
    this.#socket.emit("auth-request", { token: this.#pass.token, peerinfo: this.#peerinfo, resumable: true, ...resume });
  }

  #accepted(answer) {
    this.#session = answer.token;
    this.#renewWithin(answer.expires_in);
    if (this.#ready) return this.#tell("renewed", answer);
    const before = this.peerId;
    this.peerId = answer.peer_id;
    this.#received = 0;
    this.#ready = true;
    if (before && !answer.resumed) this.#forget();
    const unanswered = [...this.#asked.keys()];
    this.#tell(!before ? "opened" : answer.resumed ? "resumed" : "replaced", answer);
    for (const number of unanswered) this.#send(number);
  }

  #refused(answer) {
    if (answer.code !== "unavailable") return this.#tell("ended", answer);
    this.#tell("troubled", answer);
    setTimeout(() => this.#socket.connected && this.#authenticate(), RETRY);
  }

  #send(number) {
    const { event, fields, resolve } = this.#asked.get(number);
    this.#socket.emit(event, { ...fields, auth: this.#session }, (answer) => {
      this.#asked.delete(number);
      resolve(answer);
    });
  }

  #forget() {
    for (const { resolve } of this.#asked.values()) resolve({ ok: false, code: "lost" });
    this.#asked.clear();
  }

  /** At half its life: a token that lives for seconds must survive a slow network as well. */
  #renewWithin(seconds) {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => this.#ready && this.#renew(), Math.min(seconds * 500, LONGEST_TIMER));
  }

  async #renew() {
    const token = await this.#pass.fresh();
    if (this.#ready) this.#socket.emit("auth-request", { token, peerinfo: this.#peerinfo, resumable: true });
  }

  #lost(reason) {
    this.#ready = false;
    clearTimeout(this.#renewal);
    if (reason === "io client disconnect") return;
    if (reason === "io server disconnect") return this.#ended();
    this.#tryNextGateway();
    this.#tell("lost", { reason });
  }

  #ended() {
    if (this.peerId) this.#tell("removed");
    else this.#tell("ended", { message: "The server closed the connection." });
  }

  #unreachable(error) {
    if (error.data && error.data.code !== "unavailable") return this.#tell("ended", { message: error.message });
    this.#tryNextGateway();
    this.#tell("troubled", { message: error.message });
    if (this.#socket.active) return; // it tries again by itself
    setTimeout(() => this.#closed || this.#socket.connect(), RETRY);
  }

  #tryNextGateway() {
    this.#gateways.push(this.#gateways.shift());
    this.#socket.io.uri = this.#gateways[0];
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

function shuffled(list) {
  return list.map((value) => [Math.random(), value]).sort(([a], [b]) => a - b).map(([, value]) => value);
}
