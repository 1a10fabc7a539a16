// The package: `import { connect } from "parley-client"`.
import { io } from "socket.io-client";
import { Parley } from "./parley.js";

export { Refusal } from "./refusal.js";
export { Parley };

/**
 * Connect to Parley. It keeps trying until it is let in, or refused.
 *
 * @param {import("./parley.js").ConnectOptions} options
 */
export function connect(options) {
  return new Parley({ io, ...options });
}

/**
 * @typedef {import("./call.js").Call} Call
 * @typedef {import("./meter.js").Quality} Quality
 * @typedef {import("./parley.js").ConnectOptions} ConnectOptions
 * @typedef {import("./remote.js").Remote} Remote
 * @typedef {import("./room.js").Room} Room
 * @typedef {import("./room.js").Candidate} Candidate
 * @typedef {import("./room.js").Ending} Ending
 * @typedef {import("./room.js").Entry} Entry
 * @typedef {import("./room.js").Identity} Identity
 * @typedef {import("./room.js").JoinOptions} JoinOptions
 * @typedef {import("./room.js").Member} Member
 * @typedef {import("./room.js").Message} Message
 * @typedef {import("./room.js").Policy} Policy
 * @typedef {import("./room.js").Role} Role
 */
