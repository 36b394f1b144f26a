import { encodePDU } from "../../../firmware/boards/advertising.js";
import {
  checkServices,
  MIN_MTU,
  NOTIFICATION_HEADER_BYTES,
  offeredMTU,
} from "../../../firmware/boards/gatt-rules.js";
import type {
  AdvertisingRecords,
  Bytes,
  GATTCharacteristic,
  GATTConnection,
  GATTServer,
  GATTServerConstructor,
  GATTServerOptions,
} from "../../../modules/board/index.js";
import { GATTProperties } from "../../../modules/board/index.js";
import { asUint8Array } from "../../../modules/bytes/index.js";
import { AttError, MAX_CONNECTIONS, MAX_VALUE_BYTES } from "../board/gatt-rules.js";
import type { FirmwareRun } from "../board/index.js";
import { guardATT } from "./guard.js";
import type { BlenoBindings, BluetoothPackages, StackOptions } from "./packages.js";
import type { HCITransport } from "./transport.js";

export interface BlenoOptions {
  readonly packages: BluetoothPackages;
  /** Creates the transport of a server. It lasts as long as the server. */
  readonly makeTransport: () => HCITransport;
}

/** Makes the board's GATT server on the real stack bleno. The constructor throws if the adapter fails. */
export function makeBlenoGATTServer(options: BlenoOptions, firmware: FirmwareRun): GATTServerConstructor {
  let isInUse = false;
  return class BlenoGATTServer implements GATTServer {
    readonly #bindings: BlenoBindings;
    readonly #peers = new Map<number, Peer>();
    readonly #release: () => void;
    #isReady = false;
    #isClosed = false;
    #isAdvertising = false;

    constructor(serverOptions: GATTServerOptions) {
      if (isInUse) throw new Error("only one GATT server at a time");
      checkServices(serverOptions.services);
      const { stackOptions, isOfTheBoard } = options.makeTransport();
      this.#bindings = startStack(options.packages, stackOptions, serverOptions, this.#peers, firmware);
      isInUse = true;
      this.#listen(serverOptions);
      this.#release = firmware.hold(() => {
        this.#isClosed = true;
        isInUse = false;
        // After a power cut, prevents the stack from disconnecting its centrals.
        if (firmware.isOver && isOfTheBoard) this.#bindings._hci.disconnect = () => {};
        // bleno polls the adapter's state every second, also after its end.
        this.#bindings._hci.pollIsDevUp = () => {};
        this.#bindings.removeAllListeners();
        this.#bindings.stop();
      });
    }

    startAdvertising(advertisement: AdvertisingRecords, scanResponse: AdvertisingRecords = {}): void {
      if (!this.#isReady || this.#isClosed) throw new Error("not ready to advertise");
      const pdus = [encodePDU(advertisement), encodePDU(scanResponse)].map((pdu) => Buffer.from(pdu));
      this.#isAdvertising = true;
      this.#bindings._gatt.updateName(scanResponse.name ?? advertisement.name ?? "");
      this.#bindings.startAdvertisingWithEIRData(pdus[0] as Buffer, pdus[1] as Buffer);
      this.#keepToTheLimit();
    }

    stopAdvertising(): void {
      this.#isAdvertising = false;
      this.#bindings.stopAdvertising();
    }

    close(): void {
      this.#release();
    }

    #listen({ onReady, onConnect, onDisconnect }: GATTServerOptions): void {
      const bindings = this.#bindings;
      bindings.on("stateChange", (state: string) => {
        if (state !== "poweredOn" || this.#isReady) return;
        this.#isReady = true;
        firmware.run(() => onReady?.());
      });
      bindings.on("accept", (address: string, handle: number) => {
        const peer = new Peer({ bindings, handle, firmware, address: address.replaceAll(":", "") });
        this.#peers.set(handle, peer);
        firmware.run(() => onConnect?.(peer));
        this.#keepToTheLimit();
      });
      bindings.on("disconnect", (_address: string, handle: number) => {
        const peer = this.#peers.get(handle);
        if (!peer) return;
        this.#peers.delete(handle);
        peer.leave();
        firmware.run(() => onDisconnect?.(peer));
        this.#keepToTheLimit();
      });
    }

    /**
     * Stops advertising while all connections are used. The stack starts advertising after each connection
     * and disconnection.
     */
    #keepToTheLimit(): void {
      if (this.#isClosed) return;
      const isFull = this.#peers.size >= MAX_CONNECTIONS;
      if (isFull && this.#bindings._advertising) this.#bindings.stopAdvertising();
      this.#bindings._advertising = this.#isAdvertising && !isFull;
    }
  };
}

