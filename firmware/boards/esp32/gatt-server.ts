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
import type { AdvertisingPause } from "./advertising-pause.js";

/** A central, as the port has it. */
class ChipConnection implements GATTConnection {
  readonly subscriptions = new Map<GATTCharacteristic, object>();
  isOver = false;
  private _native: Connection;
  private _clock: Clock;
  private _guard: Guard;

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
      // The SDK keeps one subscription a characteristic, not one a central: another central has ended it.
      this._clock.set(() => done?.(new Error("another central has ended the subscription")), 0);
    }
  }

  /** The SDK frees a connection that is still in its list: nothing more is sent, and the central leaves by itself. */
  close(): void {
    this.isOver = true;
  }
}

export interface GATTServerParts {
  readonly clock: Clock;
  readonly guard: Guard;
  /** While it is on, the server is off the air. */
  readonly pause: AdvertisingPause;
}

/**
 * The SDK's BLE server (NimBLE). It lives as long as the firmware: the SDK frees a server that NimBLE goes on
 * calling, so `close` only leaves the air. Advertising comes back by itself after a connection, and after a
 * disconnection (`ensureAdvertising` in modules/io/ble/server/esp32/bleserver.c).
 */
export function makeGATTServer({ clock, guard, pause }: GATTServerParts): GATTServerConstructor {
  let isTaken = false;

  return class ChipGATTServer implements GATTServer {
    private readonly _native: SDKGATTServer;
    private readonly _connections = new Map<Connection, ChipConnection>();
    /** What is to be on the air: the advertisement, and the scan response if there is one. */
    private _advertised: [AdvertisingRecords, AdvertisingRecords?] | undefined;
    private _isClosed = false;

    constructor(options: GATTServerOptions) {
      if (isTaken) throw new Error("only one GATT server for as long as the firmware runs");
      isTaken = true;
      const sdkOptions = {
        mtu: options.mtu,
        services: options.services.map(({ uuid, characteristics }) => ({
          uuid,
          characteristics: characteristics.map((characteristic) => this._characteristic(characteristic)),
        })),
        onReady: () => this._call(() => options.onReady?.()),
        onConnect: (native: Connection) => {
          const connection = new ChipConnection(native, { clock, guard });
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
      pause.onChanged = () => this._advertise();
    }

    startAdvertising(advertisement: AdvertisingRecords, scanResponse?: AdvertisingRecords): void {
      if (this._isClosed) throw new Error("not ready to advertise");
      this._advertised = scanResponse ? [advertisement, scanResponse] : [advertisement];
      if (!pause.isOn) this._advertise();
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
      if (pause.isOn) this._native.stopAdvertising();
      else if (this._advertised) this._native.startAdvertising(...this._advertised);
    }

    private _call(callback: () => void): void {
      if (!this._isClosed) guard.run(callback);
    }

    /** Calls with the port's connection; what does not answer, or escapes, gives `fallback`. */
    private _ask<T>(native: Connection, fallback: T, callback: (connection: GATTConnection) => T): T {
      const connection = this._connections.get(native);
      let answer = fallback;
      if (connection && !connection.isOver) {
        this._call(() => {
          answer = callback(connection);
        });
      }
      return answer;
    }

    private _characteristic(characteristic: GATTCharacteristic) {
      const { uuid, properties, descriptors, onRead, onWrite, onSubscribe, onUnsubscribe } = characteristic;
      const ask = this._ask.bind(this);
      const connections = this._connections;
      return {
        uuid,
        properties,
        ...(descriptors && { descriptors: descriptors.map((descriptor) => ({ ...descriptor })) }),
        ...(onRead && {
          onRead: (native: Connection): Bytes =>
            ask<Bytes>(native, new ArrayBuffer(0), (connection) => onRead(connection)),
        }),
        ...(onWrite && {
          onWrite: (value: ArrayBuffer, native: Connection) =>
            ask(native, undefined, (connection) => onWrite(value, connection)),
        }),
        ...(onSubscribe && {
          // `this` is what the SDK's `notify` takes for the characteristic.
          onSubscribe(this: object, native: Connection) {
            connections.get(native)?.subscriptions.set(characteristic, this);
            ask(native, undefined, (connection) => onSubscribe(connection));
          },
        }),
        ...(onUnsubscribe && {
          onUnsubscribe(this: object, native: Connection) {
            connections.get(native)?.subscriptions.delete(characteristic);
            ask(native, undefined, (connection) => onUnsubscribe(connection));
          },
        }),
      };
    }
  };
}

/**
 * While the SDK builds a service, the objects that it makes for the characteristics are known to the service only, and
 * that to nobody (`xs_gattserver_addService` in modules/io/ble/server/esp32/bleserver.c): a garbage collection would
 * free them, and the first access of a phone would call into freed memory. Without one the heap grows where it is full.
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
