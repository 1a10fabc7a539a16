// One room: who is in it, who waits, who is banned, and what it allows.
import { face, named, whoIs } from "./names.js";
import { timeElement } from "./time.js";

const byId = (id) => document.getElementById(id);
const ROLES = { owner: "Owner", moderator: "Moderator", member: "Member" };
const MODES = { ask: "Ask to come in", open: "Open to all", closed: "Closed" };

export class RoomView {
  #actions;
  #refresh;
  #room = null;

  /** `refresh()` reads the room again. */
  constructor(actions, refresh) {
    this.#actions = actions;
    this.#refresh = refresh;
    byId("room-close").onclick = () => this.#after(actions.closeRoom(this.#room));
    byId("policy").onsubmit = (event) => this.#setPolicy(event);
    byId("policy").onreset = () => setTimeout(() => this.#fillPolicy(true));
    byId("policy").oninput = () => this.#markChanged(true);
  }

  /** Show a room with its members and bans; nothing if it is null. */
  show(room, bans = []) {
    const another = this.#room?.key !== room?.key;
    this.#room = room;
    byId("room").hidden = !room;
    byId("no-room").hidden = Boolean(room);
    if (!room) return;
    byId("room-name").replaceChildren(named(room.room));
    byId("room-about").replaceChildren(...this.#about(room));
    fill("members", room.members, (peer) => this.#member(peer));
    fill("candidates", room.candidates, (peer) => this.#candidate(peer));
    fill("bans", bans, (ban) => this.#ban(ban));
    byId("members-count").textContent = room.peers;
    byId("candidates-count").textContent = room.pending;
    byId("bans-count").textContent = bans.length;
    this.#fillPolicy(another);
  }

  #about(room) {
    const parts = room.app ? ["App ", named(room.app, "strong"), " · "] : [];
    return [...parts, "Opened ", timeElement(room.created), ` · ${MODES[room.policy.admission]}`];
  }

  #member(peer) {
    const role = document.createElement("span");
    role.className = `badge ${peer.role}`;
    role.textContent = ROLES[peer.role];
    const since = document.createElement("span");
    since.className = "since";
    since.append("came ", timeElement(peer.joined));
    return this.#person(peer, [role, since]);
  }

  #candidate(peer) {
    return this.#person(peer, []);
  }

  #person(peer, about) {
    const row = byId("person").content.firstElementChild.cloneNode(true);
    const who = whoIs(peer);
    const { initials, hue } = face(who);
    row.querySelector(".face").textContent = initials;
    row.querySelector(".face").style.setProperty("--hue", hue);
    row.querySelector(".who").replaceChildren(named(who));
    row.querySelector(".id").textContent = peer.identity ? peer.identity.id : peer.peer_id;
    row.querySelector(".about").replaceChildren(...about);
    row.querySelector(".away").hidden = !peer.absent;
    this.#offer(row, peer, who);
    return row;
  }

  #offer(row, peer, who) {
    const menu = row.querySelector("details");
    menu.querySelector("summary").setAttribute("aria-label", `What to do with ${who}`);
    const does = {
      kick: () => this.#actions.kick(this.#room, peer),
      remove: () => this.#actions.removePeer(peer),
      revoke: () => this.#actions.revokeUser(peer.app, peer.identity),
    };
    for (const button of menu.querySelectorAll("button")) {
      button.hidden = button.value === "revoke" && !peer.identity;
      button.onclick = () => {
        menu.open = false;
        this.#after(does[button.value]());
      };
    }
  }

  #ban(ban) {
    const row = byId("banned").content.firstElementChild.cloneNode(true);
    const who = ban.identity ? ban.identity.name || ban.identity.id : `Anonymous ${ban.peer_id.slice(0, 8)}`;
    row.querySelector(".who").replaceChildren(named(who));
    row.querySelector(".id").textContent = ban.identity?.id ?? ban.peer_id;
    row.querySelector(".until").replaceChildren(...(ban.until ? ["ends ", timeElement(ban.until)] : ["as long as the room exists"]));
    row.querySelector("button").setAttribute("aria-label", `Lift the ban of ${who}`);
    row.querySelector("button").onclick = () => this.#after(this.#actions.liftBan(this.#room, ban));
    return row;
  }

  /** Put the room's policy into the form, unless the operator is about to change it. */
  #fillPolicy(always) {
    const form = byId("policy");
    if (!always && form.dataset.changed) return;
    for (const [name, value] of Object.entries(this.#room.policy)) if (form.elements[name]) form.elements[name].value = value ?? "";
    this.#markChanged(false);
  }

  #markChanged(changed) {
    byId("policy").toggleAttribute("data-changed", changed);
    for (const button of byId("policy").querySelectorAll("button")) button.disabled = !changed;
  }

  #setPolicy(event) {
    event.preventDefault();
    const given = Object.fromEntries(new FormData(byId("policy")));
    const policy = {
      admission: given.admission,
      max_peers: given.max_peers ? Number(given.max_peers) : null,
      owner_leaves: given.owner_leaves,
      waiting_text: given.waiting_text,
      history: Number(given.history),
    };
    const changed = Object.entries(policy).filter(([name, value]) => value !== this.#room.policy[name]);
    this.#markChanged(false);
    this.#after(this.#actions.setPolicy(this.#room, Object.fromEntries(changed)));
  }

  async #after(done) {
    if (await done) this.#refresh();
  }
}

function fill(id, lines, element) {
  const list = byId(id);
  const opened = list.querySelector("details[open]")?.closest("li")?.dataset.key;
  if (opened !== undefined) return; // a menu is open: it must not vanish under the hand
  list.replaceChildren(...lines.map(element));
  byId(`${id}-none`).hidden = lines.length > 0;
}
