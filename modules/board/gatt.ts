import type { Bytes, IO } from "./io.js";

/** Characteristic properties (Core 5.4 Vol 3 Part G 3.3.1.1), to be combined. */
export const GATTProperties = Object.freeze({ read: 0x02, write: 0x08, notify: 0x10 });

/** A characteristic. A callback must be there exactly for what `properties` allow, as the SDK demands. */
export interface GATTCharacteristic {
  readonly uuid: string;
  readonly properties: number;
  readonly descriptors?: readonly GATTDescriptor[];
  /** At most 512 bytes (Core 5.4 Vol 3 Part F 3.2.9). */
  onRead?(connection: GATTConnection): Bytes;
  /** The whole value: a long write is put together before it comes here. */
  onWrite?(value: ArrayBuffer, connection: GATTConnection): void;
  onSubscribe?(connection: GATTConnection): void;
  /** May also come when the connection ends, before `onDisconnect`: NimBLE does that. */
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

/** A central that is connected. The same object in every callback until `onDisconnect`. */
export interface GATTConnection extends IO {
  /** How many bytes one notification carries: the MTU less 3. Grows when the central exchanges the MTU. */
  readonly maximumWrite: number;
  /**
   * Sends a notification. Throws when `value` is over `maximumWrite`. `done` gets an error when the central is not
   * subscribed or has gone.
   */
  notify(characteristic: GATTCharacteristic, value: Bytes, done?: (error?: Error) => void): void;
}

/** AD structures of one PDU, put on the air in the order of the keys here (Core Supplement Part A 1). */
export interface AdvertisingRecords {
  flags?: number;
  /** 128-bit UUIDs; goes out as the complete list. */
  services?: readonly string[];
  /** `data` MUST be a Uint8Array: the SDK puts an ArrayBuffer on the air as zeros. */
  manufacturerData?: { readonly manufacturer: number; readonly data: Uint8Array<ArrayBuffer> };
  /** Complete local name. */
  name?: string;
}

export interface GATTServerOptions {
  /** The MTU that the server offers, 23-517. */
  mtu?: number;
  services: readonly GATTService[];
  onReady?(): void;
  onConnect?(connection: GATTConnection): void;
  onDisconnect?(connection: GATTConnection): void;
}

/**
 * A BLE peripheral, as `embedded:io/bluetoothle/peripheral`. An exception in one of its callbacks ends the machine,
 * and while one runs the Bluetooth task waits: callbacks enqueue and return. Advertising pauses while no further
 * connection can be taken and goes on by itself after that.
 */
export interface GATTServer extends IO {
  /** From `onReady` on. Throws when a PDU is over 31 bytes. Called again, it replaces what is on the air. */
  startAdvertising(advertisement: AdvertisingRecords, scanResponse?: AdvertisingRecords): void;
  stopAdvertising(): void;
}

/** One server at a time; a second throws. */
export type GATTServerConstructor = new (options: GATTServerOptions) => GATTServer;
