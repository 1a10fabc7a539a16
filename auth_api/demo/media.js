// Our own camera and microphone.

const NAMES = { audio: "microphone", video: "camera" };
const WISHES = { audio: { echoCancellation: true }, video: { width: { ideal: 1280 }, height: { ideal: 720 } } };

/** Tells `change` whenever what is sent, seen or wrong is another. `kind` is `audio` or `video` throughout. */
export class Media extends EventTarget {
  stream = new MediaStream();
  #wanted = { audio: true, video: true };
  #errors = { audio: "", video: "" }; // names of what went wrong, as browsers have them
  #device = { audio: "", video: "" }; // chosen; empty: whichever the browser takes

  /** Ask for both at once, so that the browser asks the person once. */
  async open() {
    if (!navigator.mediaDevices) {
      return this.#fail(["audio", "video"], "InsecureContext");
    }
    navigator.mediaDevices.addEventListener("devicechange", () => this.#tell());
    try {
      const stream = await navigator.mediaDevices.getUserMedia(WISHES);
      for (const track of stream.getTracks()) this.#use(track);
      this.#tell();
    } catch {
      await this.#get("audio");
      await this.#get("video");
    }
  }

  /** What is wrong with camera and microphone, in words; empty if nothing is. */
  get problem() {
    const { audio, video } = this.#errors;
    if (audio === video) return inWords(audio, "camera and microphone");
    return `${inWords(video, NAMES.video)} ${inWords(audio, NAMES.audio)}`.trim();
  }

  track(kind) {
    return this.stream.getTracks().find((track) => track.kind === kind) ?? null;
  }

  isOn(kind) {
    return this.#wanted[kind] && this.track(kind) !== null;
  }

  /** What there is to choose from, and which one is in use. */
  async devices(kind) {
    const all = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const used = this.track(kind)?.getSettings().deviceId ?? this.#device[kind];
    return all
      .filter((device) => device.kind === `${kind}input` && device.deviceId)
      .map(({ deviceId, label }) => ({ deviceId, label: label || NAMES[kind], used: deviceId === used }));
  }

  async choose(kind, deviceId) {
    this.#device[kind] = deviceId;
    this.#wanted[kind] = true;
    await this.#get(kind);
  }

  /** A microphone goes silent; a camera is let go, so that its light goes out. */
  async toggle(kind) {
    const on = !this.isOn(kind);
    this.#wanted[kind] = on;
    if (kind === "video" && !on) this.#drop(kind);
    if (on && !this.track(kind)) return this.#get(kind);
    if (this.track(kind)) this.track(kind).enabled = on;
    this.#tell();
  }

  async #get(kind) {
    if (!navigator.mediaDevices) return this.#fail([kind], "InsecureContext");
    this.#drop(kind);
    const device = this.#device[kind] ? { deviceId: { exact: this.#device[kind] } } : {};
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ [kind]: { ...WISHES[kind], ...device } });
      this.#use(stream.getTracks()[0]);
      this.#tell();
    } catch (error) {
      this.#fail([kind], error.name);
    }
  }

  #use(track) {
    this.#drop(track.kind); // two requests may have crossed
    this.stream.addTrack(track);
    this.#errors[track.kind] = "";
    track.onended = () => {
      this.#drop(track.kind);
      this.#fail([track.kind], "Ended");
    };
  }

  #drop(kind) {
    const track = this.track(kind);
    if (!track) return;
    track.stop();
    this.stream.removeTrack(track);
  }

  #fail(kinds, name) {
    for (const kind of kinds) this.#errors[kind] = name;
    this.#tell();
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
