// A list whose lines stay the same elements while they change, so that nobody loses their place in it.

export class Rows {
  #list;
  #make;
  #rows = new Map();

  /** `make()` gives a line: its `element`, and `show(item)`. */
  constructor(list, make) {
    this.#list = list;
    this.#make = make;
  }

  /** Show these, in this order. Each has an `id`. */
  show(items) {
    const focused = document.activeElement;
    const ids = new Set(items.map(({ id }) => id));
    for (const [id, row] of [...this.#rows]) if (!ids.has(id)) this.#remove(id, row);
    items.forEach((item, index) => this.#place(this.#row(item), index));
    if (focused.isConnected && focused !== document.activeElement) focused.focus(); // what is moved loses it
  }

  #row(item) {
    if (!this.#rows.has(item.id)) this.#rows.set(item.id, this.#make());
    const row = this.#rows.get(item.id);
    row.show(item);
    return row.element;
  }

  #place(element, index) {
    if (this.#list.children[index] !== element) this.#list.insertBefore(element, this.#list.children[index] ?? null);
  }

  /** Whoever was there with the keyboard goes on from the panel's title. */
  #remove(id, { element }) {
    const focused = element.contains(document.activeElement);
    element.remove();
    this.#rows.delete(id);
    if (focused) this.#list.closest(".panel").querySelector("h2").focus();
  }
}
