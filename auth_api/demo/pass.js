// What lets the visitor in: a token that says it is the same visitor all the time, and is made anew before it ends.

const PATIENCE = 3000; // ms that making it anew may take

export class Pass {
  #token;
  #stale; // when half of its life is over, in ms since the epoch

  constructor(config) {
    this.#take(config);
  }

  get token() {
    return this.#token;
  }

  /** The token: a new one if the old one has seen half of its life, and a new one can be had. */
  async fresh() {
    if (Date.now() >= this.#stale) await this.#renew();
    return this.#token;
  }

  async #renew() {
    const headers = { Authorization: `Bearer ${this.#token}` };
    try {
      const answer = await fetch("/demo/config.json", { headers, signal: AbortSignal.timeout(PATIENCE) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.#take(await answer.json());
    } catch (error) {
      console.warn("no new token:", error.message); // the old one may still be good
    }
  }

  #take({ token, expires_in }) {
    this.#token = token;
    this.#stale = Date.now() + expires_in * 500;
  }
}
