// Raised hands: a key of each person's own in the room's data. Whoever raised theirs first is first in line.
const KEY = /^peer\.(.+)\.hand$/;

export class Hands {
  #room;
  #tiles;
  #own;

  /** `own` is told whether ours is up. */
  constructor(room, tiles, own) {
    this.#room = room;
    this.#tiles = tiles;
    this.#own = own;
    this.show();
  }

  /** Raise ours, or take it down. */
  async toggle() {
    const { peer_id } = this.#room.me;
    const up = raised(this.#room).includes(peer_id);
    await this.#room.setData({ [`peer.${peer_id}.hand`]: up ? null : true });
  }

  show() {
    const line = raised(this.#room);
    this.#tiles.setHands(line);
    this.#own(line.includes(this.#room.me?.peer_id));
  }
}

/** Who has raised a hand in a room, the first of them first. */
export function raised(room) {
  const keys = [...room.data].filter(([key, { value }]) => KEY.test(key) && value);
  return keys.sort(([, one], [, other]) => one.version - other.version).map(([key]) => KEY.exec(key)[1]);
}
