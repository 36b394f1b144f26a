import { createServer, type Socket } from "node:net";
import { createInterface } from "node:readline";
import type { IO } from "../../modules/board/index.js";
import type { Air, AttOutcome, CentralConnection } from "../world/air.js";
import { commandSchema, fromHex, type RadioCommand, type RadioEvent, toHex } from "./radio-wire.js";

export interface RadioServer {
  readonly port: number;
  close(): void;
}

/** Lets centrals of other processes onto the air of this one, over a socket on loopback. */
export function serveRadio(air: Air, port: number): Promise<RadioServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    const session = new RadioSession(air, (event) => socket.write(`${JSON.stringify(event)}\n`));
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => {
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

/** What one process's central has going on. */
class RadioSession implements IO {
  #air: Air;
  #send: (event: RadioEvent) => void;
  #scan: IO | undefined;
  #attempts = new Map<number, IO>();
  #links = new Map<number, CentralConnection>();

  constructor(air: Air, send: (event: RadioEvent) => void) {
    this.#air = air;
    this.#send = send;
  }

  close(): void {
    this.#scan?.close();
    for (const attempt of this.#attempts.values()) attempt.close();
  }

  obey(command: RadioCommand): void {
    if (command.op === "scan") this.#startScan();
    else if (command.op === "connect") this.#connect(command);
    else this.#use(command);
  }

  #startScan(): void {
    this.#scan?.close();
    this.#scan = this.#air.scan(({ address, rssi, advertisingData, scanResponse }) => {
      this.#send({
        event: "report",
        address,
        rssi,
        advertisingData: toHex(advertisingData),
        scanResponse: toHex(scanResponse),
      });
    });
  }

  #connect({ link, address, mtu }: RadioCommand & { op: "connect" }): void {
    const attempt = this.#air.connect(address, {
      mtu,
      onConnected: (connection) => {
        this.#links.set(link, connection);
        const characteristics = connection
          .characteristics()
          .map((one) => ({ ...one, descriptors: [...one.descriptors] }));
        this.#send({ event: "connected", link, mtu: connection.mtu, characteristics });
      },
      onFailed: (reason) => this.#send({ event: "failed", link, reason }),
      onDisconnected: (reason) => this.#send({ event: "disconnected", link, reason }),
    });
    this.#attempts.set(link, attempt);
  }

  #use(command: Exclude<RadioCommand, { op: "scan" | "connect" }>): void {
    const connection = this.#links.get(command.link);
    if (!connection) return;
    switch (command.op) {
      case "read":
        connection.read(command.uuid, (outcome) => this.#done(command.id, outcome));
        break;
      case "read-descriptor":
        connection.readDescriptor(command.uuid, command.descriptor, (outcome) =>
          this.#done(command.id, outcome),
        );
        break;
      case "write":
        connection.write(command.uuid, fromHex(command.value), (outcome) => this.#done(command.id, outcome));
        break;
      case "subscribe":
        connection.subscribe(
          command.uuid,
          (value) =>
            this.#send({
              event: "notification",
              link: command.link,
              uuid: command.uuid,
              value: toHex(value),
            }),
          (outcome) => this.#done(command.id, outcome),
        );
        break;
      case "unsubscribe":
        connection.unsubscribe(command.uuid, (outcome) => this.#done(command.id, outcome));
        break;
      case "disconnect":
        connection.disconnect();
        break;
      case "lose":
        connection.lose();
        break;
    }
  }

  #done(id: number, { error, value }: AttOutcome & { readonly value?: Uint8Array }): void {
    this.#send({ event: "done", id, error, value: value && toHex(value) });
  }
}

function parseCommand(line: string): RadioCommand | undefined {
  try {
    return commandSchema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
