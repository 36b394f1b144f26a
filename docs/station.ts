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
 * A card that cannot be copied comes from a link or a file: `station.authorize(readCard(text))`. Its proof needs Web Crypto
 * (`crypto.subtle`), which browsers have on secure pages.
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
/** Characteristic with the challenge for a card that cannot be copied. Older stations have none. */
export const CHALLENGE_UUID = "7a1e0004-5c3b-4f0a-9d2e-2f6c8b1d4e90";
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
  "suspended-by-vehicle",
  "suspended-by-station",
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
  /** Receipt of the platform for a proof, 16 hex digits. Only a read value may have it. */
  readonly receipt?: string;
}

/** Result of a card that cannot be copied. */
export interface ProofResult extends AuthorizationResult {
  /**
   * The platform has decided, and stands behind this station. `false` for 200: the station has decided by itself, or is not
   * genuine; for 403: the card is unknown or out of date, or the same. Other results have no receipt.
   */
  readonly isConfirmed: boolean;
}

/** A card that cannot be copied. */
export interface ProofCard {
  /** Public number of the card, 16 characters. */
  readonly cardId: string;
  /** 32 bytes in base64url. Keep it in the phone's key store. */
  readonly secret: string;
  readonly label?: string;
}

/** Reads a card from its link, `plugpass:card?…`, or its file (JSON). Returns `undefined` for another text. */
export function readCard(text: string): ProofCard | undefined {
  try {
    const [, query] = /^plugpass:card\?(\S+)$/.exec(text.trim()) ?? [];
    const { v, cardId, secret, label } = query === undefined ? JSON.parse(text) : cardOfQuery(query);
    if (v !== 1 || !/^[a-z2-7]{16}$/.test(cardId) || !/^[A-Za-z0-9_-]{43}$/.test(secret)) return undefined;
    return typeof label === "string" ? { cardId, secret, label } : { cardId, secret };
  } catch {
    return undefined;
  }
}

