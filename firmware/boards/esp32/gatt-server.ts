import { type Connection, GATTServer as SDKGATTServer } from "embedded:io/bluetoothle/peripheral";
import Debug from "debug";
import type {
  AdvertisingRecords,
  Bytes,
  Clock,
  GATTCharacteristic,
  GATTConnection,
  GATTServer,
  GATTServerConstructor,
  GATTServerOptions,
} from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import type { AdvertisingPause } from "./advertising-pause.js";

/** Connection of a central. */
class ChipConnection implements GATTConnection {
  readonly subscriptions = new Map<GATTCharacteristic, object>();
  isOver = false;
  private readonly _native: Connection;
  private readonly _clock: Clock;
  private readonly _guard: Guard;

  constructor(native: Connection, { clock, guard }: { clock: Clock; guard: Guard }) {
    this._native = native;
    this._clock = clock;
    this._guard = guard;
  }

  get maximumWrite(): number {
    return this._native.maximumWrite;
  }

  notify(characteristic: GATTCharacteristic, value: Bytes, done?: (error?: Error) => void): void {
    if (this.isOver) throw new Error("the connection is closed");
    if (value.byteLength > this.maximumWrite) {
      throw new RangeError(`${value.byteLength} bytes in a notification of ${this.maximumWrite}`);
    }
    const native = this.subscriptions.get(characteristic);
    if (!native) {
      this._clock.set(() => done?.(new Error("the central is not subscribed")), 0);
      return;
    }
    try {
      this._native.notify(native, asUint8Array(value).slice().buffer, (error) => {
        this._guard.run(() => done?.(error === 0 ? undefined : new Error(`NimBLE error ${error}`)));
      });
    } catch {
      // The SDK stores one subscription per characteristic, not per central: another central has ended it.
      this._clock.set(() => done?.(new Error("another central has ended the subscription")), 0);
    }
  }

  /**
   * Stops the use of the connection, without a disconnect: the SDK would free a connection that is still in its list.
   * The central disconnects by itself.
   */
  close(): void {
    this.isOver = true;
  }
}

export interface GATTServerParts {
  readonly clock: Clock;
  readonly guard: Guard;
  /** The server does not advertise while the pause is on. */
  readonly pause: AdvertisingPause;
}

/**
 * Returns the GATT server over the SDK's BLE server (NimBLE). `close` only stops advertising: the SDK would free a
 * server that NimBLE still calls. The SDK restarts advertising after each connection and disconnection
 * (`ensureAdvertising` in modules/io/ble/server/esp32/bleserver.c).
 */
export function makeGATTServer(parts: GATTServerParts): GATTServerConstructor {
  return withParts(ChipGATTServer, { ...parts, isTaken: false });
}

interface Parts extends GATTServerParts {
  /** Whether the firmware has made its server. */
  isTaken: boolean;
}

class ChipGATTServer implements GATTServer {
  private readonly _parts: Parts;
  private readonly _native: SDKGATTServer;
  private readonly _connections = new Map<Connection, ChipConnection>();
  /** Advertisement and optional scan response; `undefined` while advertising is stopped. */
  private _advertised: [AdvertisingRecords, AdvertisingRecords?] | undefined;
  private _isClosed = false;

  constructor(options: GATTServerOptions, parts: Parts) {
    if (parts.isTaken) throw new Error("the firmware can make only one GATT server");
    parts.isTaken = true;
    this._parts = parts;
    const sdkOptions = {
      mtu: options.mtu,
      services: options.services.map(({ uuid, characteristics }) => ({
        uuid,
        characteristics: characteristics.map((characteristic) => this._characteristic(characteristic)),
      })),
      onReady: () => this._call(() => options.onReady?.()),
      onConnect: (native: Connection) => {
        const connection = new ChipConnection(native, parts);
        this._connections.set(native, connection);
        this._call(() => options.onConnect?.(connection));
      },
      onDisconnect: (native: Connection) => {
        const connection = this._connections.get(native);
        this._connections.delete(native);
        if (!connection || connection.isOver) return;
        connection.isOver = true;
        this._call(() => options.onDisconnect?.(connection));
      },
    };
    this._native = withoutCollection(() => new SDKGATTServer(sdkOptions));
    parts.pause.onChanged = () => this._advertise();
  }

  startAdvertising(advertisement: AdvertisingRecords, scanResponse?: AdvertisingRecords): void {
    if (this._isClosed) throw new Error("not ready to advertise");
    this._advertised = scanResponse ? [advertisement, scanResponse] : [advertisement];
    if (!this._parts.pause.isOn) this._advertise();
  }

  stopAdvertising(): void {
    this._advertised = undefined;
    this._native.stopAdvertising();
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    this.stopAdvertising();
  }

  private _advertise(): void {
    if (this._parts.pause.isOn) this._native.stopAdvertising();
    else if (this._advertised) this._native.startAdvertising(...this._advertised);
  }

  private _call(callback: () => void): void {
    if (!this._isClosed) this._parts.guard.run(callback);
  }

  /** Calls `callback` with the connection. Returns `fallback` for a closed connection or after an exception. */
  private _callWith<T>(native: Connection, fallback: T, callback: (connection: GATTConnection) => T): T {
    const connection = this._connections.get(native);
    let result = fallback;
    if (connection && !connection.isOver) {
      this._call(() => {
        result = callback(connection);
      });
    }
    return result;
  }

  private _characteristic(characteristic: GATTCharacteristic) {
    const { uuid, properties, descriptors, onRead, onWrite, onSubscribe, onUnsubscribe } = characteristic;
    const callWith = this._callWith.bind(this);
    const connections = this._connections;
    return {
      uuid,
      properties,
      ...(descriptors && { descriptors: descriptors.map((descriptor) => ({ ...descriptor })) }),
      ...(onRead && {
        onRead: (native: Connection): Bytes =>
          callWith<Bytes>(native, new ArrayBuffer(0), (connection) => onRead(connection)),
      }),
      ...(onWrite && {
        onWrite: (value: ArrayBuffer, native: Connection) =>
          callWith(native, undefined, (connection) => onWrite(value, connection)),
      }),
      ...(onSubscribe && {
        // The SDK's `notify` identifies the characteristic by this `this`.
        onSubscribe(this: object, native: Connection) {
          connections.get(native)?.subscriptions.set(characteristic, this);
          callWith(native, undefined, (connection) => onSubscribe(connection));
        },
      }),
      ...(onUnsubscribe && {
        onUnsubscribe(this: object, native: Connection) {
          connections.get(native)?.subscriptions.delete(characteristic);
          callWith(native, undefined, (connection) => onUnsubscribe(connection));
        },
      }),
    };
  }
}

/**
 * Calls `make` with garbage collection off. While the SDK builds a service, no garbage collector root refers to the
 * objects of its characteristics (`xs_gattserver_addService` in modules/io/ble/server/esp32/bleserver.c). A collection
 * would free them, and the first access of a phone would use freed memory. The heap grows meanwhile if it is full.
 */
function withoutCollection<T>(make: () => T): T {
  Debug.gc();
  Debug.gc(false);
  try {
    return make();
  } finally {
    Debug.gc(true);
  }
}
