// Sockets that lead nowhere: a test plays the server.

export class Sockets {
  all = [];

  /** Stands for socket.io-client's `io`. */
  io = (url, options) => {
    const socket = new FakeSocket(url, options);
    this.all.push(socket);
    return socket;
  };

  get last() {
    return this.all.at(-1);
  }
}

class FakeSocket {
  sent = []; // {event, fields, answer}
  end = ""; // how the client has let go of it
  io = { engine: { close: () => (this.end = "closed") } };
  #listeners = {};
  #any = [];

  constructor(url, options) {
    this.url = url;
    this.options = options;
  }

  on(event, listener) {
    this.#listeners[event] = listener;
  }

  onAny(listener) {
    this.#any.push(listener);
  }

  off() {
    this.#listeners = {};
  }

  offAny() {
    this.#any = [];
  }

  disconnect() {
    this.end = "disconnected";
  }

  emit(event, fields, answer) {
    this.sent.push({ event, fields, answer });
  }

  /** An event of the server. */
  say(event, data) {
    for (const listener of this.#any) listener(event, data);
  }

  /** An event of socket.io-client. */
  happens(event, detail) {
    this.#listeners[event]?.(detail);
  }

  /** Connect and be let in. */
  accept(answer = {}) {
    this.happens("connect");
    this.say("auth-accept", { token: "session", peer_id: "me", expires_in: 86400, version: 2, resumed: false, ...answer });
  }

  asked(event) {
    return this.sent.filter((one) => one.event === event).map(({ fields }) => fields);
  }
}
