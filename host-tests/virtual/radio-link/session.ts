import type { IO } from "../../../modules/board/index.js";
import { decodeHex, encodeHex } from "../../../modules/bytes/index.js";
import type { Air, AttOutcome, CentralConnection } from "../world/air.js";
import type { RadioCommand } from "./commands.js";
import type { RadioEvent } from "./events.js";

interface SessionLink {
  readonly attempt: IO;
  /** Undefined until the connection attempt has succeeded. */
  connection: CentralConnection | undefined;
}

/** Scans and connections of another process's central. */
export class RadioSession implements IO {
  readonly #air: Air;
  readonly #send: (event: RadioEvent) => void;
  #scan: IO | undefined;
  readonly #links = new Map<number, SessionLink>();
  #isClosed = false;

  constructor(air: Air, send: (event: RadioEvent) => void) {
    this.#air = air;
    this.#send = send;
  }

  /** Disconnects from all stations, because a station has few connections. */
  close(): void {
    this.#isClosed = true;
    this.#scan?.close();
    for (const { attempt } of this.#links.values()) attempt.close();
    this.#links.clear();
  }

  obey(command: RadioCommand): void {
    if (this.#isClosed) return;
    if (command.op === "scan") this.#startScan();
    else if (command.op === "connect") this.#connect(command);
    else if (command.op === "disconnect") this.#disconnect(command.link);
    else this.#use(command);
  }

  #startScan(): void {
    this.#scan?.close();
    this.#scan = this.#air.scan(({ address, rssi, advertisingData, scanResponse }) => {
      this.#send({
        event: "report",
        address,
        rssi,
        advertisingData: encodeHex(advertisingData),
        scanResponse: encodeHex(scanResponse),
      });
    });
  }

  #connect({ link, address, mtu }: RadioCommand & { op: "connect" }): void {
    if (this.#links.has(link)) {
      this.#send({ event: "failed", link, reason: "the link is in use" });
      return;
    }
    const attempt = this.#air.connect(address, {
      mtu,
      onConnected: (connection) => this.#connected(link, connection),
      onFailed: (reason) => {
        this.#links.delete(link);
        this.#send({ event: "failed", link, reason });
      },
      onDisconnected: (reason) => {
        this.#links.delete(link);
        this.#send({ event: "disconnected", link, reason });
      },
    });
    this.#links.set(link, { attempt, connection: undefined });
  }

  #connected(number: number, connection: CentralConnection): void {
    const link = this.#links.get(number);
    if (!link) return;
    link.connection = connection;
    const characteristics = connection
      .characteristics()
      .map((one) => ({ ...one, descriptors: [...one.descriptors] }));
    this.#send({ event: "connected", link: number, mtu: connection.mtu, characteristics });
  }

  /** Disconnects, also while the attempt is under way. */
  #disconnect(link: number): void {
    this.#links.get(link)?.attempt.close();
    this.#links.delete(link);
  }

  #use(command: Exclude<RadioCommand, { op: "scan" | "connect" | "disconnect" }>): void {
    const connection = this.#links.get(command.link)?.connection;
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
        connection.write(command.uuid, decodeHex(command.value) ?? new Uint8Array(0), (outcome) =>
          this.#done(command.id, outcome),
        );
        break;
      case "subscribe":
        connection.subscribe(
          command.uuid,
          (value) =>
            this.#send({
              event: "notification",
              link: command.link,
              uuid: command.uuid,
              value: encodeHex(value),
            }),
          (outcome) => this.#done(command.id, outcome),
        );
        break;
      case "unsubscribe":
        connection.unsubscribe(command.uuid, (outcome) => this.#done(command.id, outcome));
        break;
      case "lose":
        connection.lose();
        break;
    }
  }

  #done(id: number, { error, value }: AttOutcome & { readonly value?: Uint8Array<ArrayBuffer> }): void {
    this.#send({ event: "done", id, error, value: value && encodeHex(value) });
  }
}
