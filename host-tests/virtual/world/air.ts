import type { Clock, IO } from "../../../modules/board/index.js";

/** What a scanner hears of one advertiser: the PDUs as they are on the air. */
export interface AirReport {
  readonly address: string;
  readonly advertisingData: Uint8Array<ArrayBuffer>;
  readonly scanResponse: Uint8Array<ArrayBuffer>;
  /** dBm */
  readonly rssi: number;
}

export interface CentralOptions {
  /** The MTU that the central asks for; none: it does not ask, and 23 stays. */
  readonly mtu?: number;
  onConnected(connection: CentralConnection): void;
  onFailed(reason: string): void;
  onDisconnected(reason: string): void;
}

/** An ATT error code (Core 5.4 Vol 3 Part F 3.4.1.1), where there was one. */
export interface AttOutcome {
  readonly error?: number;
}

export interface AttributeInfo {
  readonly uuid: string;
  readonly properties: number;
  readonly descriptors: readonly string[];
}

export interface CentralConnection {
  readonly mtu: number;
  /** The characteristics of all services but those of GAP and GATT themselves. */
  characteristics(): readonly AttributeInfo[];
  read(
    uuid: string,
    done: (outcome: AttOutcome & { readonly value?: Uint8Array<ArrayBuffer> }) => void,
  ): void;
  readDescriptor(
    uuid: string,
    descriptor: string,
    done: (outcome: AttOutcome & { readonly value?: Uint8Array<ArrayBuffer> }) => void,
  ): void;
  /** Goes in a long write where the value is over the MTU less 3. */
  write(uuid: string, value: Uint8Array<ArrayBuffer>, done: (outcome: AttOutcome) => void): void;
  subscribe(
    uuid: string,
    onNotification: (value: Uint8Array<ArrayBuffer>) => void,
    done: (outcome: AttOutcome) => void,
  ): void;
  unsubscribe(uuid: string, done: (outcome: AttOutcome) => void): void;
  disconnect(): void;
  /** Contact is lost: nothing more gets through, and both sides notice after the supervision time-out. */
  lose(): void;
}

/** A central's side of the radio. */
export interface Central {
  /** Reports everybody on the air soon, and again at each change. */
  scan(onReport: (report: AirReport) => void): IO;
  /** `close()` gives up, or disconnects, without a further word. */
  connect(address: string, options: CentralOptions): IO;
}

/** What a peripheral is to the air. */
export interface Peripheral {
  readonly address: string;
  readonly rssi: number;
  /** What is on the air now; `undefined` while it does not advertise. */
  readonly pdus:
    | { readonly advertisement: Uint8Array<ArrayBuffer>; readonly scanResponse: Uint8Array<ArrayBuffer> }
    | undefined;
  /** Takes a connection, and tells the central when it can be used; `undefined` when it cannot. */
  accept(options: CentralOptions): CentralConnection | undefined;
}

/** What phones use to be quick and last the day. */
const INTERVAL_MS = 30;
/** Until a connection is there: an advertising interval and a connection interval. */
const CONNECT_MS = 60;

/** The 2.4 GHz around the stations, by function calls. */
export class Air implements Central {
  readonly clock: Clock;
  /** The connection interval: what a packet takes, one way. */
  readonly intervalMs: number;
  #peripherals = new Map<string, Peripheral>();
  #scanners = new Set<(peripheral: Peripheral) => void>();

  constructor(options: { clock: Clock; intervalMs?: number }) {
    this.clock = options.clock;
    this.intervalMs = options.intervalMs ?? INTERVAL_MS;
  }

  scan(onReport: (report: AirReport) => void): IO {
    const hear = (peripheral: Peripheral) => {
      const { pdus, address, rssi } = peripheral;
      if (!pdus || !this.#scanners.has(hear)) return;
      onReport({ address, rssi, advertisingData: pdus.advertisement, scanResponse: pdus.scanResponse });
    };
    this.#scanners.add(hear);
    this.clock.set(() => {
      for (const peripheral of this.#peripherals.values()) hear(peripheral);
    }, 0);
    return {
      close: () => {
        this.#scanners.delete(hear);
      },
    };
  }

  connect(address: string, options: CentralOptions): IO {
    let connection: CentralConnection | undefined;
    let isGivenUp = false;
    this.clock.set(() => {
      if (isGivenUp) return;
      const peripheral = this.#peripherals.get(address);
      if (peripheral?.pdus) connection = peripheral.accept(options);
      if (!connection) options.onFailed("nobody with that address takes a connection");
    }, CONNECT_MS);
    return {
      close: () => {
        isGivenUp = true;
        connection?.disconnect();
      },
    };
  }

  /** Puts a peripheral into the air. Returns how to take it out. */
  add(peripheral: Peripheral): () => void {
    this.#peripherals.set(peripheral.address, peripheral);
    return () => {
      if (this.#peripherals.get(peripheral.address) === peripheral)
        this.#peripherals.delete(peripheral.address);
    };
  }

  /** A peripheral's PDUs have changed. */
  changed(peripheral: Peripheral): void {
    this.clock.set(() => {
      for (const hear of [...this.#scanners]) hear(peripheral);
    }, 0);
  }
}
