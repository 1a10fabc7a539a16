// The calls under /admin, with the operator's token.

/** A call that was refused: `status` is HTTP's, `message` a sentence for the operator. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const TRIES = 5; // while the server says that it is asked too often
const OFFLINE = "The server cannot be reached.";

export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  get(path, query = {}) {
    return this.call("GET", path, { query });
  }

  /** What a call answers, as its `response`. Throws Refused. */
  async call(method, path, { query = {}, body } = {}) {
    for (let tries = 1; ; tries += 1) {
      const answer = await this.open(method, path, { query, body });
      const said = await answer.json().catch(() => ({}));
      if (answer.ok) return said.response;
      if (answer.status !== 429 || tries === TRIES) throw new Refused(answer.status, said.error || `The server answered ${answer.status}.`);
      await pause(Number(answer.headers.get("Retry-After") || 1) * 1000);
    }
  }

  /** The whole answer, whose body is still to be read. Throws Refused only if there is none. */
  async open(method, path, { query = {}, body, accept = "application/json", headers = {}, signal } = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
    const url = given.length ? `${path}?${new URLSearchParams(given)}` : path;
    const init = { method, headers: { Authorization: `Bearer ${this.#token}`, Accept: accept, ...headers }, signal, cache: "no-store" };
    if (body !== undefined) {
      init.headers["Content-Type"] = "application/json";
      init.body = JSON.stringify(body);
    }
    try {
      return await fetch(url, init);
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new Refused(0, OFFLINE);
    }
  }
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
