/**
 * Board with minimal surroundings, so that the cost of a step is the firmware's cost: its broker answers with
 * prepared bytes, its cipher returns a fixed answer, its clock is virtual.
 */

import { makeHTTPServer } from "../../../firmware/boards/http-server/index.js";
import type {
  Board,
  ControlPilotOptions,
  GATTConnection,
  GATTServerOptions,
  Listener,
  ListenerOptions,
  PilotLevels,
  TCP,
  TCPConnectOptions,
  TCPFromOptions,
  TCPHandlers,
  WiFiOptions,
} from "../../../modules/board/index.js";
import { VirtualClock } from "../../virtual/world/clock.js";
import { QuietBroker } from "./quiet-broker.js";

const WINDOW_BYTES = 8192;
const ADDRESS = "192.168.1.2";

/** A connection whose other end is in this file. */
class QuietTCP implements TCP {
  readonly remoteAddress = "192.168.4.2";
  readonly remotePort = 50_000;
  handlers: TCPHandlers;
  /** Receives the bytes that the firmware sends. */
  onSent: (bytes: Uint8Array<ArrayBuffer>) => void = () => {};
  #waiting: ArrayBuffer | undefined;

  constructor(options: TCPConnectOptions | TCPFromOptions | TCPHandlers) {
    this.handlers = options;
    if ("from" in options) {
      const from = options.from as QuietTCP;
      this.onSent = from.onSent;
      from.handlers = {};
      from.taken?.(this);
    }
  }

  /** Called when another instance takes over this connection. */
  taken: ((by: QuietTCP) => void) | undefined;

  deliver(bytes: ArrayBuffer): void {
    this.#waiting = bytes;
    this.handlers.onReadable?.(bytes.byteLength);
  }

  read(): ArrayBuffer | undefined {
    const bytes = this.#waiting;
    this.#waiting = undefined;
    return bytes;
  }

  write(data: Uint8Array<ArrayBuffer>): number {
    if (data.length > 0) this.onSent(data);
    return WINDOW_BYTES;
  }

  close(): void {
    this.handlers = {};
  }
}

export interface QuietPhone {
  write(uuid: string, value: ArrayBuffer): void;
  disconnect(): void;
}

export interface QuietBoard extends Board {
  readonly clock: VirtualClock;
  readonly broker: QuietBroker;
  /** Sends a request to the HTTP API. */
  request(text: ArrayBuffer): void;
  /** Connects a central. `onNotified` receives its notifications. */
  connectPhone(onNotified: (value: Uint8Array<ArrayBuffer>) => void): QuietPhone;
  setPilot(levels: PilotLevels): void;
}

