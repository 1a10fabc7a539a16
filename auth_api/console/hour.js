// What happened in each minute of the last hour, as the server has counted it.

const MINUTE = 60_000; // ms
const MINUTES = 60;
const NOTHING = { joined: 0, left: 0, created: 0, closed: 0, asked: 0 };

export class Hour {
  #minutes = new Map(); // counts by the number of the minute since the epoch

  /** Read it. Throws Refused. */
  async load(api) {
    const { minutes } = await api.get("/admin/hour");
    this.#minutes = new Map(minutes.map(({ minute, ...counts }) => [minute, counts]));
  }

  /** Whether there is anything to show. */
  get known() {
    return this.#minutes.size > 0;
  }

  /** How often that happened in each minute, the oldest first. */
  counts(name, now = Date.now()) {
    const last = Math.floor(now / MINUTE);
    return Array.from({ length: MINUTES }, (_, at) => this.#of(last - MINUTES + 1 + at)[name]);
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
}
