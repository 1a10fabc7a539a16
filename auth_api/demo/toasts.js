// Short notes that come and go.

const LIFE = 5000; // ms
const MOST = 4;

export class Toasts {
  #element;

  constructor(element) {
    this.#element = element;
  }

  show(text) {
    const toast = document.createElement("p");
    toast.className = "toast";
    toast.textContent = text;
    this.#element.append(toast);
    while (this.#element.children.length > MOST) this.#element.firstChild.remove();
    setTimeout(() => toast.remove(), LIFE);
  }
}
