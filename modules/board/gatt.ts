import type { Bytes, IO } from "./io.js";

/** Characteristic properties (Core 5.4 Vol 3 Part G 3.3.1.1), to be combined. */
export const GATTProperties = Object.freeze({ read: 0x02, write: 0x08, notify: 0x10 });

/** A characteristic. It must have exactly the callbacks that `properties` allow. */
export interface GATTCharacteristic {
  readonly uuid: string;
  readonly properties: number;
  readonly descriptors?: readonly GATTDescriptor[];
  /**
   * Returns the value, at most 512 bytes (Core 5.4 Vol 3 Part F 3.2.9). The chip stores values for reads, so a value
   * changes only in a callback, with a notification, or with a new advertisement.
   */
  onRead?(connection: GATTConnection): Bytes;
  /** Receives the whole value. The board assembles long writes. */
  onWrite?(value: ArrayBuffer, connection: GATTConnection): void;
  onSubscribe?(connection: GATTConnection): void;
  /** Also called before `onDisconnect` when the connection ends, as NimBLE does. */
  onUnsubscribe?(connection: GATTConnection): void;
}

export interface GATTDescriptor {
  readonly uuid: string;
  readonly value: Bytes;
}

export interface GATTService {
  readonly uuid: string;
  readonly characteristics: readonly GATTCharacteristic[];
}

/** A connected central. Every callback until `onDisconnect` receives the same object. */
export interface GATTConnection extends IO {
  /** Highest length of a notification, bytes: the MTU minus 3. It grows when the central exchanges the MTU. */
  readonly maximumWrite: number;
  /** Device address of the central, 12 hex digits, where the board knows it. Phones change theirs now and then. */
  readonly address?: string | undefined;
  /**
   * Sends a notification. Throws when `value` is longer than `maximumWrite`. `done` receives an error when the central
   * is not subscribed or has disconnected.
   */
  notify(characteristic: GATTCharacteristic, value: Bytes, done?: (error?: Error) => void): void;
}

/** AD structures of one PDU, sent in the order of the keys here (Core Supplement Part A 1). */
export interface AdvertisingRecords {
  readonly flags?: number;
  /** 128-bit UUIDs, sent as the complete list. */
  readonly services?: readonly string[];
  readonly manufacturerData?: { readonly manufacturer: number; readonly data: Uint8Array<ArrayBuffer> };
  /** Complete local name. */
  readonly name?: string;
}

export interface GATTServerOptions {
  /** The MTU that the server offers, 23-517. */
  readonly mtu?: number;
  readonly services: readonly GATTService[];
  onReady?(): void;
  onConnect?(connection: GATTConnection): void;
  onDisconnect?(connection: GATTConnection): void;
}

/**
 * A BLE peripheral, as `embedded:io/bluetoothle/peripheral`. An exception in a callback ends the machine. A board may
 * answer a write before `onWrite` runs; callbacks only enqueue. Advertising pauses while no further connection can be
 * accepted, and resumes by itself.
 */
export interface GATTServer extends IO {
  /** Starts or replaces the advertisement; valid after `onReady`. Throws when a PDU is longer than 31 bytes. */
  startAdvertising(advertisement: AdvertisingRecords, scanResponse?: AdvertisingRecords): void;
  stopAdvertising(): void;
}

/** Makes the only server. Throws while another one is open. */
export type GATTServerConstructor = new (options: GATTServerOptions) => GATTServer;
