// Short notes that come and go.
import { write } from "./language.js";

const LIFE = 5000; // ms
const MOST = 4;

export class Toasts {
  #element;

  constructor(element) {
    this.#element = element;
  }

  /** Show a sentence. */
  show(key, values) {
    const toast = document.createElement("p");
    toast.className = "toast";
    write(toast, key, values);
    this.#element.append(toast);
    while (this.#element.children.length > MOST) this.#element.firstChild.remove();
    setTimeout(() => toast.remove(), LIFE);
  }

  clear() {
    this.#element.replaceChildren();
  }
}
