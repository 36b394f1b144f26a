/** A simulated café in virtual time: a station with its vehicle, a broker and platform, an app, a phone. */

import { sha256 } from "@noble/hashes/sha2.js";
import type { AuthorizationResult, ProofCard } from "../../docs/station.js";
import { type Config, defaultConfig, withWiring } from "../../firmware/config.js";
import { startStation } from "../../firmware/start.js";
import { Station } from "../../firmware/station.js";
import type { Board } from "../../modules/board/index.js";
import { decodeUTF8, encodeHex, encodeUTF8 } from "../../modules/bytes/index.js";
import type { Cipher } from "../../modules/settings/index.js";
import { describeImage } from "../../modules/updates/index.js";
import { Device, type DeviceOptions, FirmwareRun, makeSockets, type RunEnd } from "./board/index.js";
import { WorldBroker } from "./world/broker.js";
import type { VirtualClock } from "./world/clock.js";
import { exchange, type HTTPOutcome, httpRequest } from "./world/http-client.js";
import type { Host } from "./world/network.js";
import { Phone, type PresentOutcome, type SeenStation } from "./world/phone.js";
import { WorldPlatform } from "./world/platform.js";
import { base64 } from "./world/platform-answers.js";
import { virtualWorld, type World, type WorldOptions } from "./world/world.js";

export const WIFI = { ssid: "Café", password: "espresso-doppio" } as const;
export const OWNER = { email: "owner@cafe.example", token: "token-of-the-owner" } as const;
export const BROKER_NAME = "broker.example";
export const ADMIN_PASSWORD = "correct horse";
/** Authorization header of the admin. */
export const LOGIN = loginOf(ADMIN_PASSWORD);
const BROKER_ADDRESS = "10.0.0.1";
const BROKER_PORT = 1883;
const MINUTE_MS = 60_000;
/** Maximum time until a PN532 reads a card, ms. */
const PN532_READ_MS = 400;
/** Time that the bootloader takes, ms. */
const BOOT_MS = 100;

/** Valid fields of `/pair` in this scene. */
export const PAIRING = {
  ssid: WIFI.ssid,
  psk: WIFI.password,
  wsp: OWNER.email,
  token: OWNER.token,
  host: BROKER_NAME,
  brport: String(BROKER_PORT),
} as const;

export interface SceneOptions extends WorldOptions {
  readonly cipher?: Cipher;
  readonly device?: DeviceOptions;
  /** Further fields of the storage record `device`. */
  readonly provisioning?: Readonly<Record<string, unknown>>;
  /** The station is not provisioned. */
  readonly isUnprovisioned?: boolean;
  /** The owner has not changed the provisioned admin password. */
  readonly hasInitialPassword?: boolean;
  /** Wraps the board, to build in a deliberate bug. */
  readonly wrapBoard?: (board: Board) => Board;
  /** `false`: the broker does not store published messages. */
  readonly brokerRemembers?: boolean;
}

/** Changes the admin password of a station that does not run, as its owner would. */
export function changePassword({ flash }: Pick<Device, "flash">, password: string): void {
  const hash = encodeHex(sha256(encodeUTF8(`admin:${password}`)));
  flash.set("plugpass", "login", encodeUTF8(JSON.stringify({ v: 1, hash })));
}

/** A station on its device. It reboots after a crash or a restart, as the chip does. */
export class StationUnderTest {
  readonly device: Device;
  readonly ends: RunEnd[] = [];
  /** Undefined while the firmware runs in safe mode. */
  station: Station | undefined;
  /** Called inside the firmware after the station has started: an exception is a crash. */
  onStarted: ((board: Board) => void) | undefined;
  /** Device id: the MAC address, unless another one is provisioned. */
  deviceId: string;
  /** Build-time configuration that differs from the default. */
  config: Partial<Config> = {};
  /** Faulty firmware versions: a function that runs first and returns the board to use. */
  readonly bad = new Map<number, (board: Board) => Board>();
  readonly #clock: VirtualClock;

  readonly #wrapBoard: (board: Board) => Board;

