// Which tile is the large one: the pinned one, else the newest screen, else (in speaker view) that of whoever speaks.

export class Spotlight {
  #changed;
  #pinned = "";
  #screens = []; // the newest last
  #speaker = "";
  #following = false;

  /** `changed` is called when another tile may be the large one. */
  constructor(changed) {
    this.#changed = changed;
  }

  /** The id of the tile that is the large one; empty if all are of one size. */
  get main() {
    return this.#pinned || this.#screens.at(-1) || (this.#following ? this.#speaker : "");
  }

  get pinned() {
    return this.#pinned;
  }

  get speaker() {
    return this.#speaker;
  }

  /** Whether whoever speaks is large. */
  get following() {
    return this.#following;
  }

  /** Pin a tile, or let go of it if it is pinned. */
  togglePin(id) {
    this.#pinned = this.#pinned === id ? "" : id;
    this.#changed();
  }

  toggleFollowing() {
    this.#following = !this.#following;
    this.#changed();
  }

  /** There is a screen to be seen. */
  addScreen(id) {
    this.#screens.push(id);
    this.#changed();
  }

  /** Somebody speaks. */
  speak(id) {
    if (this.#speaker === id) return;
    this.#speaker = id;
    this.#changed();
  }

  /** There is no such tile any more. */
  remove(id) {
    this.#screens = this.#screens.filter((screen) => screen !== id);
    if (this.#pinned === id) this.#pinned = "";
    if (this.#speaker === id) this.#speaker = "";
  }
}
