// A client that comes, shows who it is, and goes: whoever is new has to be let in at any time.
import { io } from "socket.io-client";

const PATIENCE = 30_000; // ms; the load balancer itself may be away for some seconds

/** Returns {ok, seconds, why}; a client that gets in after trying again is well served too. */
export function visit(url, token, way) {
  const began = Date.now();
  const socket = io(url, { ...way, auth: { token }, forceNew: true });
  return new Promise((resolve) => {
    let trouble = "no answer";
    const end = (ok) => {
      clearTimeout(timer);
      socket.disconnect();
      resolve({ ok, seconds: (Date.now() - began) / 1000, why: trouble });
    };
    const timer = setTimeout(() => end(false), PATIENCE);
    socket.on("connect_error", (error) => (trouble = error.message));
    socket.on("connect", () => socket.emit("auth-request", { token }));
    socket.on("auth-accept", () => end(true));
  });
}
