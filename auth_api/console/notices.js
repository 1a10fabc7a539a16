// The stream of notices, read as Server-Sent Events. EventSource cannot show a token, so fetch reads them.
import { pause, Refused } from "./api.js";

const SLOWEST = 10_000; // ms between two tries
const SILENCE = 45_000; // ms after which a stream that says nothing, not even that it is there, is given up

/** Whole events out of the pieces of a stream. */
export class Events {
  #rest = "";

  /** The events that are complete with this piece: `[{id, event, data}]`. */
  take(piece) {
    const blocks = (this.#rest + piece).split(/\r?\n\r?\n/u);
    this.#rest = blocks.pop();
    return blocks.map(parsed).filter(({ data }) => data);
  }
}

function parsed(block) {
  const found = { id: "", event: "message", data: "" };
  for (const line of block.split(/\r?\n/u)) {
    const [, name, value] = /^(id|event|data): ?(.*)$/u.exec(line) ?? [];
    if (name) found[name] = name === "data" && found.data ? `${found.data}\n${value}` : value;
  }
  return found;
}

export class Notices {
  #api;
  #seen;
  #stop = new AbortController();

  /** `seen` has `notice(notice)`, `live(whether)` and `gap()`, for when some are no longer kept. */
  constructor(api, seen) {
    this.#api = api;
    this.#seen = seen;
  }

  close() {
    this.#stop.abort();
  }

  /** Tell of all behind `after` until closed. Returns false if this server has no notices. Throws Refused if the token is no good. */
  async run(after) {
    for (let wait = 500; !this.#stop.signal.aborted; wait = Math.min(SLOWEST, wait * 2)) {
      try {
        const answer = await this.#open(after);
        if (answer.status === 401) throw new Refused(401, "The token is not valid any more.");
        if (answer.status === 404) return false;
        if (answer.status === 410) return this.#seen.gap(), true;
        if (answer.ok) {
          wait = 500;
          after = await this.#read(answer.body.getReader(), after);
        }
      } catch (error) {
        if (error.status === 401) throw error;
      }
      if (!this.#stop.signal.aborted) this.#seen.live(false);
      await pause(wait * Math.random());
    }
    return true;
  }

  #open(after) {
    const headers = after ? { "Last-Event-ID": after } : {};
    return this.#api.open("GET", "/admin/notices", { accept: "text/event-stream", headers, signal: this.#stop.signal });
  }

  async #read(reader, after) {
    const events = new Events();
    const text = new TextDecoder();
    this.#seen.live(true);
    let silence = 0;
    try {
      for (;;) {
        silence = setTimeout(() => reader.cancel(), SILENCE);
        const { done, value } = await reader.read();
        clearTimeout(silence);
        if (done) return after;
        for (const { id, data } of events.take(text.decode(value, { stream: true }))) {
          after = id || after;
          this.#seen.notice(JSON.parse(data));
        }
      }
    } catch {
      return after; // the connection broke; what was told is known
    } finally {
      clearTimeout(silence);
    }
  }
}
