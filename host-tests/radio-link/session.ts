import type { IO } from "../../modules/board/index.js";
import { decodeHex, encodeHex } from "../../modules/bytes/index.js";
import type { Air, AttOutcome, CentralConnection } from "../world/air.js";
import type { RadioCommand } from "./commands.js";
import type { RadioEvent } from "./events.js";

/** What one process's central has going on. */
export class RadioSession implements IO {
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
        advertisingData: encodeHex(advertisingData),
        scanResponse: encodeHex(scanResponse),
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
      case "disconnect":
        connection.disconnect();
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
