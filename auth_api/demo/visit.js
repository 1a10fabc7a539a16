// One visit to one room: from the first connection until we leave, or cannot stay.
import { Call } from "./call.js";
import { Hands } from "./hands.js";
import { connect } from "./parley/connect.js";
import { Pass } from "./pass.js";
import { nameIn } from "./peerinfo.js";
import { refused } from "./refused.js";
import { io } from "./socket.io.js";

const FAREWELL = 1000; // ms that a goodbye may take
const PATIENCE = 4000; // ms without an answer, after which a person is told so
const SHOWN = { history: 50 }; // messages that a newcomer finds
const LEFT = { lost: "people.lost", kicked: "people.kicked" }; // for other reasons they left

/** `view` shows it: `wait`, `enter`, `fail`, `banner`, `toast`, `knocks`, `people`, `message`, `hand`, `follow`, `door`. */
export class Visit {
  gateway = ""; // the address of the one that we have connected to last
  #pass;
  #parley;
  #name;
  #person;
  #media;
  #screen;
  #tiles;
  #view;
  #room = null; // the library's, from when we are in
  #door = null; // the same room, from when we wait to be let in
  #call = null;
  #hands = null;
  #way = "join"; // what was asked last: `create`, `join` or `resume`
  #asking = false; // to come in, or to come in again
  #over = false;
  #slow = 0; // timer
  #leaving = new AbortController();