  constructor(
    world: World<VirtualClock>,
    options: DeviceOptions = {},
    wrapBoard: (board: Board) => Board = (board) => board,
  ) {
    this.#clock = world.clock;
    this.#wrapBoard = wrapBoard;
    this.device = new Device(world, {
      ...options,
      onEnd: (end) => {
        this.ends.push(end);
        options.onEnd?.(end);
        if (end.type !== "power-cut") this.#bootSoon();
      },
    });
    this.deviceId = this.device.mac.replaceAll(":", "-");
  }

  #bootSoon(): void {
    this.#clock.set(() => {
      if (!this.device.isRunning) this.boot();
    }, BOOT_MS);
  }

  boot(): void {
    const { slots } = this.device;
    this.device.boot((own, wiring) => {
      const board = this.#wrapBoard(own);
      const firmwareVersion = describeImage(slots.image(slots.running))?.version ?? 0;
      const ours = this.bad.get(firmwareVersion)?.(board) ?? board;
      const config = withWiring({ ...defaultConfig, ...this.config, firmwareVersion }, wiring);
      const started = startStation(ours, config);
      this.station = started instanceof Station ? started : undefined;
      if (this.station) this.onStarted?.(board);
    });
  }

  /** Cuts the power and boots again. */
  powerCycle(): void {
    this.device.cutPower();
    this.#clock.advance(1000);
    this.boot();
  }
}

/**
 * A café in virtual time: a station with its vehicle, a broker with a platform, an app and a phone. No method waits in
 * real time; `until` advances the clock.
 */
export class Scene {
  readonly world: World<VirtualClock>;
  readonly clock: VirtualClock;
  readonly brokerHost: Host;
  readonly broker: WorldBroker;
  readonly platform: WorldPlatform;
  readonly phone: Phone;
  readonly under: StationUnderTest;
  /** User name of the latest login at the broker. */
  latestUsername: string | undefined;
  readonly #isUnprovisioned: boolean;
  readonly #stations: StationUnderTest[] = [];
  readonly #apps = new Map<string, Host>();

  constructor(options: SceneOptions = {}) {
    this.world = virtualWorld(options);
    this.clock = this.world.clock;
    this.world.wifi.put({ ssid: WIFI.ssid, password: WIFI.password });
    this.brokerHost = this.world.network.host({ address: BROKER_ADDRESS, names: [BROKER_NAME] });
    const firmware = new FirmwareRun({ clock: this.clock, onEnd: rethrow });
    this.broker = new WorldBroker({
      clock: this.clock,
      sockets: makeSockets(this.brokerHost, firmware, { maxSockets: 1000 }),
      port: BROKER_PORT,
      authenticate: (username, password) => {
        this.latestUsername = username;
        return password === OWNER.token;
      },
      remembers: options.brokerRemembers,
    });
    const { broker } = this;
    this.platform = new WorldPlatform({ broker, random: this.world.random, cipher: options.cipher });
    this.platform.tags.set("GUEST-0001", { authorized: true });
    this.phone = new Phone({ air: this.world.air, clock: this.clock });
    this.under = this.addStation(options);
    this.#isUnprovisioned = options.isUnprovisioned === true;
  }

  get device(): Device {
    return this.under.device;
  }

  get station(): Station {
    if (!this.under.station) throw new Error("the station has not booted, or runs in safe mode");
    return this.under.station;
  }

  /** Adds a station. Call `boot()` to start it. */
  addStation(options: Omit<SceneOptions, keyof WorldOptions> = {}): StationUnderTest {
    const under = new StationUnderTest(this.world, options.device, options.wrapBoard);
    this.#stations.push(under);
    const responseKey = encodeHex(this.world.random.bytes(32));
    this.platform.keys.set(under.deviceId, responseKey);
    const { cipher, provisioning } = options;
    if (!options.isUnprovisioned) {
      under.device.provision({
        responseKey,
        cipher,
        apPassword: ADMIN_PASSWORD,
        adminPassword: ADMIN_PASSWORD,
        ...provisioning,
      });
      if (!options.hasInitialPassword) changePassword(under.device, ADMIN_PASSWORD);
    }
    return under;
  }

