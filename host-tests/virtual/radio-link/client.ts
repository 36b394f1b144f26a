import { connect, type Socket } from "node:net";
import type { IO } from "../../../modules/board/index.js";
import { decodeHex, encodeHex } from "../../../modules/bytes/index.js";
import type {
  AirReport,
  AttOutcome,
  AttributeInfo,
  Central,
  CentralConnection,
  CentralOptions,
} from "../world/air.js";
import type { RadioCommand } from "./commands.js";
import { parseEvent, type RadioEvent } from "./events.js";
import { readLines } from "./lines.js";

type Done = (outcome: AttOutcome & { readonly value?: Uint8Array<ArrayBuffer> }) => void;

interface Link {
  readonly options: CentralOptions;
  readonly listeners: Map<string, (value: Uint8Array<ArrayBuffer>) => void>;
}

interface ServerEndpoint {
  readonly host: string;
  readonly port: number;
}

/** Central on the air of another process. */
export class RemoteAir implements Central, IO {
  /** Resolves with the reason when the radio connection has ended. */
  readonly over: Promise<string>;
  readonly #socket: Socket;
  readonly #scanners = new Set<(report: AirReport) => void>();
  readonly #links = new Map<number, Link>();
  readonly #waiting = new Map<number, Done>();
  #nextId = 1;

  private constructor(socket: Socket, endpoint: ServerEndpoint) {
    this.#socket = socket;
    this.over = new Promise((reportOver) => {
      readLines(socket, (line) => {
        const event = parseEvent(line);
        if (event) {
          this.#handleEvent(event);
          return;
        }
        reportOver(
          `what answers at ${endpoint.host}:${endpoint.port} is no radio; give --radio as npm run station prints it`,
        );
        socket.destroy();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        reportOver("the station's process ended");
        for (const { options } of this.#links.values()) options.onDisconnected("the station's process ended");
        this.#links.clear();
      });
    });
  }

  /** Connects to a radio server. Rejects if no server answers. */
  static open(endpoint: ServerEndpoint): Promise<RemoteAir> {
    return new Promise((resolve, reject) => {
      const socket = connect(endpoint, () => resolve(new RemoteAir(socket, endpoint)));
      socket.once("error", () => {
        reject(
          new Error(
            `no radio at ${endpoint.host}:${endpoint.port}; start a station with npm run station, or give --radio`,
          ),
        );
      });
    });
  }

  scan(onReport: (report: AirReport) => void): IO {
    this.#scanners.add(onReport);
    this.#send({ op: "scan" });
    return {
      close: () => {
        this.#scanners.delete(onReport);
      },
    };
  }

  connect(address: string, options: CentralOptions): IO {
    const link = this.#nextId++;
    this.#links.set(link, { options, listeners: new Map() });
    this.#send({ op: "connect", link, address, mtu: options.mtu });
    return { close: () => this.#leave(link) };
  }

  close(): void {
    this.#links.clear();
    this.#socket.destroy();
  }

  #leave(link: number): void {
    if (this.#links.delete(link)) this.#send({ op: "disconnect", link });
  }

  #handleEvent(event: RadioEvent): void {
    switch (event.event) {
      case "report": {
        const { address, rssi } = event;
        const advertisingData = bytesOf(event.advertisingData);
        const scanResponse = bytesOf(event.scanResponse);
        for (const onReport of this.#scanners) onReport({ address, rssi, advertisingData, scanResponse });
        break;
      }
      case "connected":
        this.#links.get(event.link)?.options.onConnected(this.#connection(event.link, event));
        break;
      case "failed":
        this.#links.get(event.link)?.options.onFailed(event.reason);
        this.#links.delete(event.link);
        break;
      case "disconnected":
        this.#links.get(event.link)?.options.onDisconnected(event.reason);
        this.#links.delete(event.link);
        break;
      case "done": {
        const done = this.#waiting.get(event.id);
        this.#waiting.delete(event.id);
        done?.({ error: event.error, value: event.value === undefined ? undefined : bytesOf(event.value) });
        break;
      }
      case "notification":
        this.#links.get(event.link)?.listeners.get(event.uuid)?.(bytesOf(event.value));
        break;
    }
  }

  #connection(
    link: number,
    { mtu, characteristics }: { mtu: number; characteristics: AttributeInfo[] },
  ): CentralConnection {
    return {
      mtu,
      characteristics: () => characteristics,
      read: (uuid, done) => this.#ask(done, (id) => ({ op: "read", link, id, uuid })),
      readDescriptor: (uuid, descriptor, done) =>
        this.#ask(done, (id) => ({ op: "read-descriptor", link, id, uuid, descriptor })),
      write: (uuid, value, done) =>
        this.#ask(done, (id) => ({ op: "write", link, id, uuid, value: encodeHex(value) })),
      subscribe: (uuid, onNotification, done) => {
        this.#links.get(link)?.listeners.set(uuid, onNotification);
        this.#ask(done, (id) => ({ op: "subscribe", link, id, uuid }));
      },
      unsubscribe: (uuid, done) => this.#ask(done, (id) => ({ op: "unsubscribe", link, id, uuid })),
      disconnect: () => this.#leave(link),
      lose: () => this.#send({ op: "lose", link }),
    };
  }

  #ask(done: Done, command: (id: number) => RadioCommand): void {
    const id = this.#nextId++;
    this.#waiting.set(id, done);
    this.#send(command(id));
  }

  #send(command: RadioCommand): void {
    this.#socket.write(`${JSON.stringify(command)}\n`);
  }
}

/** Decodes hex that the schema has validated. */
function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return decodeHex(text) ?? new Uint8Array(0);
}
