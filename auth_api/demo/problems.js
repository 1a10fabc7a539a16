// What went wrong, in words, and what can be done about it.
import { named } from "./names.js";

/**
 * `{text, offer}`; `text` is a list of texts and elements, `offer` is null or `{label, way}` with a way to try again:
 * `create` or `join`.
 */
export function problem(code, message, room) {
  const again = { label: "Ask again", way: "join" };
  const create = { label: "Create it", way: "create" };
  switch (code) {
    case "no-name":
      return { text: ["Say who you are first."], offer: null };
    case "no-room":
      return { text: ["Which room? Type its name, or open the link you were given."], offer: null };
    case "taken":
      return { text: ["A room called “", named(room), "” is open already."], offer: { label: "Ask to join it", way: "join" } };
    case "not-found":
      return { text: ["There is no room called “", named(room), "” right now."], offer: create };
    case "rejected":
      return { text: ["The host did not let you in."], offer: again };
    case "full":
      return { text: ["No more people fit into “", named(room), "”."], offer: again };
    case "closed":
      return { text: ["The room “", named(room), "” was closed.", ...said(message)], offer: null };
    case "kicked":
      return { text: ["A host put you out of “", named(room), "”.", ...said(message)], offer: again };
    case "banned":
      return { text: ["You may not come into “", named(room), "”."], offer: null };
    case "replaced":
      return { text: ["You are in this call in another window."], offer: null };
    case "revoked":
    case "removed":
      return { text: ["The operator of this server removed you from the room."], offer: again };
    case "away":
      return { text: ["You left the call when you left this page."], offer: again };
    case "unavailable":
      return { text: ["Parley is not available right now. Try again in a moment."], offer: null };
    case "ended":
      return { text: [`The server ended the connection: ${message ?? "no reason given"}`], offer: null };
    default:
      return { text: [message || "That did not work. Try again."], offer: null };
  }
}

/** What somebody said of it, set apart. */
function said(message) {
  return message ? [" They said: ", named(message)] : [];
}
