// The page's address, which names a room, and may bring an invitation to it. Behind `#`, it is not sent to any server.
import { roomName } from "./names.js";

const INVITATION = /&invitation=([\w.-]+)$/; // in the name of a room, `&` and `=` are written as %26 and %3D

/** The room that the address names, or nothing. */
export function roomInLink() {
  try {
    return roomName(decodeURIComponent(location.hash.slice(1).replace(INVITATION, "")));
  } catch {
    return ""; // somebody cut the link in half
  }
}

/** The invitation to a room that the address brings, or nothing. */
export function invitationTo(room) {
  return (roomInLink() === room && INVITATION.exec(location.hash)?.[1]) || "";
}

/** What to give to others, so that they find this room. */
export function linkTo(room, invitation = "") {
  const link = `${location.origin}${location.pathname}#${encodeURIComponent(room)}`;
  return invitation ? `${link}&invitation=${invitation}` : link;
}
