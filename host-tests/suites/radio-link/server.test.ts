import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { type RadioServer, serveRadio } from "../../virtual/radio-link/server.js";
import { virtualWorld } from "../../virtual/world/world.js";

const KILOBYTE = "x".repeat(1024);

let radio: RadioServer;
let socket: Socket;

beforeEach(async () => {
  radio = await serveRadio(virtualWorld().air, 0);
  socket = connect({ port: radio.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  await once(socket, "connect");
});

afterEach(() => {
  socket.destroy();
  radio.close();
});

test("the radio server disconnects a client whose line is too long", async () => {
  const closed = once(socket, "close");
  const sending = setInterval(() => socket.write(KILOBYTE), 1);
  await closed;
  clearInterval(sending);
});

test("the radio server disconnects a client at an invalid command", async () => {
  socket.write("GET / HTTP/1.1\n");
  await once(socket, "close");
});

test("the radio server accepts commands in pieces and several at once", async () => {
  const address = "00:00:00:00:00:00";
  const [first, second] = [1, 2].map((link) => JSON.stringify({ op: "connect", link, address }));
  socket.write(`${first}\n${second?.slice(0, 10)}`);
  setImmediate(() => socket.write(`${second?.slice(10)}\n{"op":"connect","link":2,"address":"x"}\n`));
  const [answer] = await once(socket, "data");
  expect(JSON.parse(String(answer))).toMatchObject({ event: "failed", link: 2 });
});
