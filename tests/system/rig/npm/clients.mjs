// Official socket.io clients, driven line by line: a JSON request comes in, its JSON reply and what clients are told go out.

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const sockets = new Map();

function say(message) {
  process.stdout.write(JSON.stringify(message) + "\n");
}

function tell(name, event, data) {
  say({ name, event, data: data === undefined ? null : data });
}

const commands = {
  open({ name, url, options }, reply) {
    const socket = io(url, { forceNew: true, ...options });
    sockets.set(name, socket);
    socket.onAny((event, data) => tell(name, event, data));
    socket.on("connect", () => tell(name, "connect", { id: socket.id }));
    socket.on("disconnect", (reason) => tell(name, "disconnect", { reason }));
    socket.on("connect_error", ({ message, data }) => tell(name, "connect_error", { message, data }));
    socket.io.engine.on("upgrade", (transport) => tell(name, "upgrade", { transport: transport.name }));
    reply(null);
  },
  emit({ name, event, args }, reply) {
    sockets.get(name).emit(event, ...args);
    reply(null);
  },
  call({ id, name, event, args }) {
    sockets.get(name).emit(event, ...args, (...answer) => say({ id, answer }));
  },
  transport({ name }, reply) {
    reply(sockets.get(name).io.engine.transport.name);
  },
  close({ name }, reply) {
    sockets.get(name).disconnect();
    sockets.delete(name);
    reply(null);
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const request = JSON.parse(line);
    commands[request.do](request, (answer) => say({ id: request.id, answer: [answer] }));
  })
  .on("close", () => sockets.forEach((socket) => socket.disconnect()));