  /** Boots and pairs the station, and waits until it is online. */
  bringOnline(under = this.under): void {
    under.boot();
    this.clock.advance(100);
    const outcome = this.pair({}, under);
    if (!("status" in outcome) || outcome.status !== 200)
      throw new Error(`pairing: ${JSON.stringify(outcome)}`);
    this.until("the station is online", () => under.station?.lifeCycle === "online");
    this.until("its Homie device is published", () => this.retained("$state", under) === "ready");
    this.clock.advance(1000);
  }

  /**
   * Sends a request to the station's HTTP API, over its access point if it is open, otherwise over the
   * network.
   */
  request(
    method: string,
    path: string,
    options: {
      body?: string | Uint8Array<ArrayBuffer>;
      headers?: Record<string, string>;
      from?: string;
      timeoutMs?: number;
    } = {},
    under = this.under,
  ): HTTPOutcome {
    const app = this.#app(options.from ?? "192.168.1.250");
    let outcome: HTTPOutcome | undefined;
    httpRequest({
      ...this.#way(app, under),
      method,
      path,
      ...options,
      onDone: (done) => {
        outcome = done;
      },
    });
    this.until("the HTTP API answers", () => outcome !== undefined, options.timeoutMs);
    app.address = undefined;
    return outcome as unknown as HTTPOutcome;
  }

  /** Sends raw bytes to the HTTP API without waiting. */
  sendRaw(request: Uint8Array<ArrayBuffer>, from = "192.168.1.251"): RawSender {
    const app = this.#app(from);
    const sender: Mutable<RawSender> = {
      outcome: undefined,
      send: (bytes) => sent.send(bytes),
      isClosed: false,
      close: () => {
        sender.isClosed = true;
        sent.close();
      },
    };
    const sent = exchange({
      ...this.#way(app, this.under),
      request,
      timeoutMs: 10 * MINUTE_MS,
      onDone: (outcome) => {
        sender.outcome = outcome;
      },
    });
    return sender;
  }

