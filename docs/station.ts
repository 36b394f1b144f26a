/**
 * A PlugPass station for apps: reads its advertisement, presents a virtual card, and returns the result.
 *
 * Copy this file. It imports nothing. docs/protocol.md, section 3, specifies each byte.
 *
 *   const gatt = await chooseStation(navigator.bluetooth); // Web Bluetooth, in the handler of a click
 *   if (gatt) {
 *     const station = await Station.connect(gatt);
 *     const { state, code } = await station.authorize("GUEST-0001");
 *     station.disconnect();
 *   }
 *
 * With another Bluetooth library: scan for SERVICE_UUID, read the manufacturer data with `readAdvertisement`, and give
 * `Station.connect` an implementation of `Gatt`.
 */

/** Service of a station. */
export const SERVICE_UUID = "7a1e0001-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** Characteristic to which an app writes a tag, the number of a virtual card. */
export const TAG_UUID = "7a1e0002-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** Characteristic with the result. */
export const RESULT_UUID = "7a1e0003-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** Bluetooth company identifier of the manufacturer data. Makers of stations may build in their own. */
export const COMPANY_ID = 0xffff;

/** Statuses of a station, in the order of their numbers. */
export const STATION_STATUSES = [
  "available",
  "plugged",
  "authorized",
  "charging",
  "finishing",
  "faulted",
  "unavailable",
] as const;
export type StationStatus = (typeof STATION_STATUSES)[number];

/** States of a result, in the order of their numbers. */
export const RESULT_STATES = ["idle", "pending", "authorized", "rejected", "failed", "busy"] as const;
export type ResultState = (typeof RESULT_STATES)[number];

/** State of a station, as it advertises it. */
export interface Advertisement {
  /** A vehicle is plugged in, and the station accepts a tag now. */
  readonly acceptsTags: boolean;
  readonly platformReachable: boolean;
  /** The station can authorize some cards without its platform. */
  readonly authorizesOffline: boolean;
  /** The station is in pairing mode. */
  readonly pairing: boolean;
  readonly status: StationStatus;
  /** First 4 bytes of SHA-256(device id). */
  readonly stationHash: Uint8Array;
}

/** Value of the result characteristic. */
export interface AuthorizationResult {
  readonly state: ResultState;
  /** 202 pending, 200 authorized, otherwise the reason. docs/protocol.md lists the codes. */
  readonly code: number;
  /** Number of the tag on this connection, 1-255, then 0. */
  readonly attempt: number;
  readonly status: StationStatus;
}

/**
 * Reads the manufacturer data of a station. `data` begins after the company identifier, as Web Bluetooth and Android give
 * it; iOS gives two bytes more. Returns `undefined` for other data.
 */
export function readAdvertisement(data: Uint8Array): Advertisement | undefined {
  const [flags = 0, statusNumber = -1] = data;
  const status = STATION_STATUSES[statusNumber];
  if (data.length !== 6 || flags >> 4 !== 1 || status === undefined) return undefined;
  return {
    acceptsTags: (flags & 1) !== 0,
    platformReachable: (flags & 2) !== 0,
    authorizesOffline: (flags & 4) !== 0,
    pairing: (flags & 8) !== 0,
    status,
    stationHash: data.slice(2),
  };
}

/** Reads a value of the result characteristic. Returns `undefined` for a value of another format. */
export function readResult(value: Uint8Array): AuthorizationResult | undefined {
  const [version, stateNumber = -1, codeLow = 0, codeHigh = 0, attempt = 0, statusNumber = -1] = value;
  const state = RESULT_STATES[stateNumber];
  const status = STATION_STATUSES[statusNumber];
  if (value.length !== 6 || version !== 1 || state === undefined || status === undefined) return undefined;
  return { state, code: codeLow | (codeHigh << 8), attempt, status };
}

