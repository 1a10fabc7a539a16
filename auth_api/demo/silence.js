// Asking somebody to be quiet: a message of the demo's own kind, which the page of whoever gets it obeys. They can
// switch their microphone on again: what is said in their room is theirs.
import { nameIn } from "./peerinfo.js";

const KIND = "mute";

export function askToMute(room, peer_id) {
  return room.send({}, { to: peer_id, kind: KIND });
}

/** Obey hosts, and nobody else. `told` gets the name of the host whom we obeyed. */
export function obey(room, media, told) {
  room.on("message", ({ kind, role, peer_id }) => {
    if (kind !== KIND || !["owner", "moderator"].includes(role) || !media.isOn("audio")) return;
    media.toggle("audio");
    told(nameIn(room.members.get(peer_id)?.peerinfo));
  });
}
