// The preview, the switches and the pickers for our own camera and microphone.
import { hint, text, write } from "./language.js";
import { Level } from "./level.js";
import { personName } from "./names.js";
import { paintFace } from "./tiles.js";

const KINDS = { audio: "microphone", video: "camera" };
const EVERY = 100; // ms between two looks at the level
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
    const level = new Level();
    setInterval(() => this.#showLevel(level.measure(media.track("audio"))), EVERY);
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

  #show() {
    for (const [kind, name] of Object.entries(KINDS)) {
      this.#showSwitch(byId(`${name}-switch`), kind, name);
      this.#fillPicker(byId(`${name}-picker`), kind, name);
    }
    this.#showPreview(this.#media.isOn("video"));
    byId("preview-note").replaceChildren(...this.#media.problems.map(inWords));
  }

  #showSwitch(button, kind, name) {
    const [on, starting, problem] = [this.#media.isOn(kind), this.#media.isStarting(kind), this.#media.problemOf(kind)];
    button.setAttribute("aria-pressed", on);
    button.setAttribute("aria-busy", starting);
    button.toggleAttribute("data-problem", problem !== null);
    if (problem) hint(button, ...problem);
    else hint(button, `devices.${name}.${starting ? "starting" : on ? "off" : "on"}`);
  }

  async #fillPicker(picker, kind, name) {
    fill(picker, await this.#media.devices(kind), name);
  }

  /** A stream without a picture would keep the page loading for ever. */
  #showPreview(on) {
    const [video, stream] = [byId("preview-video"), on ? this.#media.stream : null];
    if (video.srcObject !== stream) video.srcObject = stream;
    byId("preview").toggleAttribute("data-dark", !on);
  }

  #paintOwnFace() {
    paintFace(byId("preview-face"), personName(byId("name").value) || "?");
  }

  #showLevel(level) {
    const bars = [...byId("level").children];
    bars.forEach((bar, index) => bar.toggleAttribute("data-lit", level > index / bars.length + 0.02));
  }
}

function fill(select, devices, name) {
  const options = devices.map(({ deviceId, label, used }) => new Option(label || text(`devices.${name}`), deviceId, used, used));
  const none = new Option("", "");
  write(none, `devices.${name}.none`);
  select.replaceChildren(...(options.length ? options : [none]));
  select.disabled = options.length === 0;
}

/** An element that says a sentence. */
function inWords(sentence) {
  const element = document.createElement("span");
  write(element, ...sentence);
  return element;
}
