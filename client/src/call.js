// The call in one room: a media connection to each roommate that takes part.
//
// Whoever begins to take part invites all who are in the room; newcomers do so themselves. An invitation that comes
// before we take part is kept by the room, so it does not matter who begins first.
import { Emitter } from "./emitter.js";
import { PASSING } from "./refusal.js";
import { Remote } from "./remote.js";

const PAUSE = 1_000; // ms until what could not be relayed is tried again
const CREDENTIALS = 2_000; // ms that new credentials for TURN may take
const YOUNG = 30_000; // ms that they need not be asked for again

/**
 * @typedef {{audio?: MediaStreamTrack | null, video?: MediaStreamTrack | null}} Tracks
 * @typedef {object} CallEvents
 * @property {Remote} peer somebody takes part
 * @property {Remote} gone and somebody does not any more
 * @property {Remote} change of one: its state, or what it shows
 */

/** @extends {Emitter<CallEvents>} */
export class Call extends Emitter {
  /** @type {Map<string, Remote>} those who take part, by peer_id */
  peers = new Map();
  /** @type {Required<Tracks>} what is sent to all */
  tracks = { audio: null, video: null };
  /** @type {Map<string, MediaStream>} what is shown to all beside that, by its label */
  shares = new Map();

  #room;
  #line;
  #closed;
  #renewed = 0; // when credentials were asked for

  /**
   * @internal
   * @param {import("./room.js").Room} room
   * @param {import("./line.js").Line} line
   * @param {MediaStream | Tracks} media
   * @param {() => void} closed
   */
  constructor(room, line, media, closed) {
    super();
    this.#room = room;
    this.#line = line;
    this.#closed = closed;
    this.#take(media);
  }

  /**
   * Send other tracks. A kind that is not named stays as it is; null sends nothing. No stream has to be negotiated for
   * this, so it takes effect at once.
   *
   * @param {MediaStream | Tracks} media
   */
  send(media) {
    this.#take(media);
    this.#sync();
  }

  /**
   * Show one more stream, such as a screen. The others find it under its label in `shares`.
   *
   * @param {MediaStream} stream
   */
  share(stream, label = "screen") {
    this.shares.set(label, stream);
    this.#sync();
  }

  /** Show it no more. */
  unshare(label = "screen") {
    this.shares.delete(label);
    this.#sync();
  }

  /** Take part no more, and stay in the room. The tracks are not stopped. */
  close() {
    this.#closed();
    for (const id of [...this.peers.keys()]) this.remove(id);
  }

  // For the library itself.

  /**
   * @internal
   * @param {string} id
   */
  invite(id) {
    this.#peer(id).sync();
  }

  /**
   * @internal
   * @param {any} told a description or a candidate from a roommate
   */
  take(told) {
    this.#peer(told.peer_id).take(told);
  }

  /**
   * @internal
   * @param {string} id
   */
  remove(id) {
    const remote = this.peers.get(id);
    this.peers.delete(id);
    remote?.close();
    if (remote) this.tell("gone", remote);
  }

  /**
   * We are in the room again: as the peer that we were, or as somebody whom nobody has called.
   *
   * @internal
   * @param {boolean} same
   */
  reconcile(same) {
    if (same) for (const remote of this.peers.values()) remote.recover();
    else for (const { peer_id } of this.#room.others) this.invite(peer_id);
  }

  /**
   * Bring something to a roommate, as soon as the server can.
   *
   * @internal
   * @param {Remote} remote
   * @param {string} event
   * @param {object} fields
   * @param {() => boolean} wanted whether it still matters
   */
  async relay(remote, event, fields, wanted) {
    while (wanted()) {
      try {
        return await this.#line.ask(event, { room: this.#room.name, peer_id: remote.id, ...fields });
      } catch (error) {
        if (!PASSING.includes(/** @type {any} */ (error).code)) return;
        await new Promise((done) => setTimeout(done, PAUSE * (0.5 + Math.random())));
      }
    }
  }

  /**
   * The servers for another way through the network, with credentials that are good for a while.
   *
   * @internal
   */
  async freshIceServers() {
    if (this.#line.iceServers.length && Date.now() - this.#renewed > YOUNG) {
      this.#renewed = Date.now();
      this.#line.renew();
      await new Promise((done) => (this.#line.on("renewed", done), setTimeout(done, CREDENTIALS)));
    }
    return this.#line.iceServers;
  }

  #sync() {
    for (const remote of this.peers.values()) remote.sync();
  }

  /** @param {MediaStream | Tracks} media */
  #take(media) {
    this.tracks = { ...this.tracks, ...("getTracks" in media ? tracksOf(media) : media) };
  }

  /** @param {string} id */
  #peer(id) {
    const known = this.peers.get(id);
    if (known) return known;
    const remote = new Remote(id, this.#line.peerId < id, this, this.#line.iceServers);
    this.peers.set(id, remote);
    this.tell("peer", remote);
    return remote;
  }
}

/** @param {MediaStream} stream */
function tracksOf(stream) {
  return { audio: stream.getAudioTracks()[0] ?? null, video: stream.getVideoTracks()[0] ?? null };
}
