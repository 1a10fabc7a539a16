// The people panel: who is in the room, who waits, who may not come back, and what one may do about each of them.
import { ban, bansOf, lift } from "./bans.js";
import { raised } from "./hands.js";
import { label, write } from "./language.js";
import { MemberRow } from "./member.js";
import { Panel } from "./panel.js";
import { nameIn } from "./peerinfo.js";
import { ask } from "./question.js";
import { refused } from "./refused.js";
import { deedsAbout } from "./rights.js";
import { Rows } from "./rows.js";
import { askToMute } from "./silence.js";
import { WaitingRow } from "./waiting-row.js";

const ORDER = ["owner", "moderator", "member"];
const byId = (id) => document.getElementById(id);

export class People {
  #panel;
  #element;
  #button;
  #toast;
  #room = null;
  #said = new Map(); // what those who wait have written last, by peer_id
  #members;
  #waiting;
  #banned;

  /** `toast` shows a sentence. */
  constructor(element, button, toast) {
    this.#element = element;
    this.#button = button;
    this.#toast = toast;
    this.#panel = new Panel(element, button, () => this.#opened());
    const list = (kind) => element.querySelector(`[data-list=${kind}]`);
    this.#members = new Rows(list("members"), () => new MemberRow((deed, member) => this.#do(deed, member)));
    this.#waiting = new Rows(list("waiting"), () => new WaitingRow((yes, id) => this.#decide(yes, id)));
    this.#banned = new Rows(list("banned"), () => new BannedRow((who) => this.#try(() => lift(this.#room, who))));
    byId("admit-all").onclick = () => this.#admitAll();
    byId("waiting-text-input").onchange = ({ target }) => this.#try(() => this.#room.setPolicy({ waiting_text: target.value.trim() }));
    byId("admission").onchange = ({ target }) => this.#try(() => this.#room.setPolicy({ admission: target.value }));
  }

  /** Show this room from now on. */
  follow(room) {
    this.#room = room;
    room.on("change", () => this.#room === room && this.#show());
    let before = room.policy?.admission;
    room.on("policy", ({ admission }) => {
      if (this.#room === room && admission !== before) this.#toast(`admission.now.${admission}`);
      before = admission;
    });
    this.#show();
  }

  /** Show what somebody who waits has written. */
  say(id, text) {
    this.#said.set(id, text);
    this.#show();
  }

  /** We are in no room. */
  leave() {
    this.#room = null;
    this.#said.clear();
    this.#panel.hide();
    for (const rows of [this.#members, this.#waiting, this.#banned]) rows.show([]);
  }

  #opened() {
    this.#show();
    this.#element.querySelector("h2").focus();
  }

  #show() {
    const { isHost, pending, members } = this.#room;
    const waits = isHost ? pending.size : 0;
    for (const id of this.#said.keys()) if (!pending.has(id)) this.#said.delete(id);
    this.#button.querySelector(".badge").dataset.count = waits || "";
    label(this.#button, waits ? "people.open.waiting" : "people.open", { count: members.size, waiting: waits });
    if (!this.#panel.isOpen || !this.#room.me) return;
    this.#showMembers();
    this.#showWaiting(isHost ? [...pending.values()] : []);
    this.#showBanned(isHost ? bansOf(this.#room) : []);
    this.#showAdmission();
  }

  #showMembers() {
    const { data, me } = this.#room;
    const line = raised(this.#room);
    const place = ({ role, peer_id }) => ORDER.indexOf(role) * 1000 + (line.indexOf(peer_id) + 1 || 999);
    const members = [...this.#room.members.values()].sort((one, other) => place(one) - place(other));
    this.#members.show(
      members.map((member) => ({
        id: member.peer_id,
        member,
        own: member === me,
        hand: line.indexOf(member.peer_id) + 1,
        silent: data.get(`peer.${member.peer_id}.media`)?.value?.audio === false,
        deeds: deedsAbout(member, me),
      })),
    );
    write(byId("members-title"), "people.members", { count: members.length });
  }

  #showWaiting(candidates) {
    byId("waiting-people").hidden = candidates.length === 0;
    byId("admit-all").hidden = candidates.length < 2;
    write(byId("waiting-people-title"), "people.waiting", { count: candidates.length });
    this.#waiting.show(candidates.map(({ peer_id, peerinfo }) => ({ id: peer_id, name: nameIn(peerinfo), said: this.#said.get(peer_id) ?? "" })));
  }

  #showBanned(bans) {
    byId("banned-people").hidden = bans.length === 0;
    const byMe = ({ owner }) => !owner || this.#room.me.role === "owner";
    this.#banned.show(bans.map((one) => ({ id: JSON.stringify(one.who), ...one, liftable: byMe(one) })));
  }

  #showAdmission() {
    const { isHost, policy } = this.#room;
    const admission = policy?.admission ?? "ask";
    byId("admission").hidden = !isHost;
    byId("admission-note").hidden = isHost;
    byId("waiting-text-field").hidden = !isHost || admission !== "ask";
    const input = byId("waiting-text-input");
    if (document.activeElement !== input) input.value = policy?.waiting_text ?? "";
    byId("admission").querySelector(`[value=${admission}]`).checked = true;
    write(byId("admission-note"), `admission.note.${admission}`);
  }

  async #admitAll() {
    for (const { peer_id } of [...this.#room.pending.values()]) await this.#decide(true, peer_id);
  }

  #decide(yes, id) {
    return this.#try(() => (yes ? this.#room.accept(id) : this.#room.reject(id)));
  }

  /** Do something about a member, as far as we may. */
  async #do(deed, member) {
    const [room, name] = [this.#room, nameIn(member.peerinfo)];
    const { peer_id } = member;
    const deeds = {
      mute: () => askToMute(room, peer_id).then(() => this.#toast("member.mute.asked", { name })),
      promote: () => room.setRole(peer_id, "moderator"),
      demote: () => room.setRole(peer_id, "member"),
      transfer: async () => (await this.#sure("hand-over", name)) && room.setRole(peer_id, "owner"),
      remove: async () => (await this.#sure("put-out", name)) && this.#remove(room, member, name),
    };
    await this.#try(deeds[deed]);
  }

  #sure(dialog, name) {
    write(byId(`${dialog}-title`), `${dialog}.title`, { name });
    return ask(byId(dialog));
  }

  #remove(room, member, name) {
    const text = byId("put-out-text").value.trim();
    return byId("put-out-ban").checked ? ban(room, member, name, text) : room.kick(member.peer_id, { text });
  }

  /** Where the server says no, so do we. */
  async #try(deed) {
    try {
      await deed();
    } catch (refusal) {
      if (this.#room) this.#toast(...refused(refusal));
    }
    if (this.#room) this.#show(); // a choice that was refused is taken back
  }
}

class BannedRow {
  element = byId("banned-template").content.firstElementChild.cloneNode(true);
  #lift;

  constructor(lift) {
    this.#lift = lift;
  }

  show({ who, name, liftable }) {
    this.element.querySelector(".name").textContent = name;
    const button = this.element.querySelector("button");
    button.hidden = !liftable;
    button.onclick = () => this.#lift(who);
    label(button, "people.lift.who", { name });
  }
}