const ERRORS = {
  "bluetooth-off": "Bluetooth is switched off or missing. Switch it on and try again.",
  "not-a-station": "This is no PlugPass station. Choose another.",
  disconnected: "The connection was lost. Come closer and connect again.",
  "malformed-tag": "This is no card: 4 to 64 characters of A-Z a-z 0-9 . _ : -",
  "no-result": "The station gave no result in time. Try again, or ask the owner.",
  "unknown-format": "The station's response has an unknown format. Its firmware may be newer than this app.",
  busy: "The previous card is still being checked.",
} as const;

/** A failure with a code to match on. Its message is for the driver. */
export class StationError extends Error {
  readonly code: keyof typeof ERRORS;

  constructor(code: keyof typeof ERRORS) {
    super(ERRORS[code]);
    this.code = code;
  }
}

/** Connection to a station in the app's Bluetooth library. */
export interface Gatt {
  /** Connects and discovers the service. Calls `onDisconnected` when the connection ends. */
  connect(onDisconnected: () => void): Promise<void>;
  read(characteristic: string): Promise<Uint8Array>;
  /** Writes with response, as a long write if the value exceeds the MTU. */
  write(characteristic: string, value: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Enables notifications and calls `onValue` for each. */
  subscribe(characteristic: string, onValue: (value: Uint8Array) => void): Promise<void>;
  disconnect(): void;
}

/** Timers of browsers, React Native and Node, declared here so that the file needs no types of a platform. */
declare const setTimeout: (callback: () => void, delayMs: number) => unknown;
declare const clearTimeout: (timer: unknown) => void;

const TAG = /^[A-Za-z0-9_.:-]{4,64}$/;
/** Timeout for a result, ms: 15 s by the protocol, and a margin for the radio. */
const RESULT_TIMEOUT_MS = 17_000;

/** A tag that was written, and whose result has not arrived. */
interface Attempt {
  /** `undefined` until the station has notified that the result is pending. */
  number: number | undefined;
  readonly onPending: () => void;
  readonly resolve: (result: AuthorizationResult) => void;
  readonly reject: (error: StationError) => void;
}

/** A connected station. */
export class Station {
  readonly #gatt: Gatt;
  #attempt: Attempt | undefined;

  private constructor(gatt: Gatt) {
    this.#gatt = gatt;
  }

