// Our own camera and microphone.
import { Device, WISHES, media } from "./device.js";

const NAMES = { audio: "microphone", video: "camera" };

/**
 * Tells `change` whenever what is sent, seen or wrong is another, and `failed` with words each time that a device could
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

  /** What is wrong with camera and microphone, in words; empty if nothing is. */
  get problem() {
    const { audio, video } = this.#devices;
    if (audio.error === video.error) return inWords(audio.error, "camera and microphone");
    return `${this.problemOf("video")} ${this.problemOf("audio")}`.trim();
  }

  /** What is wrong with one of them. */
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
      .map(({ deviceId, label }) => ({ deviceId, label: label || NAMES[kind], used: deviceId === used }));
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
  switch (error) {
    case "":
      return "";
    case "InsecureContext":
      return "Camera and microphone work on https pages and on localhost only.";
    case "NotAllowedError":
      return `This page may not use your ${name}. Allow it in the address bar, then switch it on.`;
    case "NotFoundError":
      return `No ${name} found.`;
    case "NotReadableError":
      return `Another program is using your ${name}.`;
    case "OverconstrainedError":
      return `That ${name} is gone. Pick another one.`;
    case "Ended":
      return `Your ${name} was unplugged or taken away.`;
    default:
      return `Your ${name} cannot be used (${error}).`;
  }
}
