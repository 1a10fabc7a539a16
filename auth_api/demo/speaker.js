// Who speaks, judged by how loud people are. Whoever is found to speak stays so while others only say "yes", or cough.

const LOUD = 0.04; // of 1; less is a quiet room
const SLOWNESS = 0.75; // part of a level that is still there one measurement later
const HOLD = 1_500; // ms that somebody speaks at least
const CLEARLY = 1.6; // times louder than whoever spoke last

export class Speaker {
  #levels = new Map(); // smoothed, by id
  #current = "";
  #since = -Infinity;

  /**
   * Take what was measured at `now` (ms): `[id, level]` for each, from 0 to 1. Returns who of the others than `own`
   * speaks, or spoke last; empty if nobody has yet.
   */
  hear(measured, own, now) {
    this.#levels = new Map(measured.map(([id, level]) => [id, this.#smoothed(id, level)]));
    if (!this.#levels.has(this.#current)) this.#become("", -Infinity);
    const others = [...this.#levels].filter(([id]) => id !== own);
    const [loudest, level] = others.reduce((one, other) => (other[1] > one[1] ? other : one), ["", 0]);
    const clearly = level > LOUD && level > CLEARLY * (this.#levels.get(this.#current) ?? 0);
    if (loudest !== this.#current && clearly && now - this.#since >= HOLD) this.#become(loudest, now);
    return this.#current;
  }

  /** Whether somebody is heard right now. */
  isHeard(id) {
    return this.#levels.get(id) > LOUD;
  }

  #smoothed(id, level) {
    return (this.#levels.get(id) ?? 0) * SLOWNESS + level * (1 - SLOWNESS);
  }

  #become(id, now) {
    this.#current = id;
    this.#since = now;
  }
}
