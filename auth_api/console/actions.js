// What an operator does: asks first, calls, and tells what came of it.
import { ask } from "./dialog.js";
import { plain, whoIs } from "./names.js";

const pathOf = (...parts) => ["/admin", ...parts.map(encodeURIComponent)].join("/");

export class Actions {
  #api;
  #toasts;

  constructor(api, toasts) {
    this.#api = api;
    this.#toasts = toasts;
  }

  closeRoom(room) {
    return this.#do(
      { title: "Close this room?", text: `All ${room.peers} in “${plain(room.room)}” are put out. They stay connected, and the room's bans end.`, action: "Close room" },
      () => this.#call("DELETE", room),
      "The room is closed",
    );
  }

  kick(room, peer) {
    return this.#do(
      { title: `Put ${whoIs(peer)} out?`, text: "They may ask to come in again, unless you ban them.", action: "Put out", fields: ["field-ban", "field-text"] },
      ({ ban, text }) => this.#call("POST", room, ["kick"], { peer_id: peer.peer_id, text, ban: ban === "true" || Number(ban) || false }),
      `${whoIs(peer)} is out`,
    );
  }

  setPolicy(room, policy) {
    return this.#run(() => this.#call("POST", room, ["policy"], policy), "The policy holds now");
  }

  liftBan(room, ban) {
    const query = ban.identity ? { id: ban.identity.id } : { peer_id: ban.peer_id };
    return this.#run(() => this.#api.call("DELETE", pathOf("rooms", room.room, "bans"), { query: { ...query, app: room.app } }), "The ban is lifted");
  }

  removePeer(peer) {
    return this.#do(
      { title: `Disconnect ${whoIs(peer)}?`, text: "They lose their place in every room. With a valid token they may connect again.", action: "Disconnect" },
      () => this.#api.call("DELETE", pathOf("peers", peer.peer_id)),
      `${whoIs(peer)} is disconnected`,
    );
  }

  revokeUser(app, user) {
    return this.#do(
      { title: `Revoke ${plain(user.name || user.id)}?`, text: "All their tokens issued until now are refused, and they are disconnected everywhere.", action: "Revoke" },
      () => this.#api.call("DELETE", pathOf("apps", app, "users", user.id)),
      "The identity is revoked",
    );
  }

  revokeApp(app) {
    return this.#do(
      { title: `Revoke the app “${plain(app)}”?`, text: "All its tokens issued until now are refused, and everybody who came with one is disconnected.", action: "Revoke app" },
      () => this.#api.call("DELETE", pathOf("apps", app)),
      "The app is revoked",
    );
  }

  restoreUser(app, id) {
    return this.#run(() => this.#api.call("DELETE", pathOf("apps", app, "revocations", id)), "The revocation is lifted");
  }

  #call(method, room, below = [], body) {
    const app = room.app ?? "";
    if (body === undefined) return this.#api.call(method, pathOf("rooms", room.room, ...below), { query: { app } });
    return this.#api.call(method, pathOf("rooms", room.room, ...below), { body: app ? { ...body, app } : body });
  }

  async #do(question, call, done) {
    const filledIn = await ask(question);
    return filledIn ? this.#run(() => call(filledIn), done) : false;
  }

  /** Whether it was done. */
  async #run(call, done) {
    try {
      await call();
      this.#toasts.done(done);
      return true;
    } catch (error) {
      this.#toasts.failed(error.message);
      return false;
    }
  }
}
