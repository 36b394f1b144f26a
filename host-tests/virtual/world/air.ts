import type { Clock, IO } from "../../../modules/board/index.js";

/** Advertising report at a scanner: the PDUs of one advertiser. */
export interface AirReport {
  readonly address: string;
  readonly advertisingData: Uint8Array<ArrayBuffer>;
  readonly scanResponse: Uint8Array<ArrayBuffer>;
  /** Signal strength, dBm. */
  readonly rssi: number;
}

export interface CentralOptions {
  /** Device address of the central, 12 hex digits. Default: the peripheral does not learn it. */
  readonly address?: string;
  /** MTU that the central requests. Default: it requests none, and the MTU stays 23. */
  readonly mtu?: number;
  onConnected(connection: CentralConnection): void;
  onFailed(reason: string): void;
  onDisconnected(reason: string): void;
}

/** Outcome of an ATT request, with its error code (Core 5.4 Vol 3 Part F 3.4.1.1) if it failed. */
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
  /** Characteristics of all services except those of GAP and GATT themselves. */
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
  /** Writes a value. Uses a long write for a value longer than MTU-3. */
  write(uuid: string, value: Uint8Array<ArrayBuffer>, done: (outcome: AttOutcome) => void): void;
  subscribe(
    uuid: string,
    onNotification: (value: Uint8Array<ArrayBuffer>) => void,
    done: (outcome: AttOutcome) => void,
  ): void;
  unsubscribe(uuid: string, done: (outcome: AttOutcome) => void): void;
  disconnect(): void;
  /**
   * Loses the contact: nothing is transmitted any more, and both ends notice after the supervision timeout.
   */
  lose(): void;
}

/** A central's side of the radio. */
export interface Central {
  /** Reports all advertisers from a timer, and again at each change. */
  scan(onReport: (report: AirReport) => void): IO;
  /** Connects. `close()` aborts or disconnects without a callback. */
  connect(address: string, options: CentralOptions): IO;
}

/** A peripheral as the air uses it. */
export interface Peripheral {
  readonly address: string;
  readonly rssi: number;
  /** Advertised PDUs; `undefined` while it does not advertise. */
  readonly pdus:
    | { readonly advertisement: Uint8Array<ArrayBuffer>; readonly scanResponse: Uint8Array<ArrayBuffer> }
    | undefined;
  /** Accepts a connection and notifies the central; `undefined` if it cannot accept one. */
  accept(options: CentralOptions): CentralConnection | undefined;
}

/** Connection interval of phones, ms: short enough to be fast, and long enough to save the battery. */
const INTERVAL_MS = 30;
/** Time to establish a connection, ms: an advertising interval and a connection interval. */
const CONNECT_MS = 60;

/** The Bluetooth LE air around the stations, by function calls. */
export class Air implements Central {
  readonly clock: Clock;
  /** Connection interval: the time of a packet in one direction, ms. */
  readonly intervalMs: number;
  readonly #peripherals = new Map<string, Peripheral>();
  readonly #scanners = new Set<(peripheral: Peripheral) => void>();

  constructor(options: { clock: Clock; intervalMs?: number }) {
    this.clock = options.clock;
    this.intervalMs = options.intervalMs ?? INTERVAL_MS;
  }

  scan(onReport: (report: AirReport) => void): IO {
    const onPeripheral = (peripheral: Peripheral) => {
      const { pdus, address, rssi } = peripheral;
      if (!pdus || !this.#scanners.has(onPeripheral)) return;
      onReport({ address, rssi, advertisingData: pdus.advertisement, scanResponse: pdus.scanResponse });
    };
    this.#scanners.add(onPeripheral);
    this.clock.set(() => {
      for (const peripheral of this.#peripherals.values()) onPeripheral(peripheral);
    }, 0);
    return {
      close: () => {
        this.#scanners.delete(onPeripheral);
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
      if (!connection) options.onFailed("no station accepts a connection at that address");
    }, CONNECT_MS);
    return {
      close: () => {
        isGivenUp = true;
        connection?.disconnect();
      },
    };
  }

  /** Adds a peripheral. Returns a function that removes it. */
  add(peripheral: Peripheral): () => void {
    this.#peripherals.set(peripheral.address, peripheral);
    return () => {
      if (this.#peripherals.get(peripheral.address) === peripheral)
        this.#peripherals.delete(peripheral.address);
    };
  }

  /** Handles a change of a peripheral's PDUs. */
  changed(peripheral: Peripheral): void {
    this.clock.set(() => {
      for (const onPeripheral of [...this.#scanners]) onPeripheral(peripheral);
    }, 0);
  }
}
