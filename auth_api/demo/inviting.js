// The dialog that invites: with a link for those who ask to come in; or, for hosts, with one that lets people straight in.
import { write } from "./language.js";
import { linkTo } from "./link.js";
import { drawQrCode } from "./qr-code.js";

const byId = (id) => document.getElementById(id);

export class Inviting {
  #room = null;
  #make;
  #invitation = null; // that was made for this dialog: `{invitation, until}`

  constructor() {
    for (const button of document.querySelectorAll("[data-invite]")) button.onclick = () => this.#open();
    byId("inviting-copy").onclick = () => this.#copy();
    byId("inviting-way").onchange = () => this.#show();
  }

  /** Invite to this room from now on. `make()` resolves with an invitation; it is asked for hosts alone. */
  follow(room, make) {
    this.#room = room;
    this.#make = make;
  }

  async #open() {
    const room = this.#room;
    this.#invitation = null;
    this.#show();
    byId("inviting").showModal();
    if (!room.isHost) return;
    try {
      const { invitation, expires_in } = await this.#make();
      this.#invitation = { invitation, until: new Date(Date.now() + expires_in * 1000) };
    } catch (error) {
      console.warn("no invitation:", error.message); // there still is the link that anybody has
    }
    if (room === this.#room) this.#show();
  }

  #show() {
    const straight = this.#invitation && byId("inviting-straight").checked;
    const link = linkTo(this.#room.name, straight ? this.#invitation.invitation : "");
    byId("inviting-way").hidden = !this.#invitation;
    byId("inviting-link").textContent = link;
    drawQrCode(byId("inviting-code"), link);
    write(byId("inviting-copied"), "");
    if (straight) write(byId("inviting-note"), "inviting.note.straight", { until: this.#invitation.until });
    else write(byId("inviting-note"), "inviting.note.ask");
  }

  async #copy() {
    const link = byId("inviting-link");
    try {
      await navigator.clipboard.writeText(link.textContent);
      write(byId("inviting-copied"), "link.copied");
    } catch {
      getSelection().selectAllChildren(link);
      write(byId("inviting-copied"), "inviting.selected");
    }
  }
}
