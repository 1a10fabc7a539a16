// The page: which screen is shown, and what each button does.
import { Chat } from "./chat.js";
import { keepDoubleClicksTogether } from "./clicks.js";
import { Devices } from "./devices.js";
import { Inviting } from "./inviting.js";
import { KillPanel } from "./kill-panel.js";
import { Keys } from "./keys.js";
import { Knocks } from "./knocks.js";
import { offerLanguages, write } from "./language.js";
import { invitationTo, linkTo, roomInLink } from "./link.js";
import { Lobby } from "./lobby.js";
import { Media } from "./media.js";
import { keep, take } from "./memory.js";
import { askForConfig } from "./pass.js";
import { People } from "./people.js";
import { Reactions } from "./reactions.js";
import { obey } from "./silence.js";
import { Screen } from "./screen.js";
import { Tiles } from "./tiles.js";
import { Toasts } from "./toasts.js";
import { saidAtTheDoor, ToHosts } from "./to-hosts.js";
import { Visit } from "./visit.js";

const VISIT = "parley-visit"; // what is kept of a visit for when the page is loaded again
const CHAT = "parley-chat"; // and what was written
offerLanguages([...document.querySelectorAll("select.language")]);
const byId = (id) => document.getElementById(id);
const media = new Media();
const screen = new Screen();
const devices = new Devices(media);
const tiles = new Tiles(byId("grid"), byId("tile-template"));
new Keys(byId("keys"), () => tiles.togglePin());
const toasts = new Toasts(byId("toasts"));
const knocks = new Knocks(byId("knocks"), byId("knock-template"));
const people = new People(byId("people"), byId("people-switch"), (key, values) => toasts.show(key, values));
const inviting = new Inviting();
const reactions = new Reactions(byId("reactions"), byId("reaction-said"), tiles);
const killPanel = new KillPanel(() => stay?.visit?.gateway ?? "");
const lobby = new Lobby(go);
const chat = new Chat(byId("chat"), byId("chat-switch"), (text) => stay?.visit?.say(text) ?? false);
const toHosts = new ToHosts(byId("to-hosts"), (text) => stay?.visit?.sayToHosts(text) ?? false);
let stay = null; // from the click until we are back in the lobby: {name, room, visit, killSwitch}
let ownTile = null;

/** What a visit shows; see visit.js. What is said is the key of a sentence, and values in it. */
const view = {
  wait(what, room, slow = false) {
    write(byId("waiting-title"), `wait.${what}`, { room });
    write(byId("waiting-text"), slow ? "wait.slow" : `wait.${what}.text`, { room });
    if (what !== "host") view.door("", false);
    show("waiting");
  },
  /** A host decides. `text` is what the room says to those who wait. */
  door(text, waiting = true) {
    byId("waiting-said").textContent = text;
    byId("waiting-said").hidden = !text;
    toHosts.show(waiting);
  },
  enter(room, peerId) {
    if (tiles.get(peerId)) return show("call");
    byId("room-name").textContent = room;
    byId("room-chip").title = room;
    byId("link").textContent = linkTo(room);
    show("call");
    ownTile = tiles.add(peerId, stay.name);
    ownTile.setOwn();
    ownTile.setStream(media.stream);
    ownTile.setState("connected");
    showOwnMedia();
  },
  fail(what, room) {
    stay = null;
    toasts.clear();
    leaveRoom();
    show("lobby");
    lobby.showProblem(what, room);
  },
  people(count, mine) {
    byId("count-text").textContent = count;
    byId("own-host").hidden = !mine;
    byId("invite").hidden = count > 1;
    tiles.layOut();
  },
  banner(key) {
    write(byId("banner-text"), key);
    byId("banner").hidden = !key;
  },
  toast: (key, values) => toasts.show(key, values),
  knocks: (asking, decide) => knocks.show(asking, decide),
  message(message, room) {
    chat.add(message, room);
    const said = saidAtTheDoor(message);
    if (!said) return;
    knocks.say(message.peer_id, said);
    people.say(message.peer_id, said);
  },
  /** We are in this room, which tells by itself what changes in it. */
  follow(room) {
    people.follow(room);
    reactions.follow(room);
    killPanel.follow(room, stay.killSwitch);
    inviting.follow(room, () => stay.visit.invite());
    obey(room, media, (name) => toasts.show("member.mute.obeyed", { name }));
  },
  hand: (up) => byId("hand-switch").setAttribute("aria-pressed", up),
};

