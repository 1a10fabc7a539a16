// For pages that bring their own `io`, as those do that have no bundler and no import map.
import { Parley } from "./parley.js";

export { Refusal } from "./refusal.js";
export { Parley };

/**
 * Connect to Parley. It keeps trying until it is let in, or refused.
 *
 * @param {import("./parley.js").ConnectOptions & {io: typeof import("socket.io-client").io}} options
 */
export function connect(options) {
  return new Parley(options);
}
