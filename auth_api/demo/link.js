// The page's address, which names a room.
import { roomName } from "./names.js";

/** The room that the address names, or nothing. */
export function roomInLink() {
  try {
    return roomName(decodeURIComponent(location.hash.slice(1)));
  } catch {
    return ""; // somebody cut the link in half
  }
}

/** What to give to others, so that they find this room. */
export function linkTo(room) {
  return `${location.origin}${location.pathname}#${encodeURIComponent(room)}`;
}
