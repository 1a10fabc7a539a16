// A panel beside the tiles, with the button that opens and closes it. One is open at a time, or none.
let open = null;

export class Panel {
  #element;
  #button;
  #opened;

  /** `opened` is called when it is open: it may show what is new, and move the focus. */
  constructor(element, button, opened) {
    this.#element = element;
    this.#button = button;
    this.#opened = opened;
    button.onclick = () => (this.isOpen ? this.close() : this.open());
    element.querySelector(".close").onclick = () => this.close();
    element.addEventListener("keydown", ({ key }) => key === "Escape" && this.close());
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  open() {
    open?.hide();
    open = this;
    this.#show(true);
    this.#opened();
  }

  /** Back to the button. */
  close() {
    this.hide();
    this.#button.focus();
  }

  hide() {
    if (open === this) open = null;
    this.#show(false);
  }

  #show(shown) {
    this.#element.hidden = !shown;
    this.#button.setAttribute("aria-expanded", shown);
  }
}
