// Keyboard shortcuts in the call, and the sheet that lists them. Single letters are in the way of some who speak to their
// computer, or whose hands shake, so they can be switched off.
import { write } from "./language.js";
import { recall, remember } from "./memory.js";

const KEY = "parley-keys";
const OFF = "off";
const TYPING = "input, select, textarea, [contenteditable]";
const byId = (id) => document.getElementById(id);

// What each does is in the languages as `keys.` and the word; `button` is the id of one that does the same.
const SHORTCUTS = [
  { key: "m", word: "microphone", button: "microphone-switch" },
  { key: "v", word: "camera", button: "camera-switch" },
  { key: "d", word: "share", button: "share-switch" },
  { key: "r", word: "hand", button: "hand-switch" },
  { key: "c", word: "chat", button: "chat-switch" },
  { key: "s", word: "view", button: "view-switch" },
  { key: "p", word: "pin" },
  { key: "?", word: "help", button: "open-keys" },
];

export class Keys {
  #sheet;
  #pin;

  /** `pin` pins a tile, or lets go of it. */
  constructor(sheet, pin) {
    this.#sheet = sheet;
    this.#pin = pin;
    sheet.querySelector("ul").replaceChildren(...SHORTCUTS.map(row));
    for (const { key, button } of SHORTCUTS) byId(button)?.setAttribute("aria-keyshortcuts", key);
    this.#offerToSwitchOff(sheet.querySelector("[type=checkbox]"));
    byId("open-keys").onclick = () => this.open();
    addEventListener("keydown", (event) => this.#pressed(event));
  }

  open() {
    for (const other of document.querySelectorAll("dialog[open]")) other.close();
    this.#sheet.showModal();
  }

  #pressed(event) {
    const { key, target, ctrlKey, altKey, metaKey, repeat } = event;
    if (ctrlKey || altKey || metaKey || repeat || target.closest?.(TYPING)) return;
    if (document.body.dataset.screen !== "call" || document.querySelector("dialog[open]")) return;
    const shortcut = SHORTCUTS.find((one) => one.key === key.toLowerCase());
    if (!shortcut || recall(KEY) === OFF) return;
    event.preventDefault();
    const button = byId(shortcut.button);
    if (shortcut.word === "pin") this.#pin();
    else if (!button.hidden) button.click();
  }

  #offerToSwitchOff(box) {
    box.checked = recall(KEY) !== OFF;
    box.onchange = () => remember(KEY, box.checked ? "" : OFF);
  }
}

function row({ key, word }) {
  const [line, name, does] = ["li", "kbd", "span"].map((tag) => document.createElement(tag));
  name.textContent = key.toUpperCase();
  write(does, `keys.${word}`);
  line.append(does, name);
  return line;
}
