// What lets the visitor in: a token that says it is the same visitor all the time, and is made anew before it ends.

const CONFIG = "/demo/config.json";
const PATIENCE = 3000; // ms that making it anew may take

/** What the page has to know, for a new visitor; for one whose token is shown; for one who was invited. */
export async function askForConfig({ token = "", invitation = "", ...options } = {}) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }), ...(invitation && { "Parley-Invitation": invitation }) };
  const answer = await fetch(CONFIG, { headers, ...options });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
}

export class Pass {
  #token;
  #stale; // when half of its life is over, in ms since the epoch

  /** `invitation` is what the visitor came in with. */
  constructor(config, invitation = "") {
    this.invitation = invitation;
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

  /** An invitation for others, which a host gets: `{invitation, expires_in}`, in seconds. */
  async invite(room) {
    const headers = { Authorization: `Bearer ${await this.fresh()}`, "Content-Type": "application/json" };
    const answer = await fetch("/demo/invitation", { method: "POST", headers, body: JSON.stringify({ room }) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return (await answer.json()).response;
  }

  async #renew() {
    const [token, signal] = [this.#token, AbortSignal.timeout(PATIENCE)];
    try {
      this.#take(await askForConfig({ token, invitation: this.invitation, signal }));
    } catch (error) {
      console.warn("no new token:", error.message); // the old one may still be good
    }
  }

  #take({ token, expires_in }) {
    this.#token = token;
    this.#stale = Date.now() + expires_in * 500;
  }
}
