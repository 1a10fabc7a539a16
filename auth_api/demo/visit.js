// One visit to one room: from the first connection until we leave, or cannot stay.
import { Call } from "./call.js";
import { nameIn, named } from "./names.js";
import { Signal } from "./signal.js";

const FAREWELL = 1000; // ms that a goodbye may take
const PATIENCE = 4000; // ms without an answer, after which a person is told so
const SLOW = "The server has not answered yet. Still trying…";
const WORDS = {
  create: (room) => [["Opening “", named(room), "”…"], "One moment."],
  join: (room) => ["Waiting for the host", ["You asked to come into “", named(room), "”. The host sees your name and lets you in."]],
};

/** `view` shows it: `wait`, `enter`, `fail`, `banner`, `toast`, `knock`, `unknock`, `people`. */
export class Visit {
  #signal;
  #config;
  #room;
  #media;
  #tiles;
  #view;
  #call = null;
  #owner = "";
  #way = "join"; // what was asked last: `create` or `join`
  #over = false;
  #slow = 0; // timer

  constructor(config, name, room, media, tiles, view) {
    this.#signal = new Signal(config, { name });
    this.#config = config;
    this.#room = room;
    this.#media = media;
    this.#tiles = tiles;
    this.#view = view;
    media.addEventListener("change", () => this.#call?.mediaChanged());
    this.#listen();
  }

  /** `way` is `create` or `join`. */
  start(way) {
    this.#wait("Connecting…", "One moment.");
    this.#on("opened", (answer) => {
      this.#learn(answer);
      this.#ask(way);
    });
    this.#signal.open();
  }

  async leave() {
    if (this.#over) return;
    const inside = this.#call !== null;
    this.#stop();
    const farewell = new Promise((done) => setTimeout(done, FAREWELL));
    if (inside) await Promise.race([this.#signal.ask("room-leave-request", { room: this.#room }), farewell]);
    this.#signal.close();
  }

  close() {
    this.#stop();
    this.#signal.close();
  }

  #listen() {
    this.#on("troubled", () => this.#call || this.#wait("Connecting…", "The server cannot be reached. Trying again…"));
    this.#on("lost", () => this.#lost());
    this.#on("renewed", (answer) => this.#learn(answer));
    this.#on("resumed", (answer) => this.#resumed(answer));
    this.#on("replaced", (answer) => this.#replaced(answer));
    this.#on("removed", () => this.#fail("removed"));
    this.#on("ended", ({ message }) => this.#fail("ended", message));
    this.#hear("room-create-accept", () => this.#arrive({}));
    this.#hear("room-join-accept", (answer) => this.#arrive(answer));
    this.#hear("room-join-request", (request) => this.#knocked(request));
    this.#hear("room-user-join", (news) => this.#came(news));
    this.#hear("room-user-leave", (news) => this.#left(news));
    this.#hear("room-closed", () => this.#fail("closed"));
    this.#hear("room-owner", ({ peer_id }) => this.#ownerMoved(peer_id));
    this.#hear("session-description", (news) => this.#call?.takeDescription(news));
    this.#hear("ice-candidate", (news) => this.#call?.takeCandidate(news));
  }

  /** Listen while this visit lasts: while the goodbye is under way the connection has its troubles to itself. */
  #on(event, listener) {
    this.#signal.on(event, (detail) => this.#over || listener(detail));
  }

  /** Listen to what concerns this room. */
  #hear(event, listener) {
    this.#on(event, (detail) => detail?.room === this.#room && listener(detail));
  }

  /** Wait for the server, and say so when that takes long. */
  #wait(title, text) {
    this.#view.wait(title, text);
    clearTimeout(this.#slow);
    this.#slow = setTimeout(() => this.#view.wait(title, SLOW), PATIENCE);
  }

  #learn({ ice_servers }) {
    if (ice_servers) this.#config.ice_servers = ice_servers;
  }

  async #ask(way, orCreate = false) {
    this.#way = way;
    this.#waitFor(way);
    const answer = await this.#signal.ask(`room-${way}-request`, { room: this.#room });
    if (this.#over || answer.ok || answer.code === "lost") return; // the accepting event says what follows
    if (answer.code === "not-found" && orCreate) this.#ask("create");
    else this.#fail(answer.code, answer.message);
  }

  /** Wait for the server to open the room; or for the host, who may take as long as they like. */
  #waitFor(way) {
    const [title, text] = WORDS[way](this.#room);
    this.#wait(title, text);
    if (way === "join") clearTimeout(this.#slow);
  }

  #arrive({ peers = [], peersinfo = {}, owner = this.#signal.peerId }) {
    if (this.#call) return this.#reconcile({ peers, peersinfo, owner });
    clearTimeout(this.#slow);
    this.#call = new Call(this.#room, this.#config, this.#signal, this.#media, this.#tiles);
    this.#view.enter(this.#room, this.#signal.peerId);
    this.#call.callAll(peers.filter((id) => id !== this.#signal.peerId), peersinfo);
    this.#setOwner(owner);
  }

  #knocked({ peer_id, peerinfo }) {
    const name = nameIn(peerinfo);
    this.#view.knock(peer_id, name, async (yes) => {
      const event = yes ? "room-join-accept" : "room-join-reject";
      const answer = await this.#signal.ask(event, { room: this.#room, peer_id, to: peer_id });
      if (answer.ok || this.#over) return;
      if (answer.code === "not-pending") this.#view.toast(named(name), " is not waiting any more");
      else if (answer.message) this.#view.toast(answer.message);
    });
  }

  #came({ peer_id, peerinfo }) {
    if (!this.#call || this.#call.has(peer_id)) return;
    this.#call.add(peer_id, peerinfo);
    this.#view.toast(named(nameIn(peerinfo)), " came in");
    this.#setOwner(this.#owner);
  }

  #left({ peer_id, reason }) {
    if (!this.#call?.has(peer_id)) return;
    this.#view.toast(named(this.#call.nameOf(peer_id)), reason === "lost" ? " lost the connection" : " left");
    this.#call.remove(peer_id);
    this.#setOwner(this.#owner);
  }

  #ownerMoved(peerId) {
    if (!this.#call || peerId === this.#owner) return;
    const mine = peerId === this.#signal.peerId;
    if (mine) this.#view.toast("You are the host now");
    else this.#view.toast(named(this.#call.nameOf(peerId)), " is the host now");
    this.#setOwner(peerId);
  }

  #setOwner(peerId) {
    this.#owner = peerId;
    this.#tiles.setOwner(peerId);
    const mine = peerId === this.#signal.peerId;
    if (!mine) this.#view.unknock();
    this.#view.people(this.#call.size, mine);
  }

  #lost() {
    if (this.#call) this.#view.banner("Connection lost. Reconnecting… The call continues meanwhile.");
    else this.#wait("Reconnecting…", "The connection was lost.");
  }

  #resumed(answer) {
    this.#learn(answer);
    this.#view.banner("");
    const room = answer.rooms?.find((each) => each.room === this.#room);
    if (this.#call && room) this.#reconcile(room);
    else if (this.#call) this.#fail("closed"); // the place was kept, so the room is what is gone
    else if (!room) this.#waitFor(this.#way); // what was asked is asked again by itself
  }

  #replaced(answer) {
    this.#learn(answer);
    this.#view.banner("");
    this.#rejoin();
  }

  /** We are in no room any more: all connections are void, and the host is asked again. */
  #rejoin() {
    this.#endCall();
    this.#view.toast("You were away too long. Asking to come back in…");
    this.#ask("join", true);
  }

  #reconcile({ peers, peersinfo, owner }) {
    this.#call.reconcile(peers, peersinfo);
    this.#setOwner(owner ?? this.#owner);
  }

  #endCall() {
    this.#call?.end();
    this.#call = null;
    this.#tiles.clear();
    this.#view.unknock();
  }

  #fail(code, message) {
    if (this.#over) return;
    this.close();
    this.#view.fail(code, message, this.#room);
  }

  #stop() {
    if (this.#over) return; // the page may show another visit by now
    this.#over = true;
    clearTimeout(this.#slow);
    this.#endCall();
    this.#view.banner("");
  }
}
