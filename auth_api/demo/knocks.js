// Who asks the host to come in.
import { write } from "./language.js";
import { paintFace } from "./tiles.js";

export class Knocks {
  #element;
  #template;
  #knocks = new Map();

  constructor(element, template) {
    this.#element = element;
    this.#template = template;
  }

  /** Show who asks, as `[id, name]`; `decide` gets the id, the name and the host's answer. */
  show(asking, decide) {
    const ids = new Set(asking.map(([id]) => id));
    for (const id of [...this.#knocks.keys()]) if (!ids.has(id)) this.#remove(id);
    for (const [id, name] of asking) if (!this.#knocks.has(id)) this.#add(id, name, decide);
  }

  /** Show what one of them writes to the hosts. */
  say(id, text) {
    const knock = this.#knocks.get(id);
    if (knock) knock.querySelector(".said").textContent = text;
  }

  #add(id, name, decide) {
    const knock = this.#template.content.firstElementChild.cloneNode(true);
    knock.dataset.peer = id;
    write(knock.querySelector(".asks"), "knock.asks", { name });
    paintFace(knock.querySelector(".face"), name);
    const answer = (yes) => () => {
      knock.hidden = true; // until the server says that it is decided
      decide(id, name, yes);
    };
    knock.querySelector(".admit").onclick = answer(true);
    knock.querySelector(".reject").onclick = answer(false);
    this.#knocks.set(id, knock);
    this.#element.append(knock);
  }

  #remove(id) {
    this.#knocks.get(id)?.remove();
    this.#knocks.delete(id);
  }
}
