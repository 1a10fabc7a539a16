// The form at the door: a name, a room, and what to do with them.
import { write } from "./language.js";
import { invitationTo, roomInLink } from "./link.js";
import { recall, remember } from "./memory.js";
import { personName, roomName } from "./names.js";
import { problem } from "./problems.js";
import { newRoomName } from "./room-name.js";

const OTHER = { create: "join", join: "create" };
const NAME_KEY = "parley-name";
const byId = (id) => document.getElementById(id);

export class Lobby {
  #go;
  #first = "create"; // what Enter does

  /** `go(way, name, room)` is called with a way of `create` or `join`. */
  constructor(go) {
    this.#go = go;
    byId("name").value = recall(NAME_KEY);
    byId("entry").onsubmit = (event) => {
      event.preventDefault();
      this.#submit(this.#first);
    };
    byId("room").addEventListener("input", () => this.#prefer(this.#first));
    byId("second-choice").onclick = () => this.#submit(OTHER[this.#first]);
    byId("problem-offer").onclick = ({ currentTarget }) => this.#submit(currentTarget.dataset.way);
    this.readLink();
  }

  /** Say what went wrong (see problems.js); what was tried, or asking where somebody else has the room, comes first from now on. */
  showProblem(what, room = "") {
    const { title, sentences, offer, way } = problem(what, room);
    if (title) write(byId("entry-title"), title);
    byId("entry-lead").hidden = Boolean(title);
    byId("problem-text").replaceChildren(...sentences.flatMap((sentence) => [saying(sentence), " "]));
    byId("problem").hidden = false;
    byId("problem-offer").hidden = !offer;
    if (room) byId("room").value = room;
    this.#prefer(what.code === "taken" ? "join" : this.#first);
    if (offer) write(byId("problem-offer"), `problem.offer.${offer}`);
    byId("problem-offer").dataset.way = way || this.#first;
    byId("problem").scrollIntoView({ block: "center" });
    byId("problem").focus({ preventScroll: true }); // not the button in it: somebody may be typing, and press Enter
  }

  /** Offer what the page's address names. */
  readLink() {
    const room = roomInLink();
    byId("problem").hidden = true;
    byId("entry-lead").hidden = false;
    byId("room").value = room;
    byId("room").placeholder = newRoomName();
    write(byId("room-hint"), room ? "lobby.room.linked" : "lobby.room.new");
    this.#prefer(room ? "join" : "create");
    write(byId("entry-title"), room ? "lobby.title.invited" : "lobby.title");
    write(byId("entry-lead"), invitationTo(room) ? "lobby.lead.straight" : room ? "lobby.lead.invited" : "lobby.lead");
  }

  #prefer(way) {
    this.#first = way;
    write(byId("first-choice"), this.#labelOf(way));
    write(byId("second-choice"), this.#labelOf(OTHER[way]));
  }

  /** Whoever has an invitation to the room needs not ask. */
  #labelOf(way) {
    return way === "join" && invitationTo(byId("room").value) ? "lobby.enter" : `lobby.${way}`;
  }

  #submit(way) {
    const [name, room] = [byId("name"), byId("room")];
    name.value = personName(name.value);
    room.value = roomName(room.value);
    byId("problem").hidden = true;
    this.#prefer(way);
    if (!name.value) return this.#miss(name, "no-name");
    if (way === "join" && !room.value) return this.#miss(room, "no-room");
    remember(NAME_KEY, name.value);
    this.#go(way, name.value, room.value || room.placeholder);
  }

  #miss(input, code) {
    this.showProblem({ code });
    input.focus();
  }
}

function saying([key, values]) {
  const sentence = document.createElement("span");
  write(sentence, key, values);
  return sentence;
}
