// The preview, the switches and the pickers for our own camera and microphone.
import { Level } from "./level.js";
import { paintFace } from "./tiles.js";

const KINDS = { audio: "microphone", video: "camera" };
const byId = (id) => document.getElementById(id);

export class Devices {
  #media;

  constructor(media) {
    this.#media = media;
    for (const [kind, name] of Object.entries(KINDS)) {
      byId(`${name}-switch`).onclick = () => media.toggle(kind);
      byId(`${name}-picker`).onchange = ({ target }) => media.choose(kind, target.value);
    }
    byId("open-devices").onclick = () => this.#openDialog();
    byId("name").addEventListener("input", () => this.#paintOwnFace());
    media.addEventListener("change", () => this.#show());
    new Level(() => media.track("audio"), (level) => this.#showLevel(level));
    this.#paintOwnFace();
  }

  /** Put the switches (and, in the lobby, the pickers) where this screen has its place for them. */
  moveTo(screen) {
    screen.querySelector("[data-slot=switches]")?.append(byId("switches"));
    screen.querySelector("[data-slot=devices]")?.append(byId("devices"));
  }

  #openDialog() {
    const dialog = byId("device-dialog");
    this.moveTo(dialog);
    dialog.showModal();
  }

  async #show() {
    for (const [kind, name] of Object.entries(KINDS)) {
      const on = this.#media.isOn(kind);
      byId(`${name}-switch`).setAttribute("aria-pressed", on);
      byId(`${name}-switch`).title = `${on ? "Switch off" : "Switch on"} the ${name}`;
      fill(byId(`${name}-picker`), await this.#media.devices(kind), `No ${name}`);
    }
    this.#showPreview(this.#media.isOn("video"));
    byId("preview-note").textContent = this.#media.problem;
  }

  /** A stream without a picture would keep the page loading for ever. */
  #showPreview(on) {
    const [video, stream] = [byId("preview-video"), on ? this.#media.stream : null];
    if (video.srcObject !== stream) video.srcObject = stream;
    byId("preview").toggleAttribute("data-dark", !on);
  }

  #paintOwnFace() {
    paintFace(byId("preview-face"), byId("name").value || "?");
  }

  #showLevel(level) {
    const bars = [...byId("level").children];
    bars.forEach((bar, index) => bar.toggleAttribute("data-lit", level > index / bars.length + 0.02));
  }
}

function fill(select, devices, none) {
  const options = devices.map(({ deviceId, label, used }) => new Option(label, deviceId, used, used));
  select.replaceChildren(...(options.length ? options : [new Option(none, "")]));
  select.disabled = options.length === 0;
}
