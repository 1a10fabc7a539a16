// The video grid: a tile for each person, all as large as the space allows.
import { write } from "./language.js";
import { characters } from "./names.js";

const GAP = 12;
const WIDEST = 16 / 9;
const NARROWEST = { upright: 4 / 5, lying: 4 / 3 }; // on a screen of that kind
const TOLD = new Set(["new", "connecting", "disconnected", "failed"]); // states that a tile has a word for

export class Tiles {
  #grid;
  #template;
  #tiles = new Map();

  constructor(grid, template) {
    this.#grid = grid;
    this.#template = template;
    new ResizeObserver(() => this.layOut()).observe(grid);
  }

  add(id, name) {
    const tile = new Tile(this.#template.content.firstElementChild.cloneNode(true), id, name);
    this.#tiles.set(id, tile);
    this.#grid.append(tile.element);
    this.layOut();
    return tile;
  }

  get ids() {
    return [...this.#tiles.keys()];
  }

  get(id) {
    return this.#tiles.get(id);
  }

  remove(id) {
    this.#tiles.get(id)?.element.remove();
    this.#tiles.delete(id);
    this.layOut();
  }

  clear() {
    for (const id of [...this.#tiles.keys()]) this.remove(id);
  }

  /** Show who has raised a hand, the first in line first. */
  setHands(line) {
    for (const [id, tile] of this.#tiles) tile.setHand(line.indexOf(id) + 1);
  }

  setOwner(owner) {
    for (const [id, tile] of this.#tiles) tile.element.toggleAttribute("data-host", id === owner);
  }

  layOut() {
    const count = [...this.#grid.children].filter((child) => !child.hidden).length;
    const { clientWidth, clientHeight } = this.#grid;
    if (!count || !clientWidth) return;
    const { width, height } = largest(count, clientWidth, clientHeight);
    this.#grid.style.setProperty("--tile-width", `${Math.floor(width)}px`);
    this.#grid.style.setProperty("--tile-height", `${Math.floor(height)}px`);
  }
}

class Tile {
  element;
  #name;
  #video;

  constructor(element, id, name) {
    this.element = element;
    this.#name = name;
    this.#video = element.querySelector("video");
    element.dataset.peer = id;
    element.querySelector(".name bdi").textContent = name;
    paintFace(element.querySelector(".face"), name);
  }

  /** Show our own picture: mirrored, and never heard. */
  setOwn() {
    this.element.dataset.own = "";
    write(this.element.querySelector(".name"), "tile.you", { name: this.#name });
    this.#video.muted = true;
  }

  setStream(stream) {
    if (this.#video.srcObject !== stream) this.#video.srcObject = stream;
  }

  setState(state) {
    this.element.dataset.state = state;
    write(this.element.querySelector(".tile-state"), TOLD.has(state) ? `tile.${state}` : "");
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

function largest(count, width, height) {
  let best = { width: 0, height: 0 };
  const narrowest = width < height ? NARROWEST.upright : NARROWEST.lying;
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const cell = { width: (width - GAP * (columns - 1)) / columns, height: (height - GAP * (rows - 1)) / rows };
    const fit = { width: Math.min(cell.width, cell.height * WIDEST), height: Math.min(cell.height, cell.width / narrowest) };
    if (fit.width * fit.height > best.width * best.height) best = fit;
  }
  return best;
}
