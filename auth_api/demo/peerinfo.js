// What people say of themselves, which may be anything.
import { text } from "./language.js";
import { personName } from "./names.js";

/** The name in a peerinfo. */
export function nameIn(info) {
  const name = typeof info === "string" ? info : info?.name;
  return (typeof name === "string" && personName(name)) || text("tile.guest");
}