  /** Connects and subscribes to results. Disconnects before it rejects, because a station has few connections. */
  static async connect(gatt: Gatt, onDisconnected: () => void = () => {}): Promise<Station> {
    const station = new Station(gatt);
    try {
      await gatt.connect(() => {
        station.#attempt?.reject(new StationError("disconnected"));
        onDisconnected();
      });
      await gatt.subscribe(RESULT_UUID, (value) => station.#handleValue(value));
      return station;
    } catch (error) {
      gatt.disconnect();
      throw error;
    }
  }

  /** Reads the station's status and the latest result of this connection. */
  async read(): Promise<AuthorizationResult> {
    const result = readResult(await this.#gatt.read(RESULT_UUID));
    if (!result) throw new StationError("unknown-format");
    return result;
  }

  /**
   * Presents a virtual card. Resolves to the final result, which may be a refusal. Rejects when the connection fails or no
   * result arrives. A connection that is lost does not undo an authorization.
   */
  async authorize(tag: string, onPending: () => void = () => {}): Promise<AuthorizationResult> {
    if (this.#attempt) throw new StationError("busy");
    if (!TAG.test(tag)) throw new StationError("malformed-tag");
    const ascii = Uint8Array.from(tag, (character) => character.charCodeAt(0));
    let timer: unknown;
    const final = new Promise<AuthorizationResult>((resolve, reject) => {
      this.#attempt = { number: undefined, onPending, resolve, reject };
      timer = setTimeout(() => reject(new StationError("no-result")), RESULT_TIMEOUT_MS);
    });
    try {
      const [result] = await Promise.all([final, this.#gatt.write(TAG_UUID, ascii)]);
      return result;
    } finally {
      clearTimeout(timer);
      this.#attempt = undefined;
    }
  }

  disconnect(): void {
    this.#gatt.disconnect();
  }

  #handleValue(value: Uint8Array): void {
    const attempt = this.#attempt;
    const result = readResult(value);
    if (!attempt) return;
    if (!result) attempt.reject(new StationError("unknown-format"));
    else if (result.state === "pending") {
      attempt.number = result.attempt;
      attempt.onPending();
    }
    // A final result with another number belongs to an earlier tag, whose result came late.
    else if (result.attempt === attempt.number) attempt.resolve(result);
  }
}

/** The part of `navigator.bluetooth` that is used here. */
export interface WebBluetooth {
  getAvailability(): Promise<boolean>;
  requestDevice(options: { filters: { services: string[] }[] }): Promise<WebBluetoothDevice>;
}

export interface WebBluetoothDevice {
  readonly name?: string;
  readonly gatt?: {
    connect(): Promise<{ getPrimaryService(uuid: string): Promise<WebBluetoothService> }>;
    disconnect(): void;
  };
  addEventListener(
    type: "gattserverdisconnected",
    listener: () => void,
    options: { readonly once: true },
  ): void;
}

export interface WebBluetoothService {
  getCharacteristic(uuid: string): Promise<WebBluetoothCharacteristic>;
}

export interface WebBluetoothCharacteristic {
  readonly value?: DataView;
  readValue(): Promise<DataView>;
  writeValueWithResponse(value: Uint8Array<ArrayBuffer>): Promise<void>;
  startNotifications(): Promise<unknown>;
  addEventListener(type: "characteristicvaluechanged", listener: () => void): void;
}

/** Shows the browser's list of stations. Resolves to `undefined` when the driver chooses none. */
export async function chooseStation(bluetooth: WebBluetooth): Promise<WebBluetoothGatt | undefined> {
  // Without an adapter, the browser rejects as if the driver had canceled.
  if (!(await bluetooth.getAvailability())) throw new StationError("bluetooth-off");
  try {
    return new WebBluetoothGatt(await bluetooth.requestDevice({ filters: [{ services: [SERVICE_UUID] }] }));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** A connection of Web Bluetooth (W3C Community Group report). */
export class WebBluetoothGatt implements Gatt {
  /** The station's name, as the browser's list shows it. */
  readonly name: string;
  readonly #device: WebBluetoothDevice;
  #service: WebBluetoothService | undefined;

  constructor(device: WebBluetoothDevice) {
    this.name = device.name ?? "a station without a name";
    this.#device = device;
  }

  async connect(onDisconnected: () => void): Promise<void> {
    const server = await this.#device.gatt?.connect();
    this.#device.addEventListener("gattserverdisconnected", onDisconnected, { once: true });
    try {
      this.#service = await server?.getPrimaryService(SERVICE_UUID);
    } catch (error) {
      throw isNotFound(error) ? new StationError("not-a-station") : error;
    }
  }

  async read(uuid: string): Promise<Uint8Array> {
    return bytesOf(await (await this.#characteristic(uuid)).readValue());
  }

  async write(uuid: string, value: Uint8Array<ArrayBuffer>): Promise<void> {
    await (await this.#characteristic(uuid)).writeValueWithResponse(value);
  }

  async subscribe(uuid: string, onValue: (value: Uint8Array) => void): Promise<void> {
    const characteristic = await this.#characteristic(uuid);
    characteristic.addEventListener("characteristicvaluechanged", () => {
      if (characteristic.value) onValue(bytesOf(characteristic.value));
    });
    await characteristic.startNotifications();
  }

  disconnect(): void {
    this.#device.gatt?.disconnect();
  }

  async #characteristic(uuid: string): Promise<WebBluetoothCharacteristic> {
    if (!this.#service) throw new StationError("disconnected");
    return this.#service.getCharacteristic(uuid);
  }
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** The browser reports NotFoundError when the driver cancels, and when a service is missing. */
function isNotFound(error: unknown): boolean {
  return (error as { readonly name?: unknown } | undefined)?.name === "NotFoundError";
}
