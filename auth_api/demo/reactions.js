// Reactions: for a few seconds, what somebody feels is shown on their tile.
//
// A message to everyone would be kept for newcomers. So each is a key of one's own in the room's data, taken away soon.
import { label, write } from "./language.js";
import { nameIn } from "./peerinfo.js";

const KEY = /^peer\.(.+)\.reaction$/;
const SIGNS = { like: "👍", clap: "👏", heart: "❤️", laugh: "😂", wow: "😮", party: "🎉" };
const LIFE = 4000; // ms
const PAUSE = 1000; // ms from one of ours to the next

export class Reactions {
  #choices;
  #said;
  #tiles;
  #room = null;
  #last = -PAUSE; // when we reacted last
  #timer;

  /** `choices` is where the signs are offered; `said` tells screen readers. */
  constructor(choices, said, tiles) {
    this.#choices = choices;
    this.#said = said;
    this.#tiles = tiles;
    for (const sign of Object.keys(SIGNS)) choices.append(this.#choice(sign));
    choices.addEventListener("toggle", ({ newState }) => newState === "open" && choices.firstElementChild.focus());
    choices.addEventListener("keydown", (event) => this.#step(event));
  }

  /** Show those of this room from now on. */
  follow(room) {
    this.#room = room;
    room.on("data", (keys) => this.#room === room && keys.forEach((key) => this.#show(key)));
  }

  leave() {
    this.#room = null;
    this.#choices.hidePopover();
    clearTimeout(this.#timer);
    this.#said.textContent = "";
  }

  #choice(sign) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = SIGNS[sign];
    label(button, `reaction.${sign}`);
    button.onclick = () => this.#react(sign);
    return button;
  }

  /** Left and right, as in a toolbar. */
  #step(event) {
    const choices = [...this.#choices.children];
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    choices.at((choices.indexOf(document.activeElement) + way) % choices.length).focus();
  }

  async #react(sign) {
    this.#choices.hidePopover();
    if (performance.now() - this.#last < PAUSE) return;
    this.#last = performance.now();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(null), LIFE);
    await this.#tell(sign);
  }

  /** It is gone by itself when we leave. */
  async #tell(sign) {
    const room = this.#room;
    try {
      await room?.setData({ [`peer.${room.me.peer_id}.reaction`]: sign });
    } catch (refusal) {
      console.warn("not told:", refusal.message);
    }
  }

  #show(key) {
    const id = KEY.exec(key)?.[1];
    const sign = this.#room.data.get(key)?.value;
    const known = typeof sign === "string" && Object.hasOwn(SIGNS, sign); // it may be anything
    const tile = id && known && this.#tiles.get(id)?.element;
    if (!tile) return;
    const shown = document.createElement("p");
    shown.className = "reaction";
    shown.setAttribute("aria-hidden", true);
    shown.textContent = SIGNS[sign];
    tile.querySelector(".reaction")?.remove();
    tile.append(shown);
    setTimeout(() => shown.remove(), LIFE);
    write(this.#said, `reaction.said.${sign}`, { name: nameIn(this.#room.members.get(id)?.peerinfo) });
  }
}
