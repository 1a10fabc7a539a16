// Numbered messages from one page to another, through the room, while something is killed: what comes back shows that
// none was lost and none came twice.

const NUMBER = "number"; // the kinds of these messages
const ECHO = "number-echo";
const EACH = 100; // ms from one to the next
const FINDING = 1000; // ms that somebody has to answer the first one

/** Answer those of others from now on. */
export function echo(room) {
  room.on("message", ({ kind, peer_id, body }) => {
    if (kind === NUMBER) room.send(body, { to: peer_id, kind: ECHO }).catch(() => {}); // who counts sees that it is missing
  });
}

/** One count. Its `numbers` are what was sent: `{sent, answered, back}`, in ms of the page's clock. */
export class Count {
  numbers = [];
  twice = 0; // echoes that came again
  partner = null; // the member who echoes; without one, the server's acknowledgement is all there is
  #room;
  #run = crypto.randomUUID(); // tells our echoes from those of an earlier count
  #timer;
  #quiet;
  #found = () => {}; // called with the peer_id of whoever echoes

  constructor(room) {
    this.#room = room;
    this.#quiet = room.on("message", (message) => this.#hear(message));
  }

  /** Begin: find somebody who echoes, and go on with them. */
  async start() {
    const found = new Promise((done) => (this.#found = done));
    for (const { peer_id } of this.#room.others) this.#send(peer_id, -1).catch(() => {});
    const nobody = new Promise((done) => setTimeout(done, this.#room.others.length ? FINDING : 0));
    this.partner = this.#room.members.get(await Promise.race([found, nobody])) ?? null;
    this.#timer = setInterval(() => this.#next(), EACH);
  }

  /** Send no more. What is under way still counts. */
  stop() {
    clearInterval(this.#timer);
  }

  close() {
    this.stop();
    this.#quiet();
    if (this.sent && !this.partner) this.#write(null).catch(() => {}); // it is gone with us, at the latest
  }

  /** How many were sent, */
  get sent() {
    return this.numbers.length;
  }

  /** and how many of them have arrived. */
  get arrived() {
    return this.numbers.filter((one) => this.arrival(one) !== null).length;
  }

  /** ms that one was under way, or is until now. */
  time(one) {
    return (this.arrival(one) ?? performance.now()) - one.sent;
  }

  /** When we have heard that one has arrived; null: not yet. */
  arrival({ answered, back }) {
    return this.partner ? back : answered;
  }

  async #next() {
    const number = this.numbers.length;
    const one = { sent: performance.now(), answered: null, back: null };
    this.numbers.push(one);
    try {
      await (this.partner ? this.#send(this.partner.peer_id, number) : this.#write(number));
      one.answered = performance.now();
    } catch ({ message }) {
      console.warn("not sent:", message); // so it never arrives
    }
  }

  #send(to, number) {
    return this.#room.send({ run: this.#run, number }, { to, kind: NUMBER });
  }

  /** Alone, there is nobody to write to: a key of our own in the room's data takes it. */
  #write(number) {
    return this.#room.setData({ [`peer.${this.#room.me?.peer_id}.number`]: number });
  }

  #hear(message) {
    const { kind, peer_id, body } = message;
    if (kind !== ECHO || body?.run !== this.#run) return; // of an earlier count, or of somebody else's
    this.#found(peer_id);
    const one = peer_id === this.partner?.peer_id && Number.isInteger(body.number) && this.numbers[body.number];
    if (!one) return;
    if (one.back !== null) this.twice++;
    one.back ??= performance.now();
  }
}
