// Everybody's voice in the call: a ring around the tile of each who is heard, and who of the others speaks.
import { Level } from "./level.js";
import { Speaker } from "./speaker.js";

const EVERY = 100; // ms

export class Voices {
  #levels = new Map();
  #speaker = new Speaker();
  #tiles;
  #timer;

  /** `tracks()` gives a microphone for each id, and `own()` says which of them is ours. */
  constructor(tiles, own, tracks) {
    this.#tiles = tiles;
    this.#timer = setInterval(() => this.#listen(own(), tracks()), EVERY);
  }

  end() {
    clearInterval(this.#timer);
    for (const level of this.#levels.values()) level.close();
  }

  #listen(own, tracks) {
    for (const [id, level] of this.#levels) if (!tracks.has(id)) this.#forget(id, level);
    const measured = [...tracks].map(([id, track]) => [id, this.#levelOf(id).measure(track)]);
    const speaks = this.#speaker.hear(measured, own, performance.now());
    for (const [id] of measured) this.#tiles.get(id)?.setHeard(this.#speaker.isHeard(id));
    this.#tiles.spotlight.speak(speaks);
  }

  #levelOf(id) {
    if (!this.#levels.has(id)) this.#levels.set(id, new Level());
    return this.#levels.get(id);
  }

  #forget(id, level) {
    level.close();
    this.#levels.delete(id);
  }
}
