// The form at the door: a name, a room, and what to do with them.
import { problem } from "./problems.js";
import { newRoomName } from "./room-name.js";

const LABELS = { create: "Create room", join: "Ask to join" };
const NAME_KEY = "parley-name";
const byId = (id) => document.getElementById(id);

export class Lobby {
  #go;
  #first = "create";

  /** `go(way, name, room)` is called with a way of `create` or `join`. */
  constructor(go) {
    this.#go = go;
    byId("name").value = localStorage.getItem(NAME_KEY) ?? "";
    byId("entry").onsubmit = (event) => {
      event.preventDefault();
      this.#submit(this.#first);
    };
    byId("second-choice").onclick = () => this.#submit(this.#first === "create" ? "join" : "create");
    byId("problem-offer").onclick = ({ currentTarget }) => this.#submit(currentTarget.dataset.way);
    addEventListener("hashchange", () => this.#readLink());
    this.#readLink();
  }

  showProblem(code, message, room) {
    const { text, offer } = problem(code, message, room);
    byId("problem-text").textContent = text;
    byId("problem").hidden = false;
    byId("problem").scrollIntoView({ block: "center" });
    byId("problem-offer").hidden = !offer;
    if (!offer) return;
    byId("problem-offer").textContent = offer.label;
    byId("problem-offer").dataset.way = offer.way;
  }

  #readLink() {
    const room = roomInLink();
    byId("problem").hidden = true;
    byId("room").value = room;
    byId("room").placeholder = newRoomName();
    byId("room-hint").textContent = room ? "From the link you opened." : "Leave it empty for a new one.";
    this.#first = room ? "join" : "create";
    byId("first-choice").textContent = LABELS[this.#first];
    byId("second-choice").textContent = LABELS[room ? "create" : "join"];
    byId("entry-title").textContent = room ? "You are invited" : "Talk face to face";
    byId("entry-lead").textContent = room
      ? "Say who you are. The host sees your name and lets you in."
      : "Open a room and share its link. Nobody gets in unless the host says yes.";
  }

  #submit(way) {
    const [name, room] = [byId("name"), byId("room")];
    name.value = name.value.trim();
    byId("problem").hidden = true;
    if (!name.value) return this.#miss(name, "no-name");
    if (way === "join" && !room.value.trim()) return this.#miss(room, "no-room");
    localStorage.setItem(NAME_KEY, name.value);
    this.#go(way, name.value, room.value.trim() || room.placeholder);
  }

  #miss(input, code) {
    this.showProblem(code);
    input.focus();
  }
}

/** The room that the page's address names, or nothing. */
function roomInLink() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return ""; // somebody cut the link in half
  }
}
