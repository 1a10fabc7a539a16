// Short notes that come and go.

const LIFE = 5000; // ms
const MOST = 4;

export class Toasts {
  #element;

  constructor(element) {
    this.#element = element;
  }

  /** `parts` are texts, and elements within them. */
  show(...parts) {
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.append(...parts);
    this.#element.append(toast);
    while (this.#element.children.length > MOST) this.#element.firstChild.remove();
    setTimeout(() => toast.remove(), LIFE);
  }

  clear() {
    this.#element.replaceChildren();
  }
}
