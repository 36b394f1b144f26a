import type { NobleCentral } from "../../virtual/bluetooth/central.js";
import type { CentralConnection } from "../../virtual/world/air.js";
import type { BluetoothDevice, RemoteCharacteristic } from "./web-bluetooth.js";

/** Implements the browser's `BluetoothDevice` over noble, to run the page's code without a browser. */
export class NobleDevice implements BluetoothDevice {
  readonly name: string;
  readonly #central: NobleCentral;
  readonly #address: string;
  #connection: CentralConnection | undefined;
  readonly #onGone = new Set<() => void>();

  constructor(options: { central: NobleCentral; address: string; name: string }) {
    this.#central = options.central;
    this.#address = options.address;
    this.name = options.name;
  }

  readonly gatt = {
    connect: async () => {
      const connection = await this.#connect();
      return {
        getPrimaryService: async () => ({
          getCharacteristic: async (uuid: string) => new NobleCharacteristic(connection, uuid),
        }),
      };
    },
    disconnect: () => this.#connection?.disconnect(),
  };

  /** Simulates the loss of contact. */
  lose(): void {
    this.#connection?.lose();
  }

  addEventListener(_type: string, listener: () => void): void {
    this.#onGone.add(listener);
  }

  removeEventListener(_type: string, listener: () => void): void {
    this.#onGone.delete(listener);
  }

  #connect(): Promise<CentralConnection> {
    return new Promise((resolve, reject) => {
      this.#central.connect(this.#address, {
        onConnected: (connection) => {
          this.#connection = connection;
          resolve(connection);
        },
        onFailed: (reason) => reject(new Error(reason)),
        onDisconnected: () => {
          for (const listener of this.#onGone) listener();
        },
      });
    });
  }
}

class NobleCharacteristic implements RemoteCharacteristic {
  value?: DataView<ArrayBuffer>;
  #connection: CentralConnection;
  readonly #uuid: string;
  readonly #listeners = new Set<() => void>();

  constructor(connection: CentralConnection, uuid: string) {
    this.#connection = connection;
    this.#uuid = uuid;
  }

  readValue(): Promise<DataView<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      this.#connection.read(this.#uuid, ({ value, error }) => {
        if (value) resolve(new DataView(value.buffer));
        else reject(new Error(`ATT error ${error}`));
      });
    });
  }

  writeValueWithResponse(value: Uint8Array<ArrayBuffer>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#connection.write(this.#uuid, value, ({ error }) => {
        if (error === undefined) resolve();
        else reject(new Error(`ATT error ${error}`));
      });
    });
  }

  startNotifications(): Promise<void> {
    const hear = (value: Uint8Array<ArrayBuffer>) => {
      this.value = new DataView(value.buffer);
      for (const listener of this.#listeners) listener();
    };
    return new Promise((resolve) => this.#connection.subscribe(this.#uuid, hear, () => resolve()));
  }

  addEventListener(_type: string, listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: string, listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