function startStack(
  packages: BluetoothPackages,
  stackOptions: StackOptions,
  { services, mtu }: GATTServerOptions,
  peers: ReadonlyMap<number, Peer>,
  firmware: FirmwareRun,
): BlenoBindings {
  const bindings = new packages.BlenoBindings(stackOptions);
  // The constructor of this version ignores the option.
  bindings._hci._userChannel = stackOptions.userChannel === true;
  bindings._gatt.maxMtu = offeredMTU(mtu);
  bindings.setServices(
    services.map(({ uuid, characteristics }) => ({
      uuid: undashed(uuid),
      characteristics: characteristics.map((one) => makeCharacteristic(packages, one, peers, firmware)),
    })),
  );
  guardATT(bindings);
  bindings.init();
  // Removes the stack's signal handlers, because the commands shut down by themselves.
  process.removeListener("SIGINT", bindings._sigIntHandler);
  process.removeListener("exit", bindings._exitHandler);
  return bindings;
}

function makeCharacteristic(
  packages: BluetoothPackages,
  characteristic: GATTCharacteristic,
  peers: ReadonlyMap<number, Peer>,
  firmware: FirmwareRun,
): object {
  const { uuid, properties, descriptors = [] } = characteristic;
  return new packages.BlenoCharacteristic({
    uuid: undashed(uuid),
    properties: propertyNames(properties),
    descriptors: descriptors.map((one) => ({
      uuid: undashed(one.uuid),
      value: Buffer.from(asUint8Array(one.value)),
    })),
    onReadRequest: (handle, offset, answer) => {
      const peer = peers.get(handle);
      if (!peer) return;
      let value = new Uint8Array(0);
      firmware.run(() => {
        value = asUint8Array(characteristic.onRead?.(peer) ?? value).slice(0, MAX_VALUE_BYTES);
      });
      if (offset > value.length) answer(AttError.invalidOffset);
      else answer(AttError.none, Buffer.from(value.subarray(offset)));
    },
    onWriteRequest: (handle, data, offset, _isCommand, answer) => {
      const peer = peers.get(handle);
      if (!peer) return;
      if (offset !== 0) answer(AttError.invalidOffset);
      else if (data.length > MAX_VALUE_BYTES) answer(AttError.invalidLength);
      else {
        firmware.run(() => characteristic.onWrite?.(new Uint8Array(data).buffer, peer));
        answer(AttError.none);
      }
    },
    onSubscribe: (handle, _maxBytes, send) => peers.get(handle)?.subscribe(characteristic, send),
    onUnsubscribe: (handle) => peers.get(handle)?.unsubscribe(characteristic),
  });
}

/** A connected central. */
class Peer implements GATTConnection {
  readonly address: string;
  #bindings: BlenoBindings;
  readonly #handle: number;
  readonly #firmware: FirmwareRun;
  readonly #senders = new Map<GATTCharacteristic, (data: Buffer) => void>();
  #isOpen = true;

  constructor(options: { bindings: BlenoBindings; handle: number; firmware: FirmwareRun; address: string }) {
    this.address = options.address;
    this.#bindings = options.bindings;
    this.#handle = options.handle;
    this.#firmware = options.firmware;
  }

  get maximumWrite(): number {
    const mtu = this.#bindings._gatt._connections.get(this.#handle)?.mtu ?? MIN_MTU;
    return mtu - NOTIFICATION_HEADER_BYTES;
  }

  subscribe(characteristic: GATTCharacteristic, send: (data: Buffer) => void): void {
    const isNew = !this.#senders.has(characteristic);
    this.#senders.set(characteristic, send);
    if (isNew) this.#firmware.run(() => characteristic.onSubscribe?.(this));
  }

  unsubscribe(characteristic: GATTCharacteristic): void {
    if (this.#senders.delete(characteristic)) this.#firmware.run(() => characteristic.onUnsubscribe?.(this));
  }

  /** Handles the disconnection: the subscriptions end. */
  leave(): void {
    this.#isOpen = false;
    for (const characteristic of this.#senders.keys()) this.unsubscribe(characteristic);
  }

  notify(characteristic: GATTCharacteristic, value: Bytes, done?: (error?: Error) => void): void {
    const bytes = asUint8Array(value);
    if (bytes.length > this.maximumWrite) {
      throw new RangeError(
        `a notification of ${bytes.length} bytes is over the ${this.maximumWrite} of the MTU`,
      );
    }
    const send = this.#senders.get(characteristic);
    if (this.#isOpen) send?.(Buffer.from(bytes));
    this.#firmware.soon(() => done?.(send ? undefined : new Error("the central is not subscribed")));
  }

  close(): void {
    if (this.#isOpen) this.#bindings._hci.disconnect(this.#handle);
  }
}

function propertyNames(properties: number): string[] {
  const names = { read: GATTProperties.read, write: GATTProperties.write, notify: GATTProperties.notify };
  return Object.entries(names).flatMap(([name, bit]) => ((properties & bit) === 0 ? [] : [name]));
}

function undashed(uuid: string): string {
  return uuid.replaceAll("-", "").toLowerCase();
}
