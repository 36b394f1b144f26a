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
import { encodePDU } from "../advertising.js";
import { checkServices, MIN_MTU, NOTIFICATION_HEADER_BYTES, offeredMTU } from "../gatt-rules.js";
import type { Guard } from "../guard.js";
import { withParts } from "../with-parts.js";
import * as native from "./gatt/native.js";

/** `enum gatt_event_type` (gatt/gatt-table.h). */
const READY = 0;
const CONNECTED = 1;
const DISCONNECTED = 2;
const SUBSCRIBED = 3;
const UNSUBSCRIBED = 4;
const WRITTEN = 5;

export interface GATTServerParts {
  readonly clock: Clock;
  readonly guard: Guard;
}

/**
 * Returns the GATT server over NimBLE (gatt/gatt-server.c). NimBLE's task answers phones by itself: a read with the
 * value that this server has stored for the connection, a write before JavaScript receives it.
 */
export function makeGATTServer(parts: GATTServerParts): GATTServerConstructor {
  return withParts(ChipGATTServer, { ...parts, isTaken: false });
}

interface Parts extends GATTServerParts {
  /** Whether the firmware has made its server. NimBLE keeps the attributes until the restart. */
  isTaken: boolean;
}

/** Connection of a central. */
class ChipConnection implements GATTConnection {
  isOver = false;
  /** Number of the connection in the native table. Another one has it after the end. */
  readonly index: number;
  readonly address: string | undefined;
  private readonly _server: ChipGATTServer;

  constructor(index: number, server: ChipGATTServer) {
    this.index = index;
    this.address = native.address(index);
    this._server = server;
  }

  get maximumWrite(): number {
    return (this.isOver ? MIN_MTU : native.mtu(this.index)) - NOTIFICATION_HEADER_BYTES;
  }

  notify(characteristic: GATTCharacteristic, value: Bytes, done?: (error?: Error) => void): void {
    this._server.notify(this, characteristic, value, done);
  }

  close(): void {
    if (!this.isOver) native.disconnect(this.index);
  }
}

class ChipGATTServer implements GATTServer {
  private readonly _parts: Parts;
  private readonly _options: GATTServerOptions;
  /** In the order of their numbers. */
  private readonly _characteristics: readonly GATTCharacteristic[];
  private readonly _connections: (ChipConnection | undefined)[] = [];
  /** Advertisement and optional scan response; `undefined` while advertising is stopped. */
  private _advertised: [AdvertisingRecords, AdvertisingRecords?] | undefined;
  private _isClosed = false;

  constructor(options: GATTServerOptions, parts: Parts) {
    if (parts.isTaken) throw new Error("the firmware can make only one GATT server");
    parts.isTaken = true;
    this._parts = parts;
    this._options = options;
    this._characteristics = options.services.flatMap(({ characteristics }) => characteristics);
    checkServices(options.services);
    addAttributes(options);
    native.start(offeredMTU(options.mtu), (type, index, characteristic, value) =>
      this._parts.guard.run(() => this._handle(type, index, characteristic, value)),
    );
  }

  startAdvertising(advertisement: AdvertisingRecords, scanResponse?: AdvertisingRecords): void {
    if (this._isClosed) throw new Error("not ready to advertise");
    this._advertised = scanResponse ? [advertisement, scanResponse] : [advertisement];
    this._advertise();
    this._connections.forEach((connection) => {
      if (connection) this._storeValues(connection);
    });
  }

  stopAdvertising(): void {
    this._advertised = undefined;
    native.stopAdvertising();
  }

  close(): void {
    if (this._isClosed) return;
    this._isClosed = true;
    native.close();
  }

  /** Sends a notification of a connection. */
  notify(
    connection: ChipConnection,
    characteristic: GATTCharacteristic,
    value: Bytes,
    done?: (error?: Error) => void,
  ): void {
    const { isOver, index, maximumWrite } = connection;
    if (!isOver && value.byteLength > maximumWrite) {
      throw new RangeError(`${value.byteLength} bytes in a notification of ${maximumWrite}`);
    }
    const number = this._characteristics.indexOf(characteristic);
    const error = isOver ? "disconnected" : native.notify(index, number, asUint8Array(value));
    if (!isOver) this._storeValues(connection);
    if (done) {
      this._parts.clock.set(() => done(error === 0 ? undefined : new Error(`not notified: ${error}`)), 0);
    }
  }

  private _advertise(): void {
    if (this._isClosed) return;
    if (!this._advertised) {
      native.stopAdvertising();
      return;
    }
    const [advertisement, scanResponse = {}] = this._advertised;
    native.advertise(
      encodePDU(advertisement),
      encodePDU(scanResponse),
      scanResponse.name ?? advertisement.name ?? "",
    );
  }

  private _handle(type: number, index: number, number: number, value?: ArrayBuffer): void {
    if (this._isClosed) return;
    if (type === READY) {
      this._options.onReady?.();
      return;
    }
    let connection = this._connections[index];
    if (type === CONNECTED) {
      connection = new ChipConnection(index, this);
      this._connections[index] = connection;
    }
    if (!connection) return;
    const characteristic = this._characteristics[number];
    switch (type) {
      case CONNECTED:
        this._options.onConnect?.(connection);
        break;
      case DISCONNECTED:
        connection.isOver = true;
        this._connections[index] = undefined;
        this._options.onDisconnect?.(connection);
        return;
      case SUBSCRIBED:
        characteristic?.onSubscribe?.(connection);
        break;
      case UNSUBSCRIBED:
        characteristic?.onUnsubscribe?.(connection);
        break;
      case WRITTEN:
        if (value) characteristic?.onWrite?.(value, connection);
    }
    this._storeValues(connection);
  }

  /** Stores the values that the central reads until the next event, notification or advertisement. */
  private _storeValues(connection: ChipConnection): void {
    this._characteristics.forEach(({ onRead }, number) => {
      if (onRead) native.setValue(connection.index, number, asUint8Array(onRead(connection)));
    });
  }
}

function addAttributes({ services }: GATTServerOptions): void {
  for (const { uuid, characteristics } of services) {
    native.addService(uuid);
    for (const characteristic of characteristics) {
      native.addCharacteristic(characteristic.uuid, characteristic.properties);
      for (const descriptor of characteristic.descriptors ?? []) {
        native.addDescriptor(descriptor.uuid, asUint8Array(descriptor.value));
      }
    }
  }
}
