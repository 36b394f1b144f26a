/**
 * Board with minimal surroundings, so that the cost of a step is the firmware's cost: its broker answers with
 * prepared bytes, its cipher returns a fixed answer, its clock is virtual.
 */

import { makeHTTPServer } from "../../../firmware/boards/http-server/index.js";
import { withParts } from "../../../firmware/boards/with-parts.js";
import type {
  Board,
  BoardIO,
  Bytes,
  ControlPilotOptions,
  GATTCharacteristic,
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
/** Time between the pieces of a request, ms. */
const PIECE_MS = 20;

/** A connection whose other end is in this file. */
class QuietTCP implements TCP {
  readonly remoteAddress = "192.168.4.2";
  readonly remotePort = 50_000;
  handlers: TCPHandlers;
  /** Receives the bytes that the firmware sends. */
  onSent: ((bytes: Uint8Array<ArrayBuffer>) => void) | undefined;
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
    if (data.length > 0) this.onSent?.(data);
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

export interface QuietRequest {
  readonly body?: readonly ArrayBuffer[];
  readonly onAnswer?: (bytes: Uint8Array<ArrayBuffer>) => void;
}

export interface QuietBoard extends Board {
  readonly clock: VirtualClock;
  readonly broker: QuietBroker;
  /** Sends a request to the HTTP API, with its body in pieces. `onAnswer` receives what is sent in return. */
  request(head: ArrayBuffer, options?: QuietRequest): void;
  /** Connects a central. `onNotified` receives its notifications. */
  connectPhone(onNotified: (value: Uint8Array<ArrayBuffer>) => void): QuietPhone;
  setPilot(levels: PilotLevels): void;
}

/** State that the parts of the board share. */
class Surroundings {
  readonly clock = new VirtualClock();
  readonly guard = {
    run: (callback: () => void) => callback(),
    soon: (callback: () => void) => {
      this.clock.set(callback, 0);
    },
    hold: (release: () => void) => release,
  };
  readonly broker = new QuietBroker((callback) => this.guard.soon(callback));
  levels: PilotLevels = { highMv: 12_000, lowMv: 12_000 };
  pilot: ControlPilotOptions | undefined;
  listener: QuietListener | undefined;
  gatt: GATTServerOptions | undefined;
}

class BrokerTCP extends QuietTCP {
  constructor(options: TCPConnectOptions | TCPFromOptions, { broker, guard }: Surroundings) {
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

  constructor({ onReadable }: ListenerOptions, around: Surroundings) {
    this.onReadable = onReadable;
    around.listener = this;
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
  readonly #around: Surroundings;

  constructor(options: WiFiOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
  }

  scan(options: { onComplete(): void }): void {
    this.#around.guard.soon(() => options.onComplete());
  }

  connect(): void {
    this.#around.guard.soon(() => {
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

class QuietGATTServer {
  constructor(options: GATTServerOptions, around: Surroundings) {
    around.gatt = options;
    around.guard.soon(() => options.onReady?.());
  }

  startAdvertising(): void {}
  stopAdvertising(): void {}
  close(): void {}
}

class QuietControlPilot {
  readonly #around: Surroundings;

  constructor(options: ControlPilotOptions, around: Surroundings) {
    this.#around = around;
    around.pilot = options;
  }

  read(): PilotLevels {
    return this.#around.levels;
  }

  write(): void {}
  close(): void {}
}

/** A pin or an access point that does nothing. */
class QuietPart {
  read(): 0 {
    return 0;
  }

  write(): void {}
  renew(): void {}
  acknowledge(): void {}
  close(): void {}
}

class QuietSerial {
  read(): undefined {}
  write(): void {}
  close(): void {}
}

function makeIO(around: Surroundings): BoardIO {
  const { clock, guard } = around;
  const sockets = { TCP: withParts(BrokerTCP, around), Listener: withParts(QuietListener, around) };
  return {
    ...sockets,
    TLS: sockets.TCP,
    HTTPServer: makeHTTPServer({ ...sockets, clock, guard }),
    GATTServer: withParts(QuietGATTServer, around),
    DigitalIn: QuietPart,
    DigitalOut: QuietPart,
    PulseCount: QuietPart,
    Serial: QuietSerial,
    Contactor: QuietPart,
    ControlPilot: withParts(QuietControlPilot, around),
    network: { kind: "wifi", WiFi: withParts(QuietWiFi, around), AccessPoint: QuietPart },
  };
}

/** @param plain decrypted content of every response of the platform */
export function makeQuietBoard(plain: ArrayBuffer): QuietBoard {
  const around = new Surroundings();
  const { clock, guard, broker } = around;
  const stored = new Map<string, ArrayBuffer>();
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
    io: makeIO(around),
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
    request: (head, options) => request(around, head, options),
    connectPhone: (onNotified) => new QuietCentral(around, onNotified),
    setPilot(next) {
      around.levels = next;
      around.pilot?.onReadable?.();
    },
  };
}

function request(
  { listener, clock }: Surroundings,
  head: ArrayBuffer,
  { body = [], onAnswer }: QuietRequest = {},
): void {
  const tcp = new QuietTCP({});
  if (onAnswer) tcp.onSent = onAnswer;
  tcp.taken = (by) => {
    let sent = 0;
    const sendNext = () => {
      by.deliver(sent === 0 ? head : (body[sent - 1] as ArrayBuffer));
      sent++;
      if (sent <= body.length) clock.set(sendNext, PIECE_MS);
    };
    by.handlers.onWritable?.(WINDOW_BYTES);
    clock.set(sendNext, 0);
  };
  if (listener) listener.waiting = tcp;
  listener?.onReadable?.(1);
}

/** A phone, and the station's connection to it. */
class QuietCentral implements GATTConnection, QuietPhone {
  readonly maximumWrite = 20;
  private readonly _around: Surroundings;
  private readonly _onNotified: (value: Uint8Array<ArrayBuffer>) => void;

  constructor(around: Surroundings, onNotified: (value: Uint8Array<ArrayBuffer>) => void) {
    this._around = around;
    this._onNotified = onNotified;
    around.gatt?.onConnect?.(this);
  }

  notify(_characteristic: GATTCharacteristic, value: Bytes): void {
    this._onNotified(value as Uint8Array<ArrayBuffer>);
  }

  close(): void {}

  write(uuid: string, value: ArrayBuffer): void {
    const characteristics = this._around.gatt?.services[0]?.characteristics ?? [];
    characteristics.find((one) => one.uuid === uuid)?.onWrite?.(value, this);
  }

  disconnect(): void {
    this._around.gatt?.onDisconnect?.(this);
  }
}
