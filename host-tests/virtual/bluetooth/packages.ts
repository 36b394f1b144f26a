/**
 * External Bluetooth stacks, as optional dependencies: @stoprocent/bleno for peripherals, @stoprocent/noble
 * for centrals. Their internal classes are used, because the public ones allow one adapter and one stack per
 * process. The versions are pinned for that reason. The types here cover the parts in use.
 */

import type { EventEmitter } from "node:events";
import { createRequire } from "node:module";

/** Driver class of the stacks: the interface of @stoprocent/bluetooth-hci-socket. */
export type HCISocketClass = new () => EventEmitter;

export interface HCISocket {
  /** Throws if there is no such adapter or the process may not use it. */
  bindRaw(deviceId: number | undefined): number;
  isDevUp(): boolean;
  stop(): void;
}

export interface StackOptions {
  /** Driver to use instead of the operating system's socket. */
  readonly hciDriver?: HCISocketClass;
  /** Number of the adapter: 0 for hci0. */
  readonly deviceId?: number;
  /** Gives the host exclusive access to the controller. */
  readonly userChannel?: boolean;
  readonly extended?: boolean;
}

type SendUpdate = (data: Buffer) => void;

export interface BlenoCharacteristicOptions {
  readonly uuid: string;
  readonly properties: readonly string[];
  readonly descriptors: readonly { readonly uuid: string; readonly value: Buffer }[];
  onReadRequest(handle: number, offset: number, answer: (result: number, data?: Buffer) => void): void;
  onWriteRequest(
    handle: number,
    data: Buffer,
    offset: number,
    isCommand: boolean,
    answer: (result: number) => void,
  ): void;
  onSubscribe(handle: number, maxBytes: number, send: SendUpdate): void;
  onUnsubscribe(handle: number): void;
}

interface BlenoAttribute {
  readonly type: string;
  readonly uuid?: string;
}

export interface BlenoGATT {
  maxMtu: number;
  readonly _handles: readonly (BlenoAttribute | undefined)[];
  readonly _connections: ReadonlyMap<number, { readonly mtu: number }>;
  readonly _preparedWriteRequests: Map<number, { readonly data: Buffer }>;
  updateName(name: string): void;
  handleRequest(request: Buffer, handle: number): void;
  errorResponse(opcode: number, attribute: number, status: number): Buffer;
  send(response: Buffer, handle: number): void;
}

export interface BlenoBindings extends EventEmitter {
  _advertising: boolean;
  readonly _hci: {
    _userChannel: boolean;
    pollIsDevUp(): void;
    readonly _handleBuffers: Record<number, { readonly length: number; readonly data: Buffer } | undefined>;
    onSocketData(data: Buffer): void;
    disconnect(handle: number): void;
  };
  readonly _gatt: BlenoGATT;
  readonly _sigIntHandler: () => void;
  readonly _exitHandler: () => void;
  init(): void;
  stop(): void;
  setServices(
    services: readonly { readonly uuid: string; readonly characteristics: readonly object[] }[],
  ): void;
  startAdvertisingWithEIRData(advertisement: Buffer, scanResponse: Buffer): void;
  stopAdvertising(): void;
}

export interface NobleCharacteristic {
  readonly uuid: string;
  readonly rawProps: number;
}

export interface NobleGATT extends EventEmitter {
  readonly _mtu: number;
  readonly _aclStream: EventEmitter;
  /** Characteristics by service and UUID. */
  readonly _characteristics: Record<string, Record<string, NobleCharacteristic>>;
  discoverServices(uuids: readonly string[]): void;
  discoverCharacteristics(service: string, uuids: readonly string[]): void;
  discoverDescriptors(service: string, characteristic: string): void;
  read(service: string, characteristic: string): void;
  write(service: string, characteristic: string, data: Buffer, isCommand: boolean): void;
  notify(service: string, characteristic: string, isOn: boolean): void;
  readValue(service: string, characteristic: string, descriptor: string): void;
}

export interface NobleBindings extends EventEmitter {
  readonly _hci: EventEmitter;
  readonly _gatts: Record<string, NobleGATT | undefined>;
  readonly _sigIntHandler: () => void;
  readonly _exitHandler: () => void;
  start(): void;
  stop(): void;
  startScanning(services: readonly string[], allowDuplicates: boolean): void;
  connect(id: string, options: { readonly addressType: string; readonly mtu: number }): void;
  cancelConnect(id: string): void;
}

export interface BluetoothPackages {
  readonly HCISocket: new () => HCISocket;
  readonly BlenoBindings: new (options: StackOptions) => BlenoBindings;
  readonly BlenoCharacteristic: new (options: BlenoCharacteristicOptions) => object;
  readonly NobleBindings: new (options: StackOptions) => NobleBindings;
}

export const HOW_TO_GET_BLUETOOTH =
  "the Bluetooth stacks (@stoprocent/bleno, @stoprocent/noble) are not installed; npm ci --include=optional gets them";

/** Loads the stacks. Returns `undefined` if they are not installed or have no binary for this machine. */
export function loadBluetoothPackages(): BluetoothPackages | undefined {
  const require = createRequire(import.meta.url);
  try {
    const sockets = require("@stoprocent/bluetooth-hci-socket");
    allowDriverClasses(sockets);
    return {
      HCISocket: sockets,
      BlenoBindings: require("@stoprocent/bleno/lib/hci-socket/bindings"),
      BlenoCharacteristic: require("@stoprocent/bleno/lib/characteristic"),
      NobleBindings: require("@stoprocent/noble/lib/hci-socket/bindings"),
    };
  } catch {
    return undefined;
  }
}

/** Allows a class as a driver: the stacks accept only a driver's name. Call it before they are loaded. */
function allowDriverClasses(sockets: { loadDriver: (driver: unknown) => HCISocketClass }): void {
  const { loadDriver } = sockets;
  sockets.loadDriver = (driver) =>
    typeof driver === "function" ? (driver as HCISocketClass) : loadDriver(driver);
}
