// The page: signs in, reads all rooms, keeps them up to date, and shows what the operator looks at.
import { Actions } from "./actions.js";
import { Api, pause } from "./api.js";
import { AppsView } from "./apps-view.js";
import { Hour } from "./hour.js";
import { List } from "./list.js";
import { named } from "./names.js";
import { Notices } from "./notices.js";
import { Numbers } from "./numbers.js";
import { People } from "./people.js";
import { RoomView } from "./room-view.js";
import { Rooms, withApp } from "./rooms.js";
import { offerThemes } from "./theme.js";
import { refreshTimes, timeElement } from "./time.js";
import { Toasts } from "./toasts.js";
import { forgetToken, keepToken, keptToken } from "./token.js";

const FRAME = 250; // ms between two drawings of what changes
const POLL = 5000; // ms between two readings, where there are no notices
const ORDERS = {
  people: (a, b) => b.peers - a.peers || a.room.localeCompare(b.room),
  newest: (a, b) => b.created - a.created,
  waiting: (a, b) => b.pending - a.pending || b.peers - a.peers,
  name: (a, b) => a.room.localeCompare(b.room),
};
const LIVE = { live: "Live", away: "Reconnecting…", polled: "Every 5 s" };
const MODES = { open: "open", closed: "closed" };

const byId = (id) => document.getElementById(id);
const toasts = new Toasts(byId("toasts"));
const rooms = new Rooms();
const hour = new Hour();
const numbers = new Numbers(rooms, hour);
const list = new List(byId("rooms"), drawRoom, ({ key }) => key);
let signed = null; // {api, view, apps, notices}

async function start(token) {
  const api = new Api(token);
  const first = await rooms.load(api);
  const actions = new Actions(api, toasts);
  signed = { api, view: new RoomView(actions, showChosen), apps: new AppsView(api, actions, toasts), people: new People(api, open), notices: null };
  keepToken(token);
  countHour(api);
  document.body.dataset.screen = "console";
  showTab("rooms");
  signed.view.show(null);
  drawSoon();
  follow(first).catch((error) => signOut(error.message));
}

/** Keep everything up to date behind the answer `first`, for as long as the operator is signed in. */
async function follow(first) {
  const own = signed;
  for (let page = first; signed === own; page = await rooms.load(own.api)) {
    let gap = false;
    own.notices = new Notices(own.api, { notice: takeNotice, live: (well) => showState(well ? "live" : "away"), gap: () => (gap = true) });
    const some = await own.notices.run(page.notices_after ?? "");
    if (!some) return poll(own);
    if (!gap) return;
  }
}

/** Without notices: read everything again and again, until there are some. */
async function poll(own) {
  showState("polled");
  for (await pause(POLL); signed === own; await pause(POLL)) {
    try {
      const page = await rooms.load(own.api);
      if (page.notices_after !== null) return follow(page);
      showChosen();
      showState("polled");
    } catch (error) {
      if (error.status === 401) throw error;
      showState("away");
    }
  }
}

function takeNotice(notice) {
  rooms.take(notice);
  if (notice.key && notice.key === list.chosen) showChosenSoon();
}

function signOut(message = "") {
  signed?.notices?.close();
  signed = null;
  forgetToken();
  document.body.dataset.screen = "sign-in";
  byId("sign-in-problem").textContent = message;
  byId("token").focus();
}

async function signIn(event) {
  event.preventDefault();
  byId("sign-in-button").disabled = true;
  byId("sign-in-problem").textContent = "";
  try {
    await start(byId("token").value.trim());
    byId("token").value = "";
  } catch (error) {
    byId("sign-in-problem").textContent = error.status === 401 ? "This is not the ADMIN_TOKEN of this server." : error.message;
  } finally {
    byId("sign-in-button").disabled = false;
  }
}

/** Read the numbers of the last hour; without them the charts stay as they are. */
async function countHour(api) {
  await hour.load(api).catch(() => {});
  byId("numbers").toggleAttribute("data-bare", !hour.known);
  numbers.draw();
}

const drawSoon = atMostEach(FRAME, () => {
  const found = rooms.find(byId("search").value, ORDERS[byId("order").value]);
  list.show(found);
  const all = rooms.size === 1 ? "1 room" : `${count(rooms.size)} rooms`;
  byId("found").textContent = found.length === rooms.size ? all : `${count(found.length)} of ${all}`;
  byId("rooms-none").hidden = found.length > 0;
  byId("rooms-none").textContent = rooms.size ? "No room has that in its name." : "No rooms yet. They show up here as soon as somebody opens one.";
  numbers.draw();
});