function cardOfQuery(query: string): Record<string, unknown> & { cardId: string; secret: string } {
  const fields = new Map(
    query.split("&").map((field) => field.split("=").map(decodeURIComponent) as [string, string]),
  );
  return {
    v: 1,
    cardId: fields.get("id") ?? "",
    secret: fields.get("secret") ?? "",
    label: fields.get("label"),
  };
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

/** Reads a value of the result characteristic, 6 bytes or 14. Returns `undefined` for a value of another format. */
export function readResult(value: Uint8Array): AuthorizationResult | undefined {
  const [version, stateNumber = -1, codeLow = 0, codeHigh = 0, attempt = 0, statusNumber = -1] = value;
  const state = RESULT_STATES[stateNumber];
  const status = STATION_STATUSES[statusNumber];
  const isLong = value.length === 14;
  if (version !== 1 || state === undefined || status === undefined) return undefined;
  if (value.length !== 6 && !isLong) return undefined;
  const result = { state, code: codeLow | (codeHigh << 8), attempt, status };
  return isLong ? { ...result, receipt: hexOf(value.subarray(6)) } : result;
}

const ERRORS = {
  "bluetooth-off": "Bluetooth is switched off or missing. Switch it on and try again.",
  "not-a-station": "This is no PlugPass station. Choose another.",
  disconnected: "The connection was lost. Come closer and connect again.",
  "malformed-tag": "This is no card: 4 to 64 characters of A-Z a-z 0-9 . _ : -",
  "no-result": "The station gave no result in time. Try again, or ask the owner.",
  "unknown-format": "The station's response has an unknown format. Its firmware may be newer than this app.",
  busy: "The previous card is still being checked.",
  "no-challenge": "This station cannot check this card. Use a card with a number, or ask the owner.",
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
/** The part of Web Crypto that is used here. */
declare const crypto: {
  readonly subtle: {
    importKey(
      format: "raw",
      key: Uint8Array<ArrayBuffer>,
      algorithm: { name: "HMAC"; hash: "SHA-256" },
      extractable: false,
      uses: ["sign"],
    ): Promise<object>;
    sign(algorithm: "HMAC", key: object, message: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer>;
  };
};

const TAG = /^[A-Za-z0-9_.:-]{4,64}$/;
/** Timeout for a result, ms: 15 s by the protocol, and a margin for the radio. */
const RESULT_TIMEOUT_MS = 17_000;
/** Length of a challenge, bytes: 8 of the station's name and 16 of the nonce. */
const CHALLENGE_BYTES = 24;
/** Code of a result for a proof whose challenge had expired. */
const EXPIRED = 401;

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
  #isBusy = false;
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
  authorize(card: string, onPending?: () => void): Promise<AuthorizationResult>;
  /** Presents a card that cannot be copied. Call it only after the driver has confirmed the station. */
  authorize(card: ProofCard | undefined, onPending?: () => void): Promise<ProofResult>;
  async authorize(card: string | ProofCard | undefined, onPending = () => {}): Promise<AuthorizationResult> {
    if (this.#isBusy) throw new StationError("busy");
    if (card === undefined || (typeof card === "string" && !TAG.test(card)))
      throw new StationError("malformed-tag");
    this.#isBusy = true;
    try {
      if (typeof card === "string") return await this.#present(card, onPending);
      const result = await this.#prove(card, onPending);
      return result.code === EXPIRED ? await this.#prove(card, onPending) : result;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Presents a card by a proof for a new challenge. */
  async #prove({ cardId, secret }: ProofCard, onPending: () => void): Promise<ProofResult> {
    const challenge = hexOf(await this.#readChallenge());
    const station = challenge.slice(0, 16);
    const nonce = challenge.slice(16);
    const key = await hmac(bytesOfBase64URL(secret), `plugpass-station|${station}`);
    const proof = (await hmac(key, `p1|${station}|${nonce}|${cardId}`)).subarray(0, 16);
    const result = await this.#present(`p1:${cardId}:${base64URLOf(proof)}`, onPending);
    const receipt = hexOf((await hmac(key, `ok|${nonce}|${result.code}`)).subarray(0, 8));
    // A connection that is lost here does not change the result.
    const latest = await this.read().catch(() => undefined);
    return { ...result, isConfirmed: latest?.receipt === receipt };
  }

  async #readChallenge(): Promise<Uint8Array> {
    const challenge = await this.#gatt.read(CHALLENGE_UUID).catch((error: unknown) => {
      throw isNotFound(error) ? new StationError("no-challenge") : error;
    });
    if (challenge.length !== CHALLENGE_BYTES) throw new StationError("no-challenge");
    return challenge;
  }

  async #present(text: string, onPending: () => void): Promise<AuthorizationResult> {
    let timer: unknown;
    const final = new Promise<AuthorizationResult>((resolve, reject) => {
      this.#attempt = { number: undefined, onPending, resolve, reject };
      timer = setTimeout(() => reject(new StationError("no-result")), RESULT_TIMEOUT_MS);
    });
    try {
      const [result] = await Promise.all([final, this.#gatt.write(TAG_UUID, asciiOf(text))]);
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

/** HMAC-SHA256 of a text, 32 bytes. */
async function hmac(key: Uint8Array<ArrayBuffer>, text: string): Promise<Uint8Array<ArrayBuffer>> {
  const { subtle } = crypto;
  const imported = await subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await subtle.sign("HMAC", imported, asciiOf(text)));
}

function asciiOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const BASE64URL = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/** Encodes bytes in base64url without padding (RFC 4648, section 5). */
function base64URLOf(bytes: Uint8Array): string {
  const bits = Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0")).join("");
  return (bits.match(/.{1,6}/g) ?? []).map((six) => BASE64URL[parseInt(six.padEnd(6, "0"), 2)]).join("");
}

function bytesOfBase64URL(text: string): Uint8Array<ArrayBuffer> {
  const bits = Array.from(text, (one) => BASE64URL.indexOf(one).toString(2).padStart(6, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => parseInt(byte, 2));
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
