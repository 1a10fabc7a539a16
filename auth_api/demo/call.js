// The call in one room: a media connection and a tile for each roommate.
import { nameIn } from "./names.js";
import { Peer } from "./peer.js";

const PAUSE = 1000; // ms until what could not be relayed is tried again

export class Call {
  room;
  #signal;
  #media;
  #tiles;
  #config;
  #members = new Map(); // peer id → {peer, name}

  constructor(room, config, signal, media, tiles) {
    this.room = room;
    this.#config = config;
    this.#signal = signal;
    this.#media = media;
    this.#tiles = tiles;
  }

  get size() {
    return this.#members.size + 1;
  }

  has(id) {
    return this.#members.has(id);
  }

  nameOf(id) {
    return this.#members.get(id)?.name ?? "Somebody";
  }

  /** The newcomer calls everybody who is there already. */
  callAll(peers, infos) {
    for (const id of peers) this.add(id, infos[id]).call();
  }

  /** Somebody is there; the call comes from them, unless we call. */
  add(id, info) {
    const known = this.#members.get(id);
    if (known) return known.peer;
    const name = nameIn(info);
    const tile = this.#tiles.add(id, name);
    const polite = this.#signal.peerId < id;
    const peer = new Peer(polite, this.#media, {
      sendDescription: (it) => this.#relay("relay-session-description", id, { session_description: it }),
      sendCandidate: (it) => this.#relay("relay-ice-candidate", id, { ice_candidate: it }),
      state: (state) => tile.setState(state),
      told: (about) => tile.setAbout(about),
      about: () => this.#about(),
      iceServers: () => this.#config.ice_servers,
    });
    tile.setState("new");
    tile.setStream(peer.stream);
    this.#members.set(id, { peer, name });
    return peer;
  }

  remove(id) {
    this.#members.get(id)?.peer.close();
    this.#members.delete(id);
    this.#tiles.remove(id);
  }

  /** Be with these and no others: who came meanwhile calls us. */
  reconcile(peers, infos) {
    for (const id of [...this.#members.keys()]) if (!peers.includes(id)) this.remove(id);
    for (const id of peers) if (id !== this.#signal.peerId) this.add(id, infos[id]);
  }

  takeDescription({ peer_id, peerinfo, session_description }) {
    this.add(peer_id, peerinfo).takeDescription(session_description);
  }

  takeCandidate({ peer_id, ice_candidate }) {
    if (ice_candidate) this.#members.get(peer_id)?.peer.takeCandidate(ice_candidate);
  }

  /** Our camera or microphone is another, or was switched. */
  mediaChanged() {
    for (const { peer } of this.#members.values()) {
      for (const kind of ["audio", "video"]) peer.send(kind, this.#media.track(kind));
      peer.tell();
    }
  }

  end() {
    for (const id of [...this.#members.keys()]) this.remove(id);
  }

  #about() {
    return { audio: this.#media.isOn("audio"), video: this.#media.isOn("video") };
  }

  async #relay(event, to, body) {
    const answer = await this.#signal.ask(event, { room: this.room, to, peer_id: to, ...body });
    if (answer.code === "unavailable") setTimeout(() => this.has(to) && this.#relay(event, to, body), PAUSE);
  }
}
