// What lets the visitor in: a token that says it is the same visitor all the time, and is made anew before it ends.

import { keep, look } from "./memory.js";

const VISITOR = "parley-visitor"; // the newest token, for as long as the page's window is open: so a ban is one
const CONFIG = "/demo/config.json";
const PATIENCE = 3000; // ms that making it anew may take
let visitor = look(VISITOR) ?? "";

/** What the page has to know; and who shows an `invitation` may come in with the token that comes with it. */
export async function askForConfig({ token = visitor, invitation = "", ...options } = {}) {
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
    this.#token = visitor = token;
    keep(VISITOR, token);
    this.#stale = Date.now() + expires_in * 500;
  }
}
