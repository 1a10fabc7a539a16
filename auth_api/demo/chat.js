// What people write to each other: a panel beside the tiles, and how much of it is unread.
import { label, write } from "./language.js";
import { Panel } from "./panel.js";
import { nameIn } from "./peerinfo.js";

const LONGEST = 2000; // units of text that are shown of a message
const MOST = 500; // messages that are kept

export class Chat {
  #panel;
  #log;
  #list;
  #input;
  #button;
  #said = []; // what is shown, as `[id, name, text, own, toHosts]`
  #unread = 0;

  /** `say(text)` resolves with the message as it was sent; if it rejects, the text stays to be sent again. */
  constructor(panel, button, say) {
    this.#panel = new Panel(panel, button, () => this.#opened());
    this.#log = panel.querySelector("[role=log]");
    this.#list = panel.querySelector("ol");
    this.#input = panel.querySelector("input");
    this.#button = button;
    panel.querySelector("form").onsubmit = (event) => {
      event.preventDefault();
      this.#submit(say);
    };
  }

  /** Show what was said. What was shown already is not shown again. */
  add({ id, peer_id, kind, body, to }, room) {
    if (kind !== "chat" || typeof body?.text !== "string" || this.#has(id)) return;
    const own = peer_id === room.me?.peer_id;
    const sender = room.members.get(peer_id) ?? room.pending.get(peer_id);
    this.#write(id, nameIn(sender?.peerinfo ?? body), body.text.slice(0, LONGEST), own, to === "hosts");
    if (!this.#panel.isOpen && !own) this.#count(this.#unread + 1);
  }

  /** What is shown, for `restore`. */
  get said() {
    return this.#said;
  }

  /** Show again what was shown before the page was loaded again. */
  restore(said) {
    for (const one of said) this.#write(...one);
  }

  /** Forget all of it: we are in another room, or in none. */
  clear() {
    this.#list.replaceChildren();
    this.#said = [];
    this.#count(0);
    this.#panel.hide();
  }

  #opened() {
    this.#count(0);
    this.#log.scrollTop = this.#log.scrollHeight;
    this.#input.focus();
  }

  async #submit(say) {
    const text = this.#input.value.trim();
    if (!text) return;
    this.#input.value = "";
    if (!(await say(text)) && !this.#input.value) this.#input.value = text;
  }

  #has(id) {
    return this.#said.some(([known]) => known === id);
  }

  #write(id, name, text, own, toHosts) {
    const [message, who, what] = ["li", "bdi", "p"].map((tag) => document.createElement(tag));
    message.toggleAttribute("data-own", own);
    if (own) write(who, "chat.you");
    else who.textContent = name;
    what.dir = "auto";
    what.textContent = text;
    if (toHosts) write(who, "chat.to-hosts", { name });
    message.append(who, what);
    const place = this.#said.filter(([known]) => known < id).length; // our own may be answered before others' are told
    this.#list.insertBefore(message, this.#list.children[place] ?? null);
    this.#said.splice(place, 0, [id, name, text, own, toHosts]);
    if (this.#said.length > MOST) {
      this.#said.shift();
      this.#list.firstChild.remove();
    }
    this.#log.scrollTop = this.#log.scrollHeight;
  }

  #count(unread) {
    this.#unread = unread;
    this.#button.toggleAttribute("data-unread", unread > 0);
    this.#button.querySelector(".badge").dataset.count = unread || "";
    label(this.#button, unread ? "chat.unread" : "chat.title", { count: unread });
  }
}
