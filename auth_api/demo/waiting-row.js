// One line of the people panel: somebody who waits to be let in.
import { label } from "./language.js";
import { paintFace } from "./tiles.js";

export class WaitingRow {
  element = document.getElementById("waiting-template").content.firstElementChild.cloneNode(true);
  #id;

  /** `decide(yes, id)` is what the host decides. */
  constructor(decide) {
    this.#button("admit").onclick = () => decide(true, this.#id);
    this.#button("reject").onclick = () => decide(false, this.#id);
  }

  show({ id, name, said }) {
    this.#id = id;
    this.element.dataset.peer = id;
    this.element.querySelector(".name").textContent = name;
    this.element.querySelector(".said").textContent = said;
    paintFace(this.element.querySelector(".face"), name);
    for (const verdict of ["admit", "reject"]) label(this.#button(verdict), `people.${verdict}.who`, { name });
  }

  #button(verdict) {
    return this.element.querySelector(`.${verdict}`);
  }
}
