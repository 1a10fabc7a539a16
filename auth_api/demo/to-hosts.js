// What somebody who waits writes to the hosts: a message to them alone.
import { write } from "./language.js";

const LONGEST = 300; // units of text that hosts are shown

export class ToHosts {
  #form;

  /** `say(text)` resolves with whether it was sent. */
  constructor(form, say) {
    this.#form = form;
    form.onsubmit = (event) => {
      event.preventDefault();
      this.#submit(say);
    };
  }

  /** Be there, or not: nobody can write before they wait. */
  show(waiting) {
    if (this.#form.hidden === !waiting) return;
    this.#form.hidden = !waiting;
    this.#form.reset();
    write(this.#form.querySelector("[role=status]"), "");
  }

  async #submit(say) {
    const input = this.#form.querySelector("input");
    const text = input.value.trim();
    if (!text || !(await say(text))) return;
    input.value = "";
    write(this.#form.querySelector("[role=status]"), "to-hosts.sent", { text });
  }
}

/** What a message from somebody who waits says; empty if it is none. */
export function saidAtTheDoor({ role, kind, body }) {
  return role === "candidate" && kind === "chat" && typeof body?.text === "string" ? body.text.slice(0, LONGEST) : "";
}
