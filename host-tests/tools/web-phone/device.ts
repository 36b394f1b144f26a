import type { WebBluetoothCharacteristic, WebBluetoothDevice } from "../../../docs/station.js";
import type { Central, CentralConnection } from "../../virtual/world/air.js";

/** Implements the browser's `BluetoothDevice` over a virtual central, to run the page's code without a browser. */
export class VirtualDevice implements WebBluetoothDevice {
  readonly name: string;
  readonly #central: Central;
  readonly #address: string;
  #connection: CentralConnection | undefined;
  readonly #onGone = new Set<() => void>();

  constructor(options: { central: Central; address: string; name: string }) {
    this.#central = options.central;
    this.#address = options.address;
    this.name = options.name;
  }

  readonly gatt = {
    connect: async () => {
      const connection = await this.#connect();
      const characteristics = new Map<string, VirtualCharacteristic>();
      return {
        getPrimaryService: async () => ({
          getCharacteristic: async (uuid: string) => {
            if (!connection.characteristics().some((one) => one.uuid === uuid))
              throw Object.assign(new Error("no such characteristic"), { name: "NotFoundError" });
            const known = characteristics.get(uuid) ?? new VirtualCharacteristic(connection, uuid);
            characteristics.set(uuid, known);
            return known;
          },
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

  #connect(): Promise<CentralConnection> {
    return new Promise((resolve, reject) => {
      this.#central.connect(this.#address, {
        onConnected: (connection) => {
          this.#connection = connection;
          resolve(connection);
        },
        onFailed: (reason) => reject(new Error(reason)),
        onDisconnected: () => {
          const listeners = [...this.#onGone];
          this.#onGone.clear();
          for (const listener of listeners) listener();
        },
      });
    });
  }
}

class VirtualCharacteristic implements WebBluetoothCharacteristic {
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
    const notify = (value: Uint8Array<ArrayBuffer>) => {
      this.value = new DataView(value.buffer);
      for (const listener of this.#listeners) listener();
    };
    return new Promise((resolve) => this.#connection.subscribe(this.#uuid, notify, () => resolve()));
  }

  addEventListener(_type: string, listener: () => void): void {
    this.#listeners.add(listener);
  }
}
