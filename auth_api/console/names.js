// What people called themselves and their rooms, which may be anything, as elements and texts that cannot mislead.

const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;
const LONGEST = 128;

/** A text without what cannot be seen; what was hidden is shown as a dot. */
export function plain(text) {
  return String(text).slice(0, LONGEST).replace(HIDDEN, "·");
}

/** An element whose direction of writing does not reach beyond it. */
export function named(text, className = "") {
  const element = document.createElement("bdi");
  element.className = className;
  element.textContent = plain(text);
  return element;
}

/** Who a peer is: its identity's name or id, or its peer_id for an anonymous one. */
export function whoIs({ identity, peer_id: peerId }) {
  return identity ? plain(identity.name || identity.id) : `Anonymous ${peerId.slice(0, 8)}`;
}

/** The letters of an avatar, and its hue. */
export function face(text) {
  const letters = [...plain(text).replace(/[^\p{L}\p{N} ]/gu, "")].join("").trim().split(/\s+/u);
  const initials = letters.length > 1 ? [...letters[0]][0] + [...letters.at(-1)][0] : [...(letters[0] || "?")].slice(0, 2).join("");
  let hue = 0;
  for (const character of text) hue = (hue * 31 + character.codePointAt(0)) % 360;
  return { initials: initials.toUpperCase(), hue };
}
