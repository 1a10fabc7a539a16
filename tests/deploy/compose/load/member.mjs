// One resumable peer that stays in its room over every reconnect.
import { io } from "socket.io-client";

const PATIENCE = 20_000; // ms for an acknowledgement
const COUNTED = ["room-join-request", "room-join-accept", "room-user-join", "room-user-leave", "room-owner", "ice-candidate"];

export class Member {
  peerId = "";
  #name;
  #token;
  #ledger;
  #socket;
  #session = "";
  #ready = false;
  #received = 0;
  #room = "";
  #numbers = new Map(); // roommate → number of the last message to it

  constructor(url, token, name, way, ledger) {
    this.#name = name;
    this.#token = token;
    this.#ledger = ledger;
    this.#socket = io(url, { ...way, auth: { token }, forceNew: true });
    this.arrival = new Promise((resolve) => this.#socket.once("auth-accept", resolve));
    this.#listen();
  }

  async create(room) {
    this.#room = room;
    await this.#order("room-create-request");
  }

  /** Ask the owner, who lets everybody in. */
  async join(room) {
    this.#room = room;
    const admitted = new Promise((resolve) => this.#socket.once("room-join-accept", resolve));
    await this.#order("room-join-request");
    await admitted;
  }

  /** Send the next numbered message; what cannot be sent now is not sent. */
  tell(other) {
    if (!this.#ready) return;
    const number = (this.#numbers.get(other) ?? 0) + 1;
    this.#numbers.set(other, number);
    const pair = `${this.#name} > ${other.#name}`;
    this.#ask("relay-ice-candidate", { to: other.peerId, ice_candidate: { pair, number } })
      .then((answer) => (answer.ok ? this.#ledger.acknowledge(pair, number) : this.#ledger.refuse(answer.code)))
      .catch(() => this.#ledger.refuse("unanswered"));
  }

  async #order(event) {
    const answer = await this.#ask(event, {});
    if (!answer.ok) throw new Error(`${event}: ${answer.message}`);
  }

  #listen() {
    const socket = this.#socket;
    for (const name of COUNTED) socket.on(name, () => this.#received++);
    socket.on("connect", () => this.#authenticate());
    socket.on("disconnect", () => (this.#ready = false));
    socket.on("auth-accept", (answer) => this.#accepted(answer));
    socket.on("room-join-request", ({ room, peer_id }) => this.#ask("room-join-accept", { room, to: peer_id }));
    socket.on("room-user-leave", () => this.#ledger.departures++);
    socket.on("ice-candidate", ({ ice_candidate: { pair, number } }) => this.#ledger.hear(pair, number));
  }

  #authenticate() {
    const resume = this.#session ? { resume: this.#session, received: this.#received } : {};
    this.#socket.emit("auth-request", { token: this.#token, resumable: true, ...resume });
  }

  #accepted({ token, peer_id, resumed }) {
    if (this.peerId) resumed ? this.#ledger.returns++ : this.#ledger.strangers++;
    this.#session = token;
    this.#received = 0;
    this.peerId = peer_id;
    this.#ready = true;
  }

  #ask(event, fields) {
    return this.#socket.timeout(PATIENCE).emitWithAck(event, { auth: this.#session, room: this.#room, ...fields });
  }
}
