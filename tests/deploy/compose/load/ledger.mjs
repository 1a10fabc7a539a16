// What was said, acknowledged and heard.

export class Ledger {
  visits = []; // each {ok, seconds, why}
  departures = 0; // resumable members that others saw leave
  strangers = 0; // members that came back as somebody else
  returns = 0; // members that came back as themselves
  refused = {}; // by code
  #acknowledged = new Map(); // pair → Set of numbers
  #heard = new Map(); // pair → numbers in the order heard

  acknowledge(pair, number) {
    entry(this.#acknowledged, pair, () => new Set()).add(number);
  }

  hear(pair, number) {
    entry(this.#heard, pair, () => []).push(number);
  }

  refuse(code) {
    this.refused[code] = (this.refused[code] ?? 0) + 1;
  }

  /** Whether something acknowledged has not been heard yet. */
  open() {
    return this.#missing().length > 0;
  }

  report() {
    const heard = [...this.#heard.values()];
    const failed = this.visits.filter(({ ok }) => !ok);
    return {
      acknowledged: sum([...this.#acknowledged.values()].map((numbers) => numbers.size)),
      heard: sum(heard.map((numbers) => numbers.length)),
      missing: this.#missing(),
      doubled: sum(heard.map((numbers) => numbers.length - new Set(numbers).size)),
      disordered: heard.filter((numbers) => numbers.some((number, at) => number < numbers[at - 1])).length,
      departures: this.departures,
      strangers: this.strangers,
      returns: this.returns,
      refused: this.refused,
      visits: this.visits.length,
      failed_visits: failed.map(({ why }) => why),
      longest_visit: Math.max(0, ...this.visits.map(({ seconds }) => seconds)),
    };
  }

  #missing() {
    return [...this.#acknowledged].flatMap(([pair, numbers]) => {
      const heard = new Set(this.#heard.get(pair));
      return [...numbers].filter((number) => !heard.has(number)).map((number) => `${pair} ${number}`);
    });
  }
}

function entry(map, key, make) {
  if (!map.has(key)) map.set(key, make());
  return map.get(key);
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
