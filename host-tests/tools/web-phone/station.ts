import { encodeUTF8 } from "../../../modules/bytes/index.js";
import { RESULT_UUID, SERVICE_UUID, TAG_UUID } from "../../../modules/tag-service/index.js";
import { parseResult, type SeenResult } from "../../virtual/world/phone.js";
import type { BluetoothDevice, RemoteCharacteristic, WebBluetooth } from "./web-bluetooth.js";

/** Timeout for a result, ms: 15 s by docs/protocol.md, and a margin for the radio. */
const RESULT_TIMEOUT_MS = 17_000;

/** Lets the guest choose a station. Resolves to `undefined` if the guest cancels. */
export async function chooseStation(bluetooth: WebBluetooth): Promise<BluetoothDevice | undefined> {
  // Without an adapter, the browser rejects as if the guest had cancelled.
  if (!(await bluetooth.getAvailability()))
    throw new Error("Bluetooth is switched off or missing. Switch it on and try again.");
  try {
    return await bluetooth.requestDevice({ filters: [{ services: [SERVICE_UUID] }] });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A station that the browser is connected to. */
export class ConnectedStation {
  readonly name: string;
  readonly #device: BluetoothDevice;
  readonly #tag: RemoteCharacteristic;
  readonly #result: RemoteCharacteristic;

  private constructor(device: BluetoothDevice, tag: RemoteCharacteristic, result: RemoteCharacteristic) {
    this.name = device.name ?? "a station without a name";
    this.#device = device;
    this.#tag = tag;
    this.#result = result;
  }

  /**
   * Connects and subscribes to results. Disconnects before it rejects, because a station has few connections.
   */
  static async connect(device: BluetoothDevice): Promise<ConnectedStation> {
    try {
      const server = await device.gatt.connect();
      const service = await server.getPrimaryService(SERVICE_UUID);
      const [tag, result] = [
        await service.getCharacteristic(TAG_UUID),
        await service.getCharacteristic(RESULT_UUID),
      ];
      await result.startNotifications();
      return new ConnectedStation(device, tag, result);
    } catch (error) {
      device.gatt.disconnect();
      throw isNotFound(error) ? new Error("This is no PlugPass station. Choose another.") : error;
    }
  }

  /** Reads the station's current status and latest result. */
  async read(): Promise<SeenResult> {
    return resultOf(await this.#result.readValue());
  }

  /**
   * Presents a virtual card. Resolves to the final result; rejects if the connection fails or the result
   * times out.
   */
  async authorize(tag: string, onPending: () => void): Promise<SeenResult> {
    let stop = () => {};
    const final = new Promise<SeenResult>((resolve, reject) => {
      const onValue = () => {
        try {
          const result = resultOf(this.#result.value);
          if (result.state === "pending") onPending();
          else resolve(result);
        } catch (error) {
          reject(error);
        }
      };
      const onGone = () => reject(new Error("The connection was lost. Come closer and connect again."));
      const timer = setTimeout(() => {
        reject(new Error("The station gave no result in time. Try again, or ask the café."));
      }, RESULT_TIMEOUT_MS);
      this.#result.addEventListener("characteristicvaluechanged", onValue);
      this.#device.addEventListener("gattserverdisconnected", onGone);
      stop = () => {
        clearTimeout(timer);
        this.#result.removeEventListener("characteristicvaluechanged", onValue);
        this.#device.removeEventListener("gattserverdisconnected", onGone);
      };
    });
    try {
      const [result] = await Promise.all([final, this.#tag.writeValueWithResponse(encodeUTF8(tag))]);
      return result;
    } finally {
      stop();
    }
  }

  disconnect(): void {
    this.#device.gatt.disconnect();
  }
}

/** Web Bluetooth also reports NotFoundError if a service is missing. */
function isNotFound(error: unknown): boolean {
  return error instanceof DOMException && error.name === "NotFoundError";
}

function resultOf(view: DataView<ArrayBuffer> | undefined): SeenResult {
  const bytes = view && new Uint8Array(view.buffer, view.byteOffset, view.byteLength).slice();
  const result = bytes && parseResult(bytes);
  if (!result)
    throw new Error(
      "The station's response has an unknown format. Its firmware may be newer than this page.",
    );
  return result;
}
