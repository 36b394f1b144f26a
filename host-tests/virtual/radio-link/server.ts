import { createServer, type Socket } from "node:net";
import type { Air } from "../world/air.js";
import { parseCommand } from "./commands.js";
import { readLines } from "./lines.js";
import { RadioSession } from "./session.js";

export interface RadioServer {
  readonly port: number;
  close(): void;
}

/** Serves the air of this process to centrals of other processes, over a socket on loopback. */
export function serveRadio(air: Air, port: number): Promise<RadioServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const session = new RadioSession(air, (event) => socket.write(`${JSON.stringify(event)}\n`));
    readLines(socket, (line) => {
      const command = parseCommand(line);
      if (command) session.obey(command);
      else socket.destroy();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      session.close();
    });
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE";
      reject(isTaken ? new Error(`port ${port} is in use; choose another with --radio-port`) : error);
    });
    server.listen({ port, host: "127.0.0.1" }, () => {
      const address = server.address();
      resolve({
        port: typeof address === "object" && address ? address.port : port,
        close: () => {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
