// The call in one room: a tile for each roommate, with the picture and the sound that the library brings, and one for
// each screen.
import { nameIn } from "./peerinfo.js";
import { Quality } from "./quality.js";
import { Voices } from "./voices.js";

const SCREEN = "screen"; // the label under which it is shared
const JUDGED = 2_000; // ms between two looks at how good the connections are

export class Call {
  #room;
  #call;
  #media;
  #screen;
  #tiles;
  #view;
  #about = ""; // what we said last of our camera and microphone
  #qualities = new WeakMap();
  #judging;
  #voices;

  constructor(room, media, screen, tiles, view) {
    this.#room = room;
    this.#media = media;
    this.#screen = screen;
    this.#tiles = tiles;
    this.#view = view;
    this.#call = room.call(this.#tracks());
    this.#call.on("peer", (remote) => this.#show(remote));
    this.#call.on("change", (remote) => this.#show(remote));
    for (const member of room.others) this.add(member);
    this.screenChanged();
    this.#tell();
    this.#judging = setInterval(() => this.#judge(), JUDGED);
    this.#voices = new Voices(tiles, () => room.me?.peer_id, () => this.#microphones());
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

  /** We show our screen, or another one, or none. */
  screenChanged() {
    const { stream } = this.#screen;
    if (stream) this.#call.share(stream, SCREEN);
    else if (this.#call.shares.has(SCREEN)) this.#call.unshare(SCREEN);
  }

  /** Show what everybody says of their camera and microphone. */
  showAbout() {
    for (const { peer_id } of this.#room.others) {
      const about = this.#room.data.get(`peer.${peer_id}.media`)?.value;
      if (about) this.#tiles.get(peer_id)?.setAbout(about);
    }
  }

  end() {
    clearInterval(this.#judging);
    this.#voices.end();
    this.#call.close();
  }

  #show({ id, stream, shares, state }) {
    const tile = this.#tiles.get(id);
    if (!tile) return;
    tile.setStream(stream);
    tile.setState(state);
    const [name, screen] = [nameIn(this.#room.members.get(id)?.peerinfo), shares.get(SCREEN)];
    if (this.#tiles.setScreen(id, screen, name)) this.#view.toast(screen ? "share.began" : "share.ended", { name });
  }

  async #judge() {
    for (const remote of this.#call.peers.values()) {
      const measured = remote.state === "connected" ? await remote.stats().catch(() => null) : null; // it may end meanwhile
      this.#tiles.get(remote.id)?.setQuality(measured ? this.#qualityOf(remote).judge(measured) : "");
    }
  }

  #qualityOf(remote) {
    if (!this.#qualities.has(remote)) this.#qualities.set(remote, new Quality());
    return this.#qualities.get(remote);
  }

  /** Everybody's, by id. */
  #microphones() {
    const heard = [...this.#call.peers.values()].map(({ id, stream }) => [id, stream.getAudioTracks()[0]]);
    return new Map([[this.#room.me?.peer_id, this.#media.track("audio")], ...heard]);
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