const showChosenSoon = atMostEach(400, showChosen);

async function showChosen() {
  const line = rooms.get(list.chosen);
  if (!signed || list.chosen === null) return;
  if (!line) return roomIsGone();
  const query = { app: line.app };
  const path = `/admin/rooms/${encodeURIComponent(line.room)}`;
  try {
    const [room, { bans }] = await Promise.all([signed.api.get(path, query), signed.api.get(`${path}/bans`, query)]);
    if (line.key !== list.chosen) return; // another one was chosen meanwhile
    rooms.put(line.key, withApp(room));
    signed.view.show(withApp(room), bans);
  } catch (error) {
    if (error.status === 404) rooms.put(line.key, null), roomIsGone();
    else if (error.status === 401) signOut(error.message);
    else toasts.failed(error.message);
  }
}

/** Look into the room of that key. */
function open(key) {
  list.choose(key);
  byId("rooms-tab").dataset.detail = "";
  showChosen();
}

function roomIsGone() {
  list.choose(null);
  signed?.view.show(null);
  delete byId("rooms-tab").dataset.detail;
  toasts.done("The room is closed");
}

function drawRoom(line, element) {
  const about = document.createElement("span");
  about.className = "soft";
  about.append(...(line.app ? [named(line.app), " · "] : []), "opened ", timeElement(line.created));
  const name = named(line.room, "strong");
  element.replaceChildren(name, about, counted("people", line.peers, "in the room"), ...badges(line));
}

function badges({ pending, policy }) {
  const waiting = pending ? [counted("waiting", pending, "waiting")] : [];
  return MODES[policy.admission] ? [...waiting, badge(MODES[policy.admission])] : waiting;
}

function counted(kind, number, what) {
  const element = badge(kind, count(number));
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", `${number} ${what}`);
  return element;
}

function badge(kind, text = kind) {
  const element = document.createElement("span");
  element.className = `badge ${kind}`;
  element.textContent = text;
  return element;
}

function showState(state) {
  byId("state").dataset.state = state;
  byId("state").textContent = LIVE[state];
}

function showTab(name) {
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const own = tab.getAttribute("aria-controls") === `${name}-tab`;
    tab.setAttribute("aria-selected", own);
    tab.tabIndex = own ? 0 : -1;
    byId(tab.getAttribute("aria-controls")).hidden = !own;
  }
  if (name === "apps") signed.apps.load();
}

/** `act`, at once and then at most once each `ms`, and after the last time it was asked for. */
function atMostEach(ms, act) {
  let timer = 0;
  let again = false;
  const later = () => {
    timer = 0;
    if (again) run();
  };
  const run = () => {
    again = Boolean(timer);
    if (timer) return;
    timer = setTimeout(later, ms);
    act();
  };
  return run;
}

const count = (number) => number.toLocaleString("en");

offerThemes(byId("theme"));
rooms.addEventListener("change", drawSoon);
list.addEventListener("choose", ({ detail }) => open(detail));
byId("sign-in").onsubmit = signIn;
byId("sign-out").onclick = () => signOut();
byId("search").oninput = () => {
  drawSoon();
  signed.people.search(byId("search").value);
};
byId("order").onchange = drawSoon;
byId("back").onclick = () => {
  delete byId("rooms-tab").dataset.detail;
  byId("rooms").focus();
};
for (const tab of document.querySelectorAll("[role=tab]")) {
  tab.onclick = () => showTab(tab.getAttribute("aria-controls").replace("-tab", ""));
  tab.onkeydown = ({ key }) => {
    if (key !== "ArrowRight" && key !== "ArrowLeft") return;
    const other = [...document.querySelectorAll("[role=tab]")].find((one) => one !== tab);
    other.focus();
    other.click();
  };
}
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, textarea, select, dialog")) return;
  event.preventDefault();
  byId("search").focus();
});
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
setInterval(() => (refreshTimes(document.body), signed && countHour(signed.api)), 10_000);
if (keptToken()) start(keptToken()).catch(() => signOut("Sign in again."));
else signOut();
