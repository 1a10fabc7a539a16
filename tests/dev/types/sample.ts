// A client as a user of the types writes it: everything here must compile, and each line that is expected to fail must.
import { io, type Socket } from "socket.io-client";
import type { Answer, ClientToServerEvents, Code, ServerToClientEvents, Told } from "../../../client/events";

const socket: Socket<ServerToClientEvents, ClientToServerEvents> = io("http://localhost:5000", { auth: { token: "t" } });
let auth = "";

socket.on("auth-accept", (me) => {
  auth = me.token;
  const seconds: number = me.expires_in;
  for (const found of me.rooms ?? []) console.log(found.room, found.policy?.admission, seconds);
  socket.emit("room-join-request", { auth, room: "tea", create: true });
});

socket.on("room-join-accept", ({ room, peers, identities }) => {
  for (const to of peers) {
    socket.emit("relay-session-description", { auth, room, to, session_description: { type: "offer", sdp: "" } });
    console.log(identities?.[to]?.name);
  }
});

socket.on("room-user-leave", ({ reason }) => {
  const known: "left" | "closed" | "lost" | "kicked" = reason;
  console.log(known);
});

socket.emit("auth-request", { token: "t", peerinfo: { name: "Ann" }, resumable: true, version: 2 }, (answer) => {
  if (answer.ok) console.log(answer.peer_id);
  else console.log(answer.code, answer.message);
});

async function kick(room: string, peer_id: string): Promise<number | boolean | null | Code> {
  const answer = await socket.timeout(5000).emitWithAck("room-kick-request", { auth, room, peer_id, ban: 60 });
  return answer.ok ? answer.banned_until : answer.code;
}

function joined(answer: Answer<"room-join-request">): Partial<Told["room-join-accept"]> {
  if (!answer.ok) throw new Error(answer.message);
  const peers: string[] | undefined = answer.peers; // a large answer is left to the event
  return { room: answer.room, ...(peers ? { peers } : {}) };
}

console.log(kick, joined);

// @ts-expect-error: no such event
socket.emit("room-jump-request", { auth, room: "tea" });
// @ts-expect-error: no such event is told
socket.on("room-jumped", () => {});
// @ts-expect-error: the session token is missing
socket.emit("room-join-request", { room: "tea" });
// @ts-expect-error: a room has a name
socket.emit("room-join-request", { auth, room: 5 });
// @ts-expect-error: nobody is addressed
socket.emit("room-join-accept", { auth, room: "tea" });
// @ts-expect-error: no such role
socket.emit("room-role-request", { auth, room: "tea", to: "p", role: "king" });
// @ts-expect-error: no such key of a policy
socket.emit("room-policy-request", { auth, room: "tea", policy: { colour: "red" } });
// @ts-expect-error: a field that nobody is told
socket.on("room-closed", ({ reason }) => console.log(reason));
// @ts-expect-error: an answer is looked at before its fields are there
socket.emit("room-create-request", { auth }, (answer) => console.log(answer.room));
// @ts-expect-error: no such code
const code: Code = "nonsense";
console.log(code);
