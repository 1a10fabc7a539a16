// Our own camera and microphone.
import { Device, WISHES, media } from "./device.js";

const NAMES = { audio: "microphone", video: "camera" };
const ERRORS = {
  NotAllowedError: "denied",
  NotFoundError: "missing",
  NotReadableError: "busy",
  OverconstrainedError: "gone",
  Ended: "ended",
};

/**
 * Tells `change` whenever what is sent, seen or wrong is another, and `failed` with a sentence each time that a device could
 * not be had. `kind` is `audio` or `video` throughout.
 */
export class Media extends EventTarget {
  stream = new MediaStream(); // with the tracks that there are
  #devices = {};
  #errors = {}; // those already told

  constructor() {
    super();
    for (const kind of Object.keys(NAMES)) this.#devices[kind] = new Device(kind, () => this.#changed(kind));
  }

  /** Ask for both at once, so that the browser asks the person once; for each by itself if one cannot be had. */
  open() {
    navigator.mediaDevices?.addEventListener("devicechange", () => this.#tell());
    const both = (async () => media().getUserMedia(WISHES))();
    for (const [kind, device] of Object.entries(this.#devices)) {
      device.begin(both.then((stream) => stream.getTracks().find((track) => track.kind === kind)));
    }
  }

  /** What is wrong with camera and microphone: a sentence's `[key, values]` for each, or one for both. */
  get problems() {
    const { audio, video } = this.#devices;
    const found = audio.error === video.error ? [inWords(audio.error, "both")] : [this.problemOf("video"), this.problemOf("audio")];
    return found.filter(Boolean);
  }

  /** What is wrong with one of them: `[key, values]`, or null. */
  problemOf(kind) {
    return inWords(this.#devices[kind].error, NAMES[kind]);
  }

  track(kind) {
    return this.#devices[kind].track;
  }

  isOn(kind) {
    return this.#devices[kind].isOn;
  }

  isStarting(kind) {
    return this.#devices[kind].isStarting;
  }

  /** What there is to choose from, and which one is in use or will be. */
  async devices(kind) {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const { track, chosen } = this.#devices[kind];
    const used = track?.getSettings().deviceId ?? chosen;
    return all
      .filter((device) => device.kind === `${kind}input` && device.deviceId)
      .map(({ deviceId, label }) => ({ deviceId, label, used: deviceId === used }));
  }

  choose(kind, deviceId) {
    this.#devices[kind].choose(deviceId);
  }

  toggle(kind) {
    this.#devices[kind].toggle();
  }

  #changed(kind) {
    const { track, error } = this.#devices[kind];
    for (const old of this.stream.getTracks()) if (old.kind === kind && old !== track) this.stream.removeTrack(old);
    if (track) this.stream.addTrack(track);
    this.#tell();
    const failed = error && error !== this.#errors[kind];
    this.#errors[kind] = error; // a new wish empties it, so that the same failure is told again
    if (failed) this.dispatchEvent(new CustomEvent("failed", { detail: this.problemOf(kind) }));
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}

function inWords(error, name) {
  if (!error) return null;
  if (error === "InsecureContext") return ["media.insecure"];
  return [`media.${ERRORS[error] ?? "broken"}.${name}`, { error }];
}
