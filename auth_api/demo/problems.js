// What went wrong, in words, and what can be done about it.

/** `{text, offer}`; `offer` is null or `{label, way}` with a way to try again: `create` or `join`. */
export function problem(code, message, room) {
  switch (code) {
    case "no-name":
      return { text: "Say who you are first.", offer: null };
    case "no-room":
      return { text: "Which room? Type its name, or open the link you were given.", offer: null };
    case "taken":
      return { text: `A room called “${room}” is open already.`, offer: { label: "Ask to join it", way: "join" } };
    case "not-found":
      return { text: `There is no room called “${room}” right now.`, offer: { label: "Create it", way: "create" } };
    case "rejected":
      return { text: "The host did not let you in.", offer: { label: "Ask again", way: "join" } };
    case "full":
      return { text: `No more people fit into “${room}”.`, offer: { label: "Ask again", way: "join" } };
    case "unavailable":
      return { text: "Parley is not available right now. Try again in a moment.", offer: null };
    case "ended":
      return { text: `The server ended the connection: ${message ?? "no reason given"}`, offer: null };
    default:
      return { text: message || "That did not work. Try again.", offer: null };
  }
}
