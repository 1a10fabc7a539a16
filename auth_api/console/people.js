// People who are found by their identity, and the rooms they are in.
import { face, named, whoIs } from "./names.js";

const byId = (id) => document.getElementById(id);
const SHORTEST = 2; // characters that are worth looking for
const WAIT = 300; // ms until nothing more is typed
const MOST = 20;

export class People {
  #api;
  #open;
  #timer = 0;
  #wanted = "";

  /** `open(key)` shows a room. */
  constructor(api, open) {
    this.#api = api;
    this.#open = open;
  }

  /** Look for people as somebody types. */
  search(text) {
    this.#wanted = text.trim();
    clearTimeout(this.#timer);
    if (this.#wanted.length < SHORTEST) byId("people").hidden = true;
    else this.#timer = setTimeout(() => this.#find(this.#wanted), WAIT);
  }

  async #find(wanted) {
    try {
      const { peers, more } = await this.#api.get("/admin/peers", { search: wanted, limit: MOST });
      if (wanted !== this.#wanted) return;
      byId("people-list").replaceChildren(...peers.map((peer) => this.#line(peer)));
      byId("people").hidden = !peers.length;
      byId("people-more").hidden = !more;
    } catch {
      byId("people").hidden = true; // rooms are found all the same
    }
  }

  #line(peer) {
    const row = byId("found-person").content.firstElementChild.cloneNode(true);
    const who = whoIs(peer);
    const { initials, hue } = face(who);
    row.querySelector(".face").textContent = initials;
    row.querySelector(".face").style.setProperty("--hue", hue);
    row.querySelector(".who").replaceChildren(named(who));
    row.querySelector(".away").hidden = !peer.absent;
    row.querySelector(".rooms").replaceChildren(...(peer.rooms.length ? this.#links(peer.rooms) : ["no room"]));
    return row;
  }

  #links(rooms) {
    return rooms.flatMap(({ key, room }, at) => {
      const link = document.createElement("button");
      link.type = "button";
      link.className = "link";
      link.append(named(room));
      link.onclick = () => this.#open(key);
      return at ? [", ", link] : [link];
    });
  }
}