/** @param plain decrypted content of every response of the platform */
export function makeQuietBoard(plain: ArrayBuffer): QuietBoard {
  const clock = new VirtualClock();
  const guard = {
    run: (callback: () => void) => callback(),
    soon: (callback: () => void) => {
      clock.set(callback, 0);
    },
    hold: (release: () => void) => release,
  };
  const broker = new QuietBroker((callback) => guard.soon(callback));
  const stored = new Map<string, ArrayBuffer>();
  let levels: PilotLevels = { highMv: 12_000, lowMv: 12_000 };
  let pilot: ControlPilotOptions | undefined;
  let listener: { onReadable?(count: number): void; waiting: QuietTCP | undefined } | undefined;
  let gatt: GATTServerOptions | undefined;

  class BrokerTCP extends QuietTCP {
    constructor(options: TCPConnectOptions | TCPFromOptions) {
      super(options);
      if ("from" in options) return;
      this.onSent = (bytes) => broker.take(bytes, (answer) => this.deliver(answer));
      guard.soon(() => this.handlers.onWritable?.(WINDOW_BYTES));
    }
  }

  class QuietListener implements Listener {
    readonly port = 80;
    waiting: QuietTCP | undefined;
    onReadable: ((count: number) => void) | undefined;

    constructor({ onReadable }: ListenerOptions) {
      this.onReadable = onReadable;
      listener = this;
    }

    read(): TCP | undefined {
      const tcp = this.waiting;
      this.waiting = undefined;
      return tcp;
    }

    close(): void {}
  }

  class QuietWiFi {
    address: string | undefined;
    readonly rssi = -50;
    readonly #options: WiFiOptions;

    constructor(options: WiFiOptions) {
      this.#options = options;
    }

    scan(options: { onComplete(): void }): void {
      guard.soon(() => options.onComplete());
    }

    connect(): void {
      guard.soon(() => {
        this.address = ADDRESS;
        this.#options.onChanged({ type: "connected" });
        this.#options.onChanged({ type: "gotIP", address: ADDRESS });
      });
    }

    disconnect(): void {
      this.address = undefined;
    }

    close(): void {}
  }

  const sockets = { TCP: BrokerTCP, Listener: QuietListener };
  return {
    implementation: "esp32",
    mac: "a4:cf:12:00:00:01",
    resetReason: { type: "power" },
    firmwareSlot: { chipId: 0, byteLength: 0x1f0000 },
    clock,
    crypto: {
      openGCM: () => plain,
      decryptCBC: () => plain,
      sha256: () => new ArrayBuffer(32),
      sha512: () => new ArrayBuffer(64),
      startSHA256: () => ({ write: () => {}, close: () => new ArrayBuffer(32) }),
      random: (byteLength) => new Uint8Array(byteLength).fill(1).buffer,
    },
    io: {
      ...sockets,
      TLS: BrokerTCP,
      HTTPServer: makeHTTPServer({ ...sockets, clock, guard }),
      GATTServer: class {
        constructor(options: GATTServerOptions) {
          gatt = options;
          guard.soon(() => options.onReady?.());
        }
        startAdvertising(): void {}
        stopAdvertising(): void {}
        close(): void {}
      },
      DigitalIn: class {
        read(): 0 {
          return 0;
        }
        close(): void {}
      },
      DigitalOut: class {
        write(): void {}
        close(): void {}
      },
      PulseCount: class {
        read(): number {
          return 0;
        }
        close(): void {}
      },
      Serial: class {
        read(): undefined {}
        close(): void {}
      },
      ControlPilot: class {
        constructor(options: ControlPilotOptions) {
          pilot = options;
        }
        read(): PilotLevels {
          return levels;
        }
        write(): void {}
        close(): void {}
      },
      network: {
        kind: "wifi",
        WiFi: QuietWiFi,
        AccessPoint: class {
          close(): void {}
        },
      },
    },
    pins: { controlPilot: 1, contactor: 2 },
    resolve: (_host, done) => guard.soon(() => done("10.0.0.1")),
    resource: () => undefined,
    openStorage: () => ({
      read: (key) => stored.get(key),
      write: (key, value) => stored.set(key, value instanceof ArrayBuffer ? value : value.slice().buffer),
      delete: (key) => stored.delete(key),
      keys: () => [...stored.keys()],
      close: () => {},
    }),
    openUpdate: () => ({ write: () => {}, complete: () => {}, close: () => {} }),
    confirmUpdate: () => {},
    log: () => {},
    restart: () => {},
    broker,
    request(text) {
      const tcp = new QuietTCP({});
      tcp.taken = (by) => {
        by.handlers.onWritable?.(WINDOW_BYTES);
        guard.soon(() => by.deliver(text));
      };
      if (listener) listener.waiting = tcp;
      listener?.onReadable?.(1);
    },
    connectPhone(onNotified) {
      const connection: GATTConnection = {
        maximumWrite: 20,
        notify: (_characteristic, value) => onNotified(value as Uint8Array<ArrayBuffer>),
        close: () => {},
      };
      gatt?.onConnect?.(connection);
      const characteristics = gatt?.services[0]?.characteristics ?? [];
      return {
        write: (uuid, value) =>
          characteristics.find((one) => one.uuid === uuid)?.onWrite?.(value, connection),
        disconnect: () => gatt?.onDisconnect?.(connection),
      };
    },
    setPilot(next) {
      levels = next;
      pilot?.onReadable?.();
    },
  };
}
