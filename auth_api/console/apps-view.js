// The apps that tokens were issued for, and the users of each whose tokens were revoked.
import { named, plain } from "./names.js";
import { timeElement } from "./time.js";

const byId = (id) => document.getElementById(id);
const PAGE = 1000;

export class AppsView {
  #api;
  #actions;
  #toasts;
  #chosen = "";

  constructor(api, actions, toasts) {
    this.#api = api;
    this.#actions = actions;
    this.#toasts = toasts;
    byId("app-revoke").onclick = () => this.#after(actions.revokeApp(this.#chosen));
  }

  /** Read all apps, and show them. */
  async load() {
    const apps = [];
    try {
      for (let after = ""; after !== undefined; ) {
        const page = Object.entries(await this.#api.get("/admin/apps", { after, limit: PAGE }));
        apps.push(...page);
        after = page.length === PAGE ? page.at(-1)[0] : undefined;
      }
    } catch (error) {
      return this.#toasts.failed(error.message);
    }
    byId("apps").replaceChildren(...apps.map(([name, app]) => this.#line(name, app)));
    byId("apps-none").hidden = apps.length > 0;
    if (this.#chosen) await this.#show(this.#chosen);
  }

  #line(name, { issued, revoked }) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "line app";
    button.setAttribute("aria-pressed", name === this.#chosen);
    const about = document.createElement("span");
    about.className = "soft";
    about.append(...(issued ? ["last token ", timeElement(issued)] : ["no token noted"]));
    if (revoked) about.append(" · revoked ", timeElement(revoked));
    button.append(named(name, "strong"), about);
    button.onclick = () => this.#choose(name, button);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }

  #choose(name, button) {
    for (const other of byId("apps").querySelectorAll("button")) other.setAttribute("aria-pressed", other === button);
    this.#show(name);
  }

  async #show(name) {
    this.#chosen = name;
    byId("app").hidden = false;
    byId("no-app").hidden = true;
    byId("app-name").replaceChildren(named(name));
    const revoked = [];
    try {
      for (let page = [{}]; page.length; revoked.push(...page)) {
        const after = revoked.at(-1)?.id ?? "";
        page = (await this.#api.get(`/admin/apps/${encodeURIComponent(name)}/revocations`, { after, limit: PAGE })).revocations;
      }
    } catch (error) {
      return this.#toasts.failed(error.message);
    }
    if (name !== this.#chosen) return;
    byId("revoked").replaceChildren(...revoked.map((line) => this.#revoked(name, line)));
    byId("revoked-none").hidden = revoked.length > 0;
  }

  #revoked(app, { id, revoked, remembered }) {
    const row = byId("banned").content.firstElementChild.cloneNode(true);
    row.querySelector(".who").replaceChildren(named(id));
    row.querySelector(".id").replaceChildren("revoked ", timeElement(revoked));
    row.querySelector(".until").replaceChildren("forgotten ", timeElement(remembered));
    row.querySelector("button").setAttribute("aria-label", `Lift the revocation of ${plain(id)}`);
    row.querySelector("button").onclick = () => this.#after(this.#actions.restoreUser(app, id));
    return row;
  }

  async #after(done) {
    if (await done) this.load();
  }
}
