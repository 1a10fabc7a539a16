// One line of the people panel: a member, and what we may do about them.
import { label, write } from "./language.js";
import { nameIn } from "./peerinfo.js";
import { paintFace } from "./tiles.js";

export class MemberRow {
  element = document.getElementById("member-template").content.firstElementChild.cloneNode(true);
  #member;

  /** `act(deed, member)` does what was chosen. */
  constructor(act) {
    this.#part(".more").onclick = () => this.#unfold(this.#part(".deeds").hidden);
    this.#part(".deeds").onclick = ({ target }) => {
      const { deed } = target.closest("button")?.dataset ?? {};
      if (!deed) return;
      this.#unfold(false);
      this.#part(".more").focus();
      act(deed, this.#member);
    };
    this.element.onkeydown = (event) => {
      if (event.key !== "Escape" || this.#part(".deeds").hidden) return;
      event.stopPropagation(); // it closes this, and not the panel
      this.#unfold(false);
      this.#part(".more").focus();
    };
  }

  show({ member, own, hand, silent, deeds }) {
    this.#member = member;
    const name = nameIn(member.peerinfo);
    this.element.dataset.peer = member.peer_id;
    paintFace(this.#part(".face"), name);
    write(this.#part(".name"), own ? "tile.you" : "member.name", { name });
    write(this.#part(".role"), member.role === "member" ? "" : `member.${member.role}`);
    this.#part(".raised").hidden = !hand;
    this.#part(".raised span").textContent = hand;
    this.#part(".muted").toggleAttribute("hidden", !silent);
    this.#part(".more").hidden = deeds.length === 0;
    label(this.#part(".more"), "member.more", { name });
    for (const button of this.#part(".deeds").children) button.hidden = !deeds.includes(button.dataset.deed);
    if (deeds.length === 0) this.#unfold(false);
  }

  #unfold(open) {
    this.#part(".deeds").hidden = !open;
    this.#part(".more").setAttribute("aria-expanded", open);
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }
}
