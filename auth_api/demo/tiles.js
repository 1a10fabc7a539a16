// The tiles: one for each person, and one for each screen that is shown.
import { hint, label, write } from "./language.js";
import { arrange } from "./layout.js";
import { characters } from "./names.js";
import { Spotlight } from "./spotlight.js";

const TOLD = new Set(["new", "connecting", "disconnected", "failed"]); // states that a tile has a word for
const SCREEN = "/screen"; // follows the person's id in that of their screen

export class Tiles {
  spotlight = new Spotlight(() => this.#show());
  #grid;
  #template;
  #tiles = new Map();

  constructor(grid, template) {
    this.#grid = grid;
    this.#template = template;
    new ResizeObserver(() => this.layOut()).observe(grid);
  }

  add(id, name) {
    const element = this.#template.content.firstElementChild.cloneNode(true);
    const tile = new Tile(element, id, name, () => this.spotlight.togglePin(id));
    this.#tiles.set(id, tile);
    this.#grid.append(element);
    this.#show();
    return tile;
  }

  /** Those of the people. */
  get ids() {
    return [...this.#tiles.keys()].filter((id) => !id.endsWith(SCREEN));
  }

  get(id) {
    return this.#tiles.get(id);
  }

  remove(id) {
    this.setScreen(id, null);
    this.#drop(id);
  }

  clear() {
    for (const id of this.ids) this.remove(id);
  }

  /** Show the screen of somebody, or (with null) show it no more. Returns whether that is news. */
  setScreen(owner, stream, name) {
    const id = owner + SCREEN;
    const known = this.#tiles.has(id);
    if (known && !stream) this.#drop(id);
    if (!stream) return known;
    const tile = known ? this.#tiles.get(id) : this.add(id, name);
    tile.setStream(stream);
    if (known) return false;
    tile.setScreen();
    this.spotlight.addScreen(id);
    return true;
  }

  /** Show who has raised a hand, the first in line first. */
  setHands(line) {
    for (const [id, tile] of this.#tiles) tile.setHand(line.indexOf(id) + 1);
  }

  setOwner(owner) {
    for (const [id, tile] of this.#tiles) tile.element.toggleAttribute("data-host", id === owner);
  }

  /** Pin the tile that has the keyboard's focus, or else another that is worth it; or let go of the one that is pinned. */
  togglePin() {
    const { pinned, speaker } = this.spotlight;
    const focused = document.activeElement?.closest(".tile")?.dataset.peer;
    const other = this.ids.find((id) => !("own" in this.#tiles.get(id).element.dataset));
    const id = focused ?? (pinned || speaker || other);
    if (id) this.spotlight.togglePin(id);
  }

  /** Play what the browser would not before somebody touched the page. */
  play() {
    for (const tile of this.#tiles.values()) tile.play();
  }

  layOut() {
    const shown = [...this.#grid.children].filter((child) => !child.hidden);
    const { clientWidth, clientHeight } = this.#grid;
    if (!clientWidth) return;
    const main = shown.findIndex((element) => element.dataset.peer === this.spotlight.main);
    const whole = shown[main]?.hasAttribute("data-screen");
    arrange(shown.length, { main, whole }, clientWidth, clientHeight).forEach((box, index) => {
      for (const [name, length] of Object.entries(box)) shown[index].style.setProperty(`--${name}`, `${length}px`);
    });
  }

  #drop(id) {
    this.#tiles.get(id)?.element.remove();
    this.#tiles.delete(id);
    this.spotlight.remove(id);
    this.#show();
  }

  #show() {
    const { main, pinned } = this.spotlight;
    for (const [id, tile] of this.#tiles) tile.setPlace(id === main, id === pinned);
    this.layOut();
  }
}

class Tile {
  element;
  #name;
  #video;
  #pin;

  constructor(element, id, name, togglePin) {
    this.element = element;
    this.#name = name;
    this.#video = element.querySelector("video");
    this.#pin = element.querySelector(".pin");
    element.dataset.peer = id;
    element.querySelector(".name bdi").textContent = name;
    element.onclick = ({ target }) => [null, this.#pin].includes(target.closest("button")) && togglePin();
    paintFace(element.querySelector(".face"), name);
  }

  /** Show our own picture: mirrored, and never heard. */
  setOwn() {
    this.element.dataset.own = "";
    write(this.element.querySelector(".name"), "tile.you", { name: this.#name });
    this.#video.muted = true;
  }

  /** Show not the person, but their screen. */
  setScreen() {
    this.element.dataset.screen = "";
    write(this.element.querySelector(".name"), "tile.screen", { name: this.#name });
  }

  setStream(stream) {
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
  }

  play() {
    if (this.#video.paused && this.#video.srcObject) this.#video.play().catch(() => {}); // then the next time
  }

  setState(state) {
    this.element.dataset.state = state;
    write(this.element.querySelector(".tile-state"), TOLD.has(state) ? `tile.${state}` : "");
  }

  /** Whether it is the large one, and whether because it is pinned. */
  setPlace(main, pinned) {
    this.element.toggleAttribute("data-main", main);
    this.#pin.setAttribute("aria-pressed", pinned);
    label(this.#pin, this.element.hasAttribute("data-screen") ? "tile.pin.screen" : "tile.pin", { name: this.#name });
    hint(this.#pin, pinned ? "tile.unpin.hint" : "tile.pin.hint");
  }

  /** Whether the person is heard right now. */
  setHeard(heard) {
    this.element.toggleAttribute("data-heard", heard);
  }

  /** How good the connection is: `good`, `fair` or `poor`; empty if that is not known. */
  setQuality(step) {
    const quality = this.element.querySelector(".quality");
    if (quality.dataset.step === step) return;
    quality.dataset.step = step;
    quality.toggleAttribute("hidden", !step);
    if (step) label(quality, `quality.${step}`);
  }

  /** Show a raised hand and its place in line; with 0, none. */
  setHand(place) {
    const hand = this.element.querySelector(".hand");
    hand.hidden = !place;
    hand.querySelector("span").textContent = place;
  }

  /** What the person says of their microphone and camera. */
  setAbout({ audio, video }) {
    this.element.toggleAttribute("data-silent", audio === false);
    this.element.toggleAttribute("data-dark", video === false);
  }
}

/** Initials on a colour of their own, where there is no picture. */
export function paintFace(element, name) {
  const letters = characters(name).filter((letter) => /\S/u.test(letter));
  const hue = letters.reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 360, 7);
  element.textContent = (letters[0] ?? "?").toUpperCase();
  element.style.setProperty("--hue", hue);
}
