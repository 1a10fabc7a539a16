// What was asked and is not answered yet.
import { Refusal } from "./refusal.js";

const REMEMBERED = 64; // of this many numbers, the newest, the server knows what it has answered
const TRIES = 3; // with a session that the server does not know, until the refusal is believed

/**
 * Everything that is asked has a number, which rises over all sockets. What a lost connection left unanswered is
 * sent again under the same number and in the same order, so that the server does nothing twice.
 *
 * A join request may wait for a person while many other numbers pass by. Asking for it anew does no harm, so that is
 * done when the server has forgotten its number; for the others, the newest waits until the oldest is answered.
 */
export class Outbox {
  /** @type {Map<number, {event: string, fields: object, resolve: (answer: any) => void, reject: (error: Refusal) => void, sent: boolean, tries: number}>} */
  #asked = new Map();
  number; // the last one that was used
  #emit;
  #outdated;
  #open = false;

  /**
   * @param {(event: string, fields: object, answered: (answer: any) => void) => void} emit
   * @param {() => void} outdated called when the server does not know the session any more
   * @param {number} number
   */
  constructor(emit, outdated, number) {
    this.#emit = emit;
    this.#outdated = outdated;
    this.number = number;
  }

  /**
   * @param {string} event
   * @param {object} fields
   * @returns {Promise<any>} the acknowledgement
   */
  ask(event, fields) {
    return new Promise((resolve, reject) => {
      this.#asked.set(++this.number, { event, fields, resolve, reject, sent: false, tries: 0 });
      this.#send();
    });
  }

  /** The peer is online: send what waits. `again`: on a new socket, so what was sent before counts for nothing. */
  open(again = true) {
    if (again) for (const item of this.#asked.values()) item.sent = false;
    this.#open = true;
    this.#send();
  }

  shut() {
    this.#open = false;
  }

  /**
   * Nothing of this will be answered.
   *
   * @param {string} code
   * @param {string} [message]
   */
  fail(code, message) {
    const failed = [...this.#asked.values()];
    this.#asked.clear();
    for (const { reject } of failed) reject(new Refusal(code, message));
  }

  #send() {
    let oldest = 0;
    for (const [number, item] of this.#asked) {
      if (!this.#open || (oldest && number - oldest >= REMEMBERED)) return;
      if (!isJoin(item)) oldest ||= number;
      if (item.sent) continue;
      item.sent = true;
      this.#emit(item.event, { ...item.fields, n: number }, (answer) => this.#answered(number, answer));
    }
  }

  /**
   * @param {number} number
   * @param {any} answer
   */
  #answered(number, answer) {
    const item = this.#asked.get(number);
    if (!item) return;
    if (answer.code === "unauthorized" && ++item.tries < TRIES) {
      item.sent = false; // sent again when the session is renewed
      return this.#outdated();
    }
    this.#asked.delete(number);
    if (answer.code === "stale" && isJoin(item)) this.#asked.set(++this.number, { ...item, sent: false });
    else if (answer.ok) item.resolve(answer);
    else item.reject(new Refusal(answer.code, answer.message, answer.versions));
    this.#send();
  }
}

/** @param {{event: string}} item */
const isJoin = ({ event }) => event === "room-join-request";
