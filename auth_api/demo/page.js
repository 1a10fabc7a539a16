// The page: which screen is shown, and what each button does.
import { Devices } from "./devices.js";
import { Knocks } from "./knocks.js";
import { Lobby } from "./lobby.js";
import { Media } from "./media.js";
import { Tiles } from "./tiles.js";
import { Toasts } from "./toasts.js";
import { Visit } from "./visit.js";

const byId = (id) => document.getElementById(id);
const media = new Media();
const devices = new Devices(media);
const tiles = new Tiles(byId("grid"), byId("tile-template"));
const toasts = new Toasts(byId("toasts"));
const knocks = new Knocks(byId("knocks"), byId("knock-template"));
const lobby = new Lobby(go);
let visit = null;
let ownName = "";
let ownTile = null;
let problemShown = "";

/** What a visit shows; see visit.js. */
const view = {
  wait(title, text) {
    byId("waiting-title").textContent = title;
    byId("waiting-text").textContent = text;
    show("waiting");
  },
  enter(room, peerId) {
    byId("room-name").textContent = room;
    byId("link").textContent = location.href;
    show("call");
    ownTile = tiles.add(peerId, ownName);
    ownTile.setOwn();
    ownTile.setStream(media.stream);
    ownTile.setState("connected");
    showOwnMedia();
  },
  fail(code, message, room) {
    show("lobby");
    lobby.showProblem(code, message, room);
  },
  people(count, mine) {
    byId("count-text").textContent = count;
    byId("own-host").hidden = !mine;
    byId("invite").hidden = count > 1;
    tiles.layOut();
  },
  banner(text) {
    byId("banner-text").textContent = text;
    byId("banner").hidden = !text;
  },
  toast: (text) => toasts.show(text),
  knock: (id, name, decide) => knocks.add(id, name, decide),
  unknock: () => knocks.clear(),
};

async function go(way, name, room) {
  ownName = name;
  view.wait("Connecting…", "One moment.");
  try {
    const answer = await fetch("/demo/config.json");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    history.replaceState(null, "", `#${encodeURIComponent(room)}`);
    visit = new Visit(await answer.json(), name, room, media, tiles, view);
    visit.start(way);
  } catch (error) {
    console.warn("no settings:", error.message);
    view.fail("unavailable");
  }
}

async function leave() {
  show("lobby");
  await visit?.leave();
}

function show(screen) {
  if (document.body.dataset.screen !== screen) byId("device-dialog").close();
  document.body.dataset.screen = screen;
  devices.moveTo(document.querySelector(`.screen[data-screen=${screen}]`));
}

function showOwnMedia() {
  ownTile?.setAbout({ audio: media.isOn("audio"), video: media.isOn("video") });
  if (media.problem && media.problem !== problemShown && document.body.dataset.screen === "call") toasts.show(media.problem);
  problemShown = media.problem;
}

async function copyLink() {
  try {
    await navigator.clipboard.writeText(location.href);
    toasts.show("Link copied");
  } catch {
    toasts.show(`Copy it from the address bar: ${location.href}`);
  }
}

byId("leave").onclick = leave;
byId("cancel").onclick = leave;
byId("copy-link").onclick = copyLink;
byId("invite-copy").onclick = copyLink;
addEventListener("pagehide", () => visit?.close());
media.addEventListener("change", showOwnMedia);
show("lobby");
media.open();
