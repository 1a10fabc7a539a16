// Short notes that come and go; faults stay longer.

const LIFE = 4000; // ms
const LONGER = 9000;
const MOST = 4;

export class Toasts {
  #element;

  constructor(element) {
    this.#element = element;
  }

  done(text) {
    this.#show(text, "done", LIFE);
  }

  failed(text) {
    this.#show(text, "failed", LONGER);
  }

  #show(text, kind, life) {
    const toast = document.createElement("p");
    toast.className = `toast ${kind}`;
    toast.textContent = text;
    this.#element.append(toast);
    while (this.#element.children.length > MOST) this.#element.firstChild.remove();
    setTimeout(() => toast.remove(), life);
  }
}
