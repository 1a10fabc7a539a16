// The media connection to one roommate, by perfect negotiation: either side may offer at any time, and when two offers
// cross, the polite side gives way.
//
// A side that begins anew (its page was loaded again, or it took part once more) has another connection with another
// `id`. Every message carries the sender's (`from`) and the one it is meant for (`to`, once that is known). So a message
// for a connection that is no more is left alone, and an offer from a new one makes this side begin anew too. An offer that
// does not give way is made again to a connection that has not had it: one before that may have taken it with it.
// An answer to us can come from a connection that our offer has begun, while we have heard only of the one before it, whose
// offer crossed ours. What we have agreed on with that one is void, so we begin anew too.
// Clients that send no ids are taken to have one connection.
import { Meter } from "./meter.js";

const KINDS = /** @type {const} */ (["audio", "video"]);
const EARLY = 64; // candidates kept until the description comes to which they belong
const FIRST_PAUSE = 1_000; // ms until a restart that did not help is repeated; doubles
const LONGEST_PAUSE = 16_000;
const STUCK = 10_000; // ms, up to twice as many, that a connection may take before it is begun anew

export class Remote {
  id;
  /** @type {RTCPeerConnectionState} */
  state = "new";
  /** Its microphone and camera: one object all the time, whose tracks come and go. */
  stream = new MediaStream();
  /** @type {Map<string, MediaStream>} what it shows beside that, by its label */
  shares = new Map();

  #call;
  #polite;
  #connection;
  #mine = ""; // id of our connection
  #theirs = ""; // and of theirs, as far as we know
  #own = new MediaStream(); // names what we send, whatever tracks that are
  /** @type {Map<MediaStreamTrack, RTCRtpTransceiver>} */
  #shared = new Map();
  /** @type {Record<string, string>} labels of their streams, by the streams' ids */
  #labels = {};
  #made = 0; // descriptions of ours
  #taken = 0; // number of their last offer
  #offering = false;
  #ignoring = false; // the last offer lost against ours, so its candidates mean nothing
  /** @type {any[]} */
  #early = [];
  #incoming = Promise.resolve(); // what comes is taken one at a time, in order
  /** @type {Promise<unknown>} */
  #described = Promise.resolve(); // candidates follow their description
  #restarts = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #restarting;
  #meter = new Meter();

  /**
   * @internal
   * @param {string} id the roommate's peer_id
   * @param {boolean} polite
   * @param {import("./call.js").Call} call
   * @param {RTCIceServer[]} iceServers
   */
  constructor(id, polite, call, iceServers) {
    this.id = id;
    this.#polite = polite;
    this.#call = call;
    this.#connection = this.#begin(iceServers);
  }

  /** How good the connection is; what is per second since the last call of this. */
  async stats() {
    return this.#meter.read(await this.#connection.getStats());
  }

  // For the library itself.

  /**
   * Send what the call says, and negotiate that if it has to be.
   *
   * @internal
   */
  sync() {
    if (this.#connection.signalingState !== "closed") {
      for (const kind of KINDS) this.#sendMain(kind);
      this.#sendShares();
    }
  }

  /**
   * @internal
   * @param {any} told
   */
  take(told) {
    const take = told.session_description ? () => this.#describe(told) : () => this.#addCandidate(told);
    this.#incoming = this.#incoming.then(take).catch(() => {}); // junk does no harm
  }

  /**
   * The network may be another one: look for a new way now, if the old one is broken.
   *
   * @internal
   */
  recover() {
    if (this.state === "disconnected" || this.state === "failed") this.#restart();
  }

