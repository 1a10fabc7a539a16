// Our own screen, as far as we show it to the others.
import { media } from "./device.js";

/** Tells `change` when it begins or ends, and `failed` if there is none to be had. */
export class Screen extends EventTarget {
  stream = null;
  #asking = null; // what the answer is for that the browser has not given yet

  /** Whether this browser can do it: those on phones cannot. */
  static get isPossible() {
    return Boolean(navigator.mediaDevices?.getDisplayMedia);
  }

  /** Show it, or show it no more. */
  toggle() {
    return this.stream ? this.stop() : this.#start();
  }

  /** Show it no more, and not when the browser has it at last either. */
  stop() {
    this.#asking = null;
    if (!this.stream) return;
    end(this.stream);
    this.stream = null;
    this.dispatchEvent(new Event("change"));
  }

  async #start() {
    if (this.#asking) return;
    const asking = (this.#asking = {});
    try {
      const stream = await media().getDisplayMedia({ video: true, audio: true });
      if (this.#asking === asking) this.#use(stream);
      else end(stream);
    } catch (error) {
      if (error.name !== "NotAllowedError") this.dispatchEvent(new Event("failed")); // else they thought better of it
    }
    if (this.#asking === asking) this.#asking = null;
  }

  #use(stream) {
    this.stream = stream;
    stream.getVideoTracks()[0].onended = () => this.stop(); // by the browser's own button
    this.dispatchEvent(new Event("change"));
  }
}

function end(stream) {
  for (const track of stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
}
