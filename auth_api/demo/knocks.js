// Who asks the host to come in.
import { paintFace } from "./tiles.js";

export class Knocks {
  #element;
  #template;
  #knocks = new Map();

  constructor(element, template) {
    this.#element = element;
    this.#template = template;
  }

  /** Show that `name` asks; `decide` gets the host's answer, once. */
  add(id, name, decide) {
    this.remove(id);
    const knock = this.#template.content.firstElementChild.cloneNode(true);
    knock.dataset.peer = id;
    knock.querySelector(".name").textContent = name;
    paintFace(knock.querySelector(".face"), name);
    const answer = (yes) => () => {
      this.remove(id);
      decide(yes);
    };
    knock.querySelector(".admit").onclick = answer(true);
    knock.querySelector(".reject").onclick = answer(false);
    this.#knocks.set(id, knock);
    this.#element.append(knock);
  }

  remove(id) {
    this.#knocks.get(id)?.remove();
    this.#knocks.delete(id);
  }

  clear() {
    for (const id of [...this.#knocks.keys()]) this.remove(id);
  }
}
