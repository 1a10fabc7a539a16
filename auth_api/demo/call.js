// The call in one room: a tile for each roommate, with the picture and the sound that the library brings.
import { nameIn } from "./peerinfo.js";

export class Call {
  #room;
  #call;
  #media;
  #tiles;
  #about = ""; // what we said last of our camera and microphone

  constructor(room, media, tiles) {
    this.#room = room;
    this.#media = media;
    this.#tiles = tiles;
    this.#call = room.call(this.#tracks());
    this.#call.on("peer", (remote) => this.#show(remote));
    this.#call.on("change", (remote) => this.#show(remote));
    for (const member of room.others) this.add(member);
    this.#tell();
  }

  /** Somebody is in the room. */
  add({ peer_id, peerinfo }) {
    if (this.#tiles.get(peer_id)) return;
    this.#tiles.add(peer_id, nameIn(peerinfo)).setState("new");
    const remote = this.#call.peers.get(peer_id);
    if (remote) this.#show(remote);
    this.showAbout();
  }

  remove(id) {
    this.#tiles.remove(id);
  }

  /** Be with those who are in the room now, and say once more what we said: it may be another room than it was. */
  reconcile(own) {
    for (const id of this.#tiles.ids) if (id !== own && !this.#room.members.has(id)) this.remove(id);
    for (const member of this.#room.others) this.add(member);
    this.#about = "";
    this.#tell();
  }

  /** Our camera or microphone is another, or was switched. */
  mediaChanged() {
    this.#call.send(this.#tracks());
    this.#tell();
  }

  /** Show what everybody says of their camera and microphone. */
  showAbout() {
    for (const { peer_id } of this.#room.others) {
      const about = this.#room.data.get(`peer.${peer_id}.media`)?.value;
      if (about) this.#tiles.get(peer_id)?.setAbout(about);
    }
  }

  end() {
    this.#call.close();
  }

  #show({ id, stream, state }) {
    const tile = this.#tiles.get(id);
    tile?.setStream(stream);
    tile?.setState(state);
  }

  #tracks() {
    return { audio: this.#media.track("audio") ?? null, video: this.#media.track("video") ?? null };
  }

  #tell() {
    const about = { audio: this.#media.isOn("audio"), video: this.#media.isOn("video") };
    if (this.#about === JSON.stringify(about)) return;
    this.#about = JSON.stringify(about);
    const key = `peer.${this.#room.me?.peer_id}.media`;
    this.#room.setData({ [key]: about }).catch(({ message }) => console.warn("not told:", message)); // told anew with the next switch
  }
}
