// What happened in each minute of the last hour, counted from the notices.

const MINUTE = 60_000; // ms
const MINUTES = 60;
const COUNTED = { "peer-joined": "joined", "peer-left": "left", "room-created": "created", "room-closed": "closed", "request-made": "asked" };
const NOTHING = { joined: 0, left: 0, created: 0, closed: 0, asked: 0 };

export class Hour {
  #minutes = new Map(); // counts by the number of the minute since the epoch

  /** Begin with what the server has counted: `[{minute, joined, left, created, closed, asked}]`. */
  begin(minutes) {
    this.#minutes = new Map(minutes.map(({ minute, ...counts }) => [minute, { ...NOTHING, ...counts }]));
  }

  take({ type, time }) {
    const name = COUNTED[type];
    if (!name) return;
    const minute = Math.floor(time / MINUTE);
    if (!this.#minutes.has(minute)) this.#minutes.set(minute, { ...NOTHING });
    this.#minutes.get(minute)[name] += 1;
    for (const old of this.#minutes.keys()) if (old <= minute - 2 * MINUTES) this.#minutes.delete(old);
  }

  /** How often that happened in each minute, the oldest first. */
  counts(name, now = Date.now()) {
    return this.#each(now, (minute) => this.#of(minute)[name]);
  }

  /** How many there were at the end of each minute, of what is `present` now, and came with `up` and went with `down`. */
  levels(present, up, down, now = Date.now()) {
    const levels = [];
    let level = present;
    for (let minute = Math.floor(now / MINUTE), left = MINUTES; left; minute -= 1, left -= 1) {
      levels.unshift(Math.max(0, level));
      level += this.#of(minute)[down] - this.#of(minute)[up];
    }
    return levels;
  }

  #of(minute) {
    return this.#minutes.get(minute) ?? NOTHING;
  }

  #each(now, value) {
    const last = Math.floor(now / MINUTE);
    return Array.from({ length: MINUTES }, (_, at) => value(last - MINUTES + 1 + at));
  }
}
