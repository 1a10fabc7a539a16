// One microphone or camera: what the person wants of it, what there is, and the way from one to the other.

export const WISHES = { audio: { echoCancellation: true }, video: { width: { ideal: 1280 }, height: { ideal: 720 } } };

/**
 * At most one request to the browser is under way. Whatever was wished meanwhile, the newest wish is followed when it
 * ends, and a track that nobody wants any more is stopped. A muted microphone keeps its track, which is silent; a camera
 * is let go at once, so that its light goes out.
 */
export class Device {
  track = null;
  error = ""; // the name of what went wrong, as browsers have it; nothing is tried until the next wish
  chosen = ""; // a device's id; empty: whichever the browser takes
  #kind;
  #changed;
  #wanted = true;
  #asking = false;

  /** `kind` is `audio` or `video`; `changed` is called whenever anything that can be seen here is another. */
  constructor(kind, changed) {
    this.#kind = kind;
    this.#changed = changed;
  }

  /** Whether it is heard or seen. */
  get isOn() {
    return this.#wanted && this.track !== null;
  }

  /** Whether it will be on as soon as the browser and the person allow it. */
  get isStarting() {
    return this.#wanted && this.track === null && this.#asking;
  }

  /** Start with `answer`, a promise of a track that may have been asked for together with another. */
  begin(answer) {
    return this.#work(() => this.#await(answer, true));
  }

  /** Wish for the opposite of the last wish; after a failure, try again. */
  toggle() {
    this.#wish(this.error ? true : !this.#wanted, this.chosen);
  }

  /** Use the device of this id. What is off stays off. */
  choose(id) {
    this.#wish(this.#wanted, id);
  }

  #wish(wanted, chosen) {
    if (chosen !== this.chosen || (!wanted && this.#kind === "video")) this.#drop();
    this.#wanted = wanted;
    this.chosen = chosen;
    this.error = "";
    if (this.track) this.track.enabled = wanted;
    this.#changed();
    this.#work();
  }

  async #work(first = () => {}) {
    if (this.#asking) return; // the newest wish is seen to when that ends
    this.#asking = true;
    this.#changed();
    await first();
    while (this.#wanted && !this.track && !this.error) await this.#await(this.#ask());
    this.#asking = false;
    this.#changed();
  }

  async #ask() {
    const device = this.chosen ? { deviceId: { exact: this.chosen } } : {};
    const stream = await media().getUserMedia({ [this.#kind]: { ...WISHES[this.#kind], ...device } });
    return stream.getTracks()[0];
  }

  async #await(answer, forgiving = false) {
    const chosen = this.chosen;
    const current = () => this.#wanted && this.chosen === chosen;
    try {
      const track = await answer;
      if (current()) this.#use(track);
      else track.stop();
    } catch (error) {
      if (current() && !forgiving) this.error = error.name;
    }
  }

  #use(track) {
    this.track = track;
    track.onended = () => {
      this.#drop();
      this.error = "Ended";
      this.#changed();
    };
  }

  #drop() {
    if (!this.track) return;
    this.track.onended = null;
    this.track.stop();
    this.track = null;
  }
}

/** The browser's devices. Throws `InsecureContext` where pages are given none. */
export function media() {
  if (navigator.mediaDevices) return navigator.mediaDevices;
  throw Object.assign(new Error("no devices for this page"), { name: "InsecureContext" });
}
