// A list of very many lines, of which only those are made that can be seen. A listbox for keyboards and screen readers.

const HEIGHT = 60; // px of a line, as list.css has it
const SPARE = 6; // lines beyond the edges

export class List extends EventTarget {
  #box;
  #space;
  #draw;
  #keyOf;
  #lines = [];
  #chosen = null;
  #shown = new Map(); // elements by key

  /** `draw(line, element)` fills an element; `keyOf(line)` names the line. */
  constructor(box, draw, keyOf) {
    super();
    this.#box = box;
    this.#draw = draw;
    this.#keyOf = keyOf;
    this.#space = document.createElement("div");
    this.#space.className = "space";
    this.#space.setAttribute("role", "presentation");
    box.append(this.#space);
    box.addEventListener("scroll", () => this.#paint());
    box.addEventListener("keydown", (event) => this.#move(event));
    this.#space.addEventListener("click", (event) => this.#pick(event));
    new ResizeObserver(() => this.#paint()).observe(box);
  }

  get chosen() {
    return this.#chosen;
  }

  /** Show these lines from now on. */
  show(lines) {
    this.#lines = lines;
    this.#space.style.blockSize = `${lines.length * HEIGHT}px`;
    this.#paint(true);
  }

  /** The line of that key is the chosen one; none if it is null. */
  choose(key) {
    this.#chosen = key;
    this.#paint(true);
  }

  #paint(anew = false) {
    const first = Math.max(0, Math.floor(this.#box.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(this.#lines.length, Math.ceil((this.#box.scrollTop + this.#box.clientHeight) / HEIGHT) + SPARE);
    const keep = new Map();
    for (let at = first; at < last; at += 1) keep.set(this.#keyOf(this.#lines[at]), at);
    for (const [key, element] of this.#shown) if (!keep.has(key)) element.remove(), this.#shown.delete(key);
    let before = null; // readers take them in the order of the page
    for (const [key, at] of keep) before = this.#place(key, at, anew, before);
    this.#announce();
  }

  #place(key, at, anew, before) {
    let element = this.#shown.get(key);
    if (!element) {
      element = document.createElement("div");
      element.id = `line-${crypto.randomUUID()}`;
      element.className = "line";
      element.setAttribute("role", "option");
      element.dataset.key = key;
      this.#shown.set(key, element);
      this.#draw(this.#lines[at], element);
    } else if (anew) this.#draw(this.#lines[at], element);
    element.style.insetBlockStart = `${at * HEIGHT}px`;
    element.setAttribute("aria-setsize", this.#lines.length);
    element.setAttribute("aria-posinset", at + 1);
    element.setAttribute("aria-selected", key === this.#chosen);
    const next = before ? before.nextSibling : this.#space.firstChild;
    if (next !== element) this.#space.insertBefore(element, next);
    return element;
  }

  #announce() {
    const active = this.#shown.get(this.#chosen);
    if (active) this.#box.setAttribute("aria-activedescendant", active.id);
    else this.#box.removeAttribute("aria-activedescendant");
  }

  #pick(event) {
    const key = event.target.closest(".line")?.dataset.key;
    if (key !== undefined) this.#select(key);
  }

  #move(event) {
    const page = Math.max(1, Math.floor(this.#box.clientHeight / HEIGHT) - 1);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    const step = steps[event.key];
    if (!step || !this.#lines.length) return;
    event.preventDefault();
    const now = this.#lines.findIndex((line) => this.#keyOf(line) === this.#chosen);
    const last = this.#lines.length - 1;
    const to = now < 0 && step < Infinity ? 0 : Math.min(last, Math.max(0, now + step));
    this.#scrollTo(to);
    this.#select(this.#keyOf(this.#lines[to]));
  }

  #scrollTo(at) {
    const top = at * HEIGHT;
    if (top < this.#box.scrollTop) this.#box.scrollTop = top;
    else if (top + HEIGHT > this.#box.scrollTop + this.#box.clientHeight) this.#box.scrollTop = top + HEIGHT - this.#box.clientHeight;
  }

  #select(key) {
    this.choose(key);
    this.dispatchEvent(new CustomEvent("choose", { detail: key }));
  }
}