  /** @internal */
  close() {
    clearTimeout(this.#restarting);
    this.#connection.close();
    this.state = "closed";
  }

  /** @param {RTCIceServer[]} iceServers */
  #begin(iceServers) {
    const connection = new RTCPeerConnection({ iceServers });
    const mine = (/** @type {(event: any) => void} */ take) => (/** @type {any} */ event) => {
      if (this.#connection === connection) take(event);
    };
    connection.onnegotiationneeded = mine(() => this.#offer());
    connection.onicecandidate = mine(({ candidate }) => candidate && this.#tellCandidate(candidate));
    connection.ontrack = mine((event) => this.#show(event));
    connection.onconnectionstatechange = mine(() => this.#stateChanged());
    this.#mine = Math.random().toString(36).slice(2);
    this.#restarting = setTimeout(() => this.#stuck(), STUCK * (1 + Math.random()));
    return connection;
  }

  /** They have begun anew, so everything of the old connection is void. */
  #beginAnew() {
    clearTimeout(this.#restarting);
    this.#connection.close();
    this.#theirs = "";
    for (const track of this.stream.getTracks()) this.stream.removeTrack(track);
    this.shares.clear();
    this.#shared.clear();
    this.#early = [];
    this.#taken = 0;
    this.#offering = this.#ignoring = false;
    this.#connection = this.#begin(this.#connection.getConfiguration().iceServers ?? []);
    this.#stateChanged();
  }

  /** They have talked to us, and yet there is no connection: what one side began another time was lost. */
  #stuck() {
    if (this.#theirs && ["new", "connecting"].includes(this.state)) this.#offerAnew();
  }

  #offerAnew() {
    this.#beginAnew();
    this.sync();
  }

  async #offer() {
    const connection = this.#connection;
    this.#offering = true;
    try {
      await this.#describeOurs(connection);
    } catch {
      // an offer of theirs came in between: it is answered instead
    } finally {
      if (connection === this.#connection) this.#offering = false;
    }
  }

  /** @param {any} told */
  async #describe({ session_description: description, payload }) {
    const { from = "", to, labels, number } = payload ?? {};
    const isOffer = description.type === "offer";
    if (to && to !== this.#mine) return;
    if (this.#theirs && from !== this.#theirs) {
      if (!isOffer) return void (to && this.#offerAnew());
      this.#beginAnew();
    }
    this.#theirs = from;
    if (isOffer && number <= this.#taken) return; // made again, and we had it
    const connection = this.#connection;
    const waiting = connection.signalingState === "have-local-offer";
    this.#ignoring = isOffer && !this.#polite && (this.#offering || connection.signalingState !== "stable");
    if (this.#ignoring && from && !to && waiting) this.#described = this.#tellDescription(connection);
    if (this.#ignoring || connection.signalingState === "closed") return;
    if (isOffer) this.#taken = number ?? 0;
    this.#labels = labels ?? {};
    await connection.setRemoteDescription(description);
    if (isOffer) await this.#answer(connection);
    for (const candidate of this.#early.splice(0)) await this.#addCandidate(candidate);
  }

  /** @param {RTCPeerConnection} connection */
  async #answer(connection) {
    for (const transceiver of connection.getTransceivers()) {
      if (transceiver.mid !== null) continue; // an offer of ours gave way: what was in it is offered again if needed
      this.#shared.delete(/** @type {any} */ (transceiver.sender.track));
      transceiver.stop();
    }
    for (const kind of KINDS) if (this.#main(kind)) this.#sendMain(kind);
    await this.#describeOurs(connection);
    this.sync();
  }

  /** @param {any} told */
  async #addCandidate(told) {
    const { from = "", to } = told.payload ?? {};
    if ((to && to !== this.#mine) || (this.#theirs && from !== this.#theirs) || this.#ignoring) return;
    if (this.#connection.remoteDescription) await this.#connection.addIceCandidate(told.ice_candidate);
    else if (this.#early.length < EARLY) this.#early.push(told);
  }

  /**
   * Where microphone or camera are carried: the first of its kind, as whoever offers first puts them first.
   *
   * @param {"audio" | "video"} kind
   */
  #main(kind) {
    const own = new Set(this.#shared.values());
    return this.#connection.getTransceivers().find((transceiver) => {
      return transceiver.receiver.track.kind === kind && transceiver.direction !== "stopped" && !own.has(transceiver);
    });
  }

  /** @param {"audio" | "video"} kind */
  #sendMain(kind) {
    const track = this.#call.tracks[kind];
    const main = this.#main(kind);
    if (!main) {
      const way = { direction: /** @type {const} */ ("sendrecv"), streams: [this.#own] };
      this.#connection.addTransceiver(track ?? kind, way);
    } else {
      if (main.direction !== "sendrecv") {
        main.direction = "sendrecv";
        main.sender.setStreams(this.#own);
      }
      if (main.sender.track !== track) main.sender.replaceTrack(track).catch(() => {}); // closed meanwhile
    }
  }

  #sendShares() {
    const wanted = new Map();
    for (const stream of this.#call.shares.values()) for (const track of stream.getTracks()) wanted.set(track, stream);
    for (const [track, transceiver] of this.#shared) {
      if (wanted.has(track)) continue;
      this.#shared.delete(track);
      transceiver.stop();
    }
    for (const [track, stream] of wanted) {
      if (this.#shared.has(track)) continue;
      this.#shared.set(track, this.#connection.addTransceiver(track, { direction: "sendonly", streams: [stream] }));
    }
  }

  /** @param {RTCTrackEvent} event */
  #show({ track, streams }) {
    const named = this.#labels[streams[0]?.id ?? ""];
    const label = typeof named === "string" ? named : ""; // both are what they say: a stream may be called `constructor`
    const stream = label ? (this.shares.get(label) ?? new MediaStream()) : this.stream;
    if (label) this.shares.set(label, stream);
    else for (const old of stream.getTracks()) if (old.kind === track.kind) stream.removeTrack(old);
    stream.addTrack(track);
    track.onended = () => {
      stream.removeTrack(track);
      if (label && !stream.getTracks().length && this.shares.get(label) === stream) this.shares.delete(label);
      this.#changed();
    };
    this.#changed();
  }

  /**
   * Offer or answer, as it is our turn to.
   *
   * @param {RTCPeerConnection} connection
   */
  async #describeOurs(connection) {
    const set = connection.setLocalDescription();
    this.#made++;
    this.#described = set.then(() => this.#tellDescription(connection)).catch(() => {});
    await set;
  }

  /** @param {RTCPeerConnection} connection */
  #tellDescription({ localDescription: session_description }) {
    const labels = Object.fromEntries([...this.#call.shares].map(([label, { id }]) => [id, label]));
    return this.#relay("relay-session-description", { session_description }, { labels, number: this.#made });
  }

  /** @param {RTCIceCandidate} candidate */
  #tellCandidate(candidate) {
    this.#described.then(() => this.#relay("relay-ice-candidate", { ice_candidate: candidate }, {}));
  }

  /**
   * @param {string} event
   * @param {object} fields
   * @param {object} beside
   */
  #relay(event, fields, beside) {
    const mine = this.#mine;
    const payload = { from: mine, to: this.#theirs || undefined, ...beside };
    return this.#call.relay(this, event, { ...fields, payload }, () => this.#mine === mine && this.state !== "closed");
  }

  #stateChanged() {
    this.state = this.#connection.connectionState;
    if (this.state === "connected") this.#restarts = 0;
    if (this.state === "failed") {
      const pause = this.#restarts ? Math.min(FIRST_PAUSE * 2 ** this.#restarts, LONGEST_PAUSE) : 0;
      this.#restarting = setTimeout(() => this.#restart(), pause * Math.random());
    }
    this.#changed();
  }

  /** Look for another way through the network. */
  async #restart() {
    clearTimeout(this.#restarting);
    this.#restarts++;
    const connection = this.#connection;
    const iceServers = await this.#call.freshIceServers();
    if (connection !== this.#connection || connection.signalingState === "closed") return;
    connection.setConfiguration({ iceServers }); // their passwords may have changed
    connection.restartIce();
  }

  #changed() {
    this.#call.tell("change", this);
  }
}