  /** `kept` is what an earlier visit returned that was suspended; `invitation` is what lets us straight in. */
  constructor(config, person, room, media, screen, tiles, view, kept = null, invitation = "") {
    this.#pass = new Pass(config, invitation);
    const urls = config.gateways.length ? config.gateways : [location.origin];
    const own = (url, options) => io((this.gateway = url), options);
    this.#parley = connect({ io: own, urls, getToken: () => this.#pass.fresh(), peerinfo: { name: person }, resume: kept?.place });
    this.#name = room;
    this.#person = person;
    this.#media = media;
    this.#screen = screen;
    this.#tiles = tiles;
    this.#view = view;
    media.addEventListener("change", () => this.#call?.mediaChanged());
    screen.addEventListener("change", () => this.#call?.screenChanged());
    this.#parley.on("state", (state) => this.#over || this.#stateChanged(state));
    this.#parley.on("lost", () => this.#over || this.#lost());
  }

  /** `way` is `create`, `join` or `resume`. */
  start(way) {
    this.#wait("connecting");
    this.#way = way;
    if (way === "resume") this.#parley.on("room", (room) => room.name === this.#name && this.#arrive(room));
    else this.#ask(way);
  }

  async leave() {
    if (this.#over) return;
    const room = this.#room;
    this.#stop();
    const farewell = new Promise((done) => setTimeout(done, FAREWELL));
    if (room) await Promise.race([room.leave(), farewell]);
    this.#parley.close();
  }

  /** Write to everyone. Returns whether that was sent. */
  async say(text) {
    const [room, body] = [this.#room, { text, name: this.#person }];
    try {
      const { id } = await room.send(body);
      if (!this.#over) this.#view.message({ id, peer_id: this.#parley.peerId, kind: "chat", body }, room);
      return true;
    } catch (refusal) {
      if (!this.#over) this.#view.toast(...refused(refusal));
      return false;
    }
  }

  /** Write to the hosts, while we wait. Returns whether that was sent. */
  async sayToHosts(text) {
    try {
      await this.#door.send({ text, name: this.#person }, { to: "hosts" });
      return true;
    } catch (refusal) {
      if (!this.#over) this.#view.toast(...refused(refusal));
      return false;
    }
  }

  /** An invitation to this room, for others. */
  invite() {
    return this.#pass.invite(this.#name);
  }

  /** Raise our hand, or take it down. */
  async toggleHand() {
    try {
      await this.#hands?.toggle();
    } catch (refusal) {
      if (!this.#over) this.#view.toast(...refused(refusal));
    }
  }

  close() {
    this.#stop();
    this.#parley.close();
  }

  /** End without a goodbye. Returns what the next visit needs to go on in our place: `{invitation, place}`; null before we are in. */
  suspend() {
    const inside = this.#room !== null;
    this.#stop();
    const place = this.#parley.suspend();
    return inside && place ? { invitation: this.#pass.invitation, place } : null;
  }

  async #ask(way) {
    this.#way = way;
    this.#asking = true;
    this.#door = null;
    this.#wait("opening");
    const options = { rejoin: true, signal: this.#leaving.signal, waiting: (text, room) => this.#waitForHost(room, text) };
    const asked = way === "create" ? this.#parley.create(this.#name, { policy: SHOWN, ...options }) : this.#parley.join(this.#name, options);
    try {
      this.#arrive(await asked);
    } catch (refusal) {
      if (!this.#over && this.#parley.state !== "ended") this.#failed(this.#door?.ending ?? { reason: refusal.code, text: refusal.message });
    }
  }

  /** Why we are not in, or not in any more: the ending of the room, or one that is made of a refusal. */
  #failed({ reason, by, text, banned_until }) {
    this.#fail({ code: this.#codeOf(reason, by), message: text, banned: banned_until });
  }

  /** To those who ask, `closed` is a room that takes nobody in; and one that is gone while they wait was closed. */
  #codeOf(reason, by) {
    if (reason === "kicked") return by === null ? "kicked-by-operator" : "kicked";
    if (reason === "closed") return this.#asking ? "locked" : by ? "closed-by-host" : "closed";
    return reason === "not-found" && this.#door ? "closed" : reason;
  }

  #arrive(room) {
    if (this.#over || this.#room === room) return;
    clearTimeout(this.#slow);
    this.#asking = false;
    this.#room = room;
    this.#view.enter(room.name, this.#parley.peerId);
    this.#call = new Call(room, this.#media, this.#screen, this.#tiles, this.#view);
    this.#hands = new Hands(room, this.#tiles, this.#view.hand);
    this.#listen(room);
    this.#view.follow(room);
    this.#showHistory();
    this.#peopleChanged();
  }

  #listen(room) {
    const on = (event, listener) => room.on(event, (detail) => this.#over || listener(detail));
    on("join", (member) => this.#came(member));
    on("leave", (member) => this.#left(member));
    on("member", (member) => this.#changed(member));
    on("data", () => this.#dataChanged());
    on("message", (message) => this.#view.message(message, room));
    on("pending", () => this.#showKnocks());
    on("enter", () => this.#cameBack());
    on("end", (ending) => this.#end(ending));
  }

  #dataChanged() {
    this.#call.showAbout();
    this.#hands.show();
  }

  #showHistory() {
    for (const message of this.#room.history) this.#view.message(message, this.#room);
  }

  #came(member) {
    this.#call.add(member);
    this.#view.toast("people.came", { name: nameIn(member.peerinfo) });
    this.#peopleChanged();
  }

  #left({ peer_id, peerinfo, reason }) {
    this.#view.toast(LEFT[reason] ?? "people.left", { name: nameIn(peerinfo) });
    this.#call.remove(peer_id);
    this.#peopleChanged();
  }

  #changed({ peer_id, role, peerinfo }) {
    if (role === "owner" && peer_id === this.#parley.peerId) this.#view.toast("people.host.you");
    else if (role === "owner") this.#view.toast("people.host", { name: nameIn(peerinfo) });
    this.#peopleChanged();
  }

  #cameBack() {
    this.#asking = false;
    this.#view.banner("");
    this.#view.enter(this.#name, this.#parley.peerId);
    this.#call.reconcile(this.#parley.peerId);
    this.#hands.show();
    this.#showHistory();
    this.#peopleChanged();
  }

  #peopleChanged() {
    this.#tiles.setOwner(this.#room.owner);
    this.#view.people(this.#room.members.size, this.#room.isHost);
    this.#showKnocks();
  }

  #showKnocks() {
    const asking = this.#room.isHost ? [...this.#room.pending.values()] : [];
    this.#view.knocks(asking.map(({ peer_id, peerinfo }) => [peer_id, nameIn(peerinfo)]), (id, name, yes) => this.#decide(id, name, yes));
  }

  async #decide(id, name, yes) {
    try {
      await (yes ? this.#room.accept(id) : this.#room.reject(id));
    } catch (refusal) {
      if (this.#over) return;
      if (refusal.code === "not-pending") this.#view.toast("knock.gone", { name });
      else this.#view.toast(...refused(refusal));
    }
  }

  #stateChanged(state) {
    if (state === "ended") return this.#ended();
    if (state === "online") return this.#online();
    if (this.#room) this.#view.banner("call.reconnecting");
    else this.#wait("reconnecting");
  }

  #online() {
    this.#view.banner("");
    // The rooms that we still have are told first.
    if (this.#way === "resume") setTimeout(() => this.#over || this.#room || this.#ask("join"));
  }

  #ended() {
    this.#fail({ code: this.#parley.reason });
  }

  /** We are somebody new, in no room any more. The library asks to come in again. */
  #lost() {
    if (!this.#room) return;
    this.#asking = true;
    for (const id of this.#tiles.ids) this.#tiles.remove(id);
    this.#view.knocks([]);
    this.#view.toast("call.away");
    this.#waitForHost();
  }

  #end(ending) {
    if (this.#parley.state === "ended") this.#ended(); // and the room with it
    else if (ending.reason === "not-found") this.#askAnew();
    else this.#failed(ending);
  }

  /** The room is gone, since everybody was away: open it again. Whoever was invited into it may not do so unasked. */
  #askAnew() {
    if (this.#pass.invitation) return this.#fail({ code: "gone" });
    this.#call.end();
    this.#room = this.#call = null;
    this.#ask("create");
  }

  /** Wait for the server, and say so when that takes long. */
  #wait(what) {
    this.#view.wait(what, this.#name);
    clearTimeout(this.#slow);
    this.#slow = setTimeout(() => this.#view.wait(what, this.#name, true), PATIENCE);
  }

  /** Wait for the host, who may take as long as they like. */
  #waitForHost(room = null, text = "") {
    this.#door = room;
    clearTimeout(this.#slow);
    this.#view.wait("host", this.#name);
    if (room) this.#view.door(text);
  }

  #fail(what) {
    if (this.#over) return;
    this.close();
    this.#view.fail({ ...what, inside: this.#room !== null }, this.#name);
  }

  #stop() {
    if (this.#over) return; // the page may show another visit by now
    this.#over = true;
    clearTimeout(this.#slow);
    this.#call?.end();
    this.#screen.stop();
    this.#leaving.abort(new Error("left"));
    this.#tiles.clear();
    this.#view.knocks([]);
    this.#view.banner("");
  }
}
