/** Types of the part of Web Bluetooth (W3C Community Group report) that is used here. TypeScript has none. */

export interface WebBluetooth {
  /** Whether an adapter is present and switched on. */
  getAvailability(): Promise<boolean>;
  requestDevice(options: { filters: readonly { services: readonly string[] }[] }): Promise<BluetoothDevice>;
}

export interface BluetoothDevice {
  readonly name?: string;
  readonly gatt: {
    connect(): Promise<RemoteServer>;
    disconnect(): void;
  };
  addEventListener(type: "gattserverdisconnected", listener: () => void): void;
  removeEventListener(type: "gattserverdisconnected", listener: () => void): void;
}

export interface RemoteServer {
  getPrimaryService(
    uuid: string,
  ): Promise<{ getCharacteristic(uuid: string): Promise<RemoteCharacteristic> }>;
}

export interface RemoteCharacteristic {
  readonly value?: DataView<ArrayBuffer>;
  readValue(): Promise<DataView<ArrayBuffer>>;
  writeValueWithResponse(value: Uint8Array<ArrayBuffer>): Promise<void>;
  startNotifications(): Promise<unknown>;
  addEventListener(type: "characteristicvaluechanged", listener: () => void): void;
  removeEventListener(type: "characteristicvaluechanged", listener: () => void): void;
}