  /** The app's device with this address, created on first use. */
  #app(address: string): Host {
    const app = this.#apps.get(address) ?? this.world.network.host();
    this.#apps.set(address, app);
    app.address = address;
    return app;
  }

  /** Connection options for a station's HTTP API. */
  #way(app: Host, under: StationUnderTest) {
    const { host } = under.device;
    app.joined = host.ownAddress ? host : undefined;
    const address = host.ownAddress ?? host.address ?? "0.0.0.0";
    const firmware = new FirmwareRun({ clock: this.clock, onEnd: rethrow });
    const { TCP } = makeSockets(app, firmware);
    return { TCP, clock: this.clock, address, port: 80 };
  }

  /**
   * Pairs as an app does, with the login where the station has an owner. The given fields replace the valid ones;
   * `undefined` omits a field.
   */
  pair(fields: Record<string, string | undefined> = {}, under = this.under): HTTPOutcome {
    const body = formOf({ ...PAIRING, ...fields });
    const isOwned = under.device.flash.get("plugpass", "owner") !== undefined;
    const headers = { "content-type": "application/x-www-form-urlencoded", ...(isOwned && LOGIN) };
    return this.request("POST", "/pair", { body, headers }, under);
  }

  /** Sends a request that has to be answered. */
  ask(method: string, path: string, options: Parameters<Scene["request"]>[2] = {}) {
    const outcome = this.request(method, path, options);
    if (!("status" in outcome)) throw new Error(outcome.failure);
    return outcome;
  }

  /** Sends a GET request as the admin. */
  manage(path: string) {
    return this.ask("GET", path, { headers: LOGIN });
  }

  /** Returns `/status` as the admin sees it; of an unprovisioned station without the login. */
  status(): Record<string, unknown> {
    const outcome = this.request("GET", "/status", { headers: this.#isUnprovisioned ? {} : LOGIN });
    if (!("status" in outcome)) throw new Error(`/status: ${outcome.failure}`);
    return JSON.parse(outcome.body);
  }

  /** Current advertisement of the station at a phone. */
  seen(under = this.under): SeenStation {
    let seen: SeenStation | undefined;
    const scan = this.phone.scan((station) => {
      if (station.address === under.device.mac) seen = station;
    });
    this.until("the station's advertisement is received", () => seen !== undefined);
    scan.close();
    return seen as unknown as SeenStation;
  }

  /** Plugs in a vehicle and waits until the station has detected it. */
  plug(under = this.under, options: { requestsEnergyWhenOffered?: boolean } = {}): void {
    under.device.vehicle.plug(options);
    this.clock.advance(100);
  }

  /** Swipes a card at the reader: ten hex digits (RDM6300), or a UID of 4, 7 or 10 bytes (PN532). */
  swipe(tag: string, under = this.under): void {
    under.device.swipe(tag);
    this.clock.advance(under.device.pn532 ? PN532_READ_MS : 100);
  }

  /** Stores the owner's settings. The station has to be booted afterwards. */
  setOptions(options: Record<string, unknown>, under = this.under): void {
    under.device.flash.set("plugpass", "options", encodeUTF8(JSON.stringify({ v: 1, ...options })));
  }

  /** Presents a tag, or a card that cannot be copied, and waits for the outcome. */
  present(tag: string | ProofCard, under = this.under): Presentation {
    const presentation = this.startPresenting(tag, under);
    this.until("the phone has a final result", () => presentation.outcome !== undefined);
    return presentation;
  }

  /** Presents a tag without waiting. The returned object is filled as results arrive. */
  startPresenting(tag: string | ProofCard, under = this.under): Presentation {
    const presentation: Presentation = { pending: [], written: undefined, outcome: undefined };
    this.phone.present({
      address: under.device.mac,
      tag,
      onWritten: (text) => {
        presentation.written = text;
      },
      onPending: (result) => presentation.pending.push(result),
      onDone: (outcome) => {
        presentation.outcome = outcome;
      },
    });
    return presentation;
  }

  /** Retained value of a property at the broker. */
  retained(path: string, under = this.under): string | undefined {
    for (const [topic, payload] of this.broker.retained) {
      if (topic.endsWith(`/sweet-home/${under.deviceId}/${path}`)) return decodeUTF8(payload);
    }
    return undefined;
  }

  /** Publishes a `set` command of the owner's app, by the path under the station's root. */
  set(path: string, payload: string, under = this.under): void {
    this.broker.publish(`${userTopic()}/sweet-home/${under.deviceId}/${path}/set`, payload);
  }

  /** Advances the clock until `condition` holds. Throws with the log of each station after `limitMs`. */
  until(what: string, condition: () => boolean, limitMs = MINUTE_MS): void {
    if (this.clock.runUntil(condition, limitMs)) return;
    const logs = this.#stations.map(({ deviceId, device }) => `${deviceId}:\n${device.logLines.join("\n")}`);
    throw new Error(`not in ${limitMs} ms: ${what}, at ${this.clock.monotonicMs()} ms\n${logs.join("\n")}`);
  }
}

export interface RawSender {
  /** `undefined` until the response is complete or the connection has ended. */
  readonly outcome: HTTPOutcome | undefined;
  readonly isClosed: boolean;
  send(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Results of one presented tag, in order. */
export interface Presentation {
  readonly pending: AuthorizationResult[];
  /** Text that the phone wrote. */
  written: string | undefined;
  outcome: PresentOutcome | undefined;
}

/** Code of a presentation's final result. */
export function codeOf({ outcome }: Presentation): number {
  if (!outcome || "failure" in outcome) throw new Error(`no result: ${JSON.stringify(outcome)}`);
  return outcome.result.code;
}

export function loginOf(password: string): { authorization: string } {
  return { authorization: `Basic ${base64(encodeUTF8(`admin:${password}`))}` };
}

export function formOf(fields: Record<string, string | undefined>): string {
  return Object.entries(fields)
    .flatMap(([name, value]) => (value === undefined ? [] : `${name}=${encodeURIComponent(value)}`))
    .join("&");
}

/** User topic of the owner (docs/protocol.md, section 1). */
function userTopic(): string {
  return encodeHex(Uint8Array.from(sha256(encodeUTF8(OWNER.email))));
}

/** Rethrows an error of the world's own servers, which must not crash. */
function rethrow(end: RunEnd): void {
  if (end.type === "crash") throw end.error;
}