/** `kept` is what a visit returned that was suspended. */
async function go(way, name, room, kept = null) {
  if (stay) return; // a second click
  const own = (stay = { name, room, visit: null });
  const invitation = kept ? kept.invitation : way === "join" ? invitationTo(room) : "";
  view.wait("connecting", room);
  try {
    const config = await askForConfig({ invitation });
    if (stay !== own) return; // left meanwhile
    history.replaceState(null, "", linkTo(room));
    if (invitation && config.invited !== room && !kept) return view.fail({ code: "invitation" }, room);
    own.killSwitch = config.kill_switch;
    own.visit = new Visit(config, name, room, media, screen, tiles, view, kept, invitation);
    own.visit.start(way);
  } catch (error) {
    console.warn("no settings:", error.message);
    if (stay === own) view.fail({ code: "unavailable" }, room);
  }
}

/** Nothing of the room stays on the page. */
function leaveRoom() {
  chat.clear();
  people.leave();
  reactions.leave();
  killPanel.leave();
}

function leave() {
  const visit = stay?.visit;
  stay = null;
  leaveRoom();
  show("lobby");
  visit?.leave();
}

/** The page goes away, or into the browser's cache. Our place is kept for a while, if we were in. */
function depart() {
  if (!stay) return;
  const { visit, name, room } = stay;
  const kept = visit?.suspend();
  if (kept) keep(VISIT, { kept, name, room });
  if (kept) keep(CHAT, chat.said);
  view.fail({ code: "away" }, room);
}

/** The page was loaded again, or is back from the browser's cache: so are we, where we were. */
function comeBack() {
  const [visit, said] = [take(VISIT), take(CHAT)];
  if (!visit) return;
  chat.restore(said ?? []);
  go("resume", visit.name, visit.room, visit.kept);
}

/** Somebody changed the address. The call, or the wait for it, stays, and so does the link to it. */
function addressChanged() {
  if (!stay) return lobby.readLink();
  if (roomInLink() === stay.room) return;
  history.replaceState(null, "", linkTo(stay.room));
  toasts.show(document.body.dataset.screen === "call" ? "call.still.in" : "call.still.waiting", { room: stay.room });
}

function show(screen) {
  const [element, changes] = [document.querySelector(`.screen[data-screen=${screen}]`), document.body.dataset.screen !== screen];
  if (changes) for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  document.body.dataset.screen = screen;
  devices.moveTo(element);
  if (changes) element.focus({ preventScroll: true }); // what had the focus is not there any more
}

function showOwnMedia() {
  ownTile?.setAbout({ audio: media.isOn("audio"), video: media.isOn("video") });
}

function showOwnScreen() {
  byId("share-switch").setAttribute("aria-pressed", screen.stream !== null);
  byId("sharing").hidden = screen.stream === null;
}

function followSpeaker() {
  tiles.spotlight.toggleFollowing();
  byId("view-switch").setAttribute("aria-pressed", tiles.spotlight.following);
}

async function copyLink() {
  const link = linkTo(stay.room);
  try {
    await navigator.clipboard.writeText(link);
    toasts.show("link.copied");
  } catch {
    toasts.show("link.copy", { link });
  }
}

keepDoubleClicksTogether();
byId("leave").onclick = leave;
byId("cancel").onclick = leave;
byId("copy-link").onclick = copyLink;
byId("invite-copy").onclick = copyLink;
byId("share-switch").hidden = !Screen.isPossible;
byId("share-switch").onclick = () => screen.toggle();
byId("share-stop").onclick = () => screen.stop();
byId("view-switch").onclick = followSpeaker;
byId("hand-switch").onclick = () => stay?.visit?.toggleHand();
for (const touch of ["click", "keydown"]) addEventListener(touch, () => tiles.play());
addEventListener("pagehide", depart);
addEventListener("pageshow", ({ persisted }) => persisted && comeBack());
addEventListener("hashchange", addressChanged);
media.addEventListener("change", showOwnMedia);
screen.addEventListener("change", showOwnScreen);
screen.addEventListener("failed", () => toasts.show("share.failed"));
media.addEventListener("failed", ({ detail }) => document.body.dataset.screen === "call" && toasts.show(...detail));
show("lobby");
media.open();
comeBack();
