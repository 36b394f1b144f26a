/** A station in pairing mode, for the tests of modules/pairing. */

import { expect } from "@jest/globals";
import type { Board } from "../../../modules/board/index.js";
import type { MQTTFailure } from "../../../modules/mqtt/index.js";
import { type Link, makeLink } from "../../../modules/network/index.js";
import {
  type Fields,
  Pairing,
  type PairingHost,
  type PairingParameters,
} from "../../../modules/pairing/index.js";
import { type RecordSource, StoredRecord } from "../../../modules/settings/index.js";
import { Login, loginFormat } from "../../../modules/web/index.js";
import { Device, FirmwareRun } from "../../virtual/board/index.js";
import { makeSockets } from "../../virtual/board/sockets.js";
import { type HTTPOutcome, httpRequest } from "../../virtual/world/http-client.js";
import { virtualWorld } from "../../virtual/world/world.js";

export const ANSWER_MS = 500;
export const LINGER_MS = 30_000;
export const FALLBACK_MS = 5 * 60_000;
/** Time to join the network in reach. */
export const JOIN_MS = 5000;
export const WIFI = { ssid: "Café", password: "12345678" };
export const FIELDS = {
  ssid: "Café",
  psk: "12345678",
  wsp: "owner@cafe.example",
  token: "secret",
  host: "broker.example",
  brport: "1883",
};
export const PARAMETERS: PairingParameters = {
  wifi: WIFI,
  email: "owner@cafe.example",
  token: "secret",
  host: "broker.example",
  port: 1883,
  tls: false,
};
export const REFUSED: MQTTFailure = { code: "broker-refused", message: "the broker refused the token" };
/** `admin:12345678` in Basic authentication. */
export const LOGIN = { authorization: "Basic YWRtaW46MTIzNDU2Nzg=" };
export const FORM = { "content-type": "application/x-www-form-urlencoded" };

/** Returns the form of the valid fields with a change; an undefined value omits a field. */
export function formOf(change: Readonly<Record<string, string | undefined>> = {}): string {
  const fields = Object.entries({ ...FIELDS, ...change }).filter(([, value]) => value !== undefined);
  return fields.map(([name, value]) => `${name}=${encodeURIComponent(value ?? "")}`).join("&");
}

/** A station that only pairs. It outlasts restarts. */
export class Station {
  readonly world = virtualWorld();
  readonly device: Device;
  readonly #app = this.world.network.host({ address: "192.168.1.250" });
  readonly preset: Fields;
  /** Events that pairing has reported, in order. */
  readonly events: string[] = [];
  isOwned = false;
  /** Whether the owner has not changed the password yet. Effective at the next start. */
  isPasswordInitial = false;
  /** Whether the station releases link and account at once when a candidate needs them. */
  isFree = true;
  brokerFailure: MQTTFailure | undefined;
  isBrokerSilent = false;
  brokersClosed = 0;
  storageError: unknown;
  board!: Board;
  link!: Link;
  pairing!: Pairing;

  constructor(options: { network?: "wifi" | "ethernet"; preset?: Readonly<Record<string, string>> } = {}) {
    this.preset = new Map(Object.entries(options.preset ?? {}));
    this.device = new Device(this.world, { network: options.network ?? "wifi" });
    this.world.wifi.put({ ...WIFI, channel: 11 });
    this.boot();
  }

  boot(): void {
    this.device.boot((board) => this.#main(board));
    if (!this.device.isRunning) throw new Error("the firmware has ended");
  }

  /** Restarts after a power cut. */
  restart(): void {
    this.device.cutPower();
    this.events.length = 0;
    this.boot();
  }

  #main(board: Board): void {
    const opened = board.openStorage("plugpass");
    const storage: typeof opened = {
      ...opened,
      write: (key, value) => {
        if (this.storageError !== undefined) throw this.storageError;
        opened.write(key, value);
      },
    };
    const records: RecordSource = { open: (format) => new StoredRecord({ storage, format, board }) };
    this.board = board;
    this.link = makeLink(board);
    this.pairing = new Pairing({
      board,
      link: this.link,
      login: this.#makeLogin(board, records),
      records,
      preset: this.preset,
      productTitle: "Café",
      accessPointPassword: "12345678",
      host: this.#host(board),
    });
  }

  #makeLogin(board: Board, records: RecordSource): Login {
    const login = new Login({ board, record: records.open(loginFormat), provisionedPassword: "12345678" });
    if (!this.isPasswordInitial) Object.defineProperty(login, "isInitial", { value: false });
    return login;
  }

  #host(board: Board): PairingHost {
    const station = this;
    return {
      get isOwned() {
        return station.isOwned;
      },
      tryBroker: (parameters, done) => {
        this.events.push(`broker ${parameters.host}:${parameters.port}`);
        if (!this.isBrokerSilent) board.clock.set(() => done(this.brokerFailure), 100);
        return { close: () => this.brokersClosed++ };
      },
      apiRoutes: () => [],
      describe: ({ isLoggedIn }) => ({ firmwareVersion: 7, ...(isLoggedIn && { lastError: null }) }),
      handleTrying: ({ email }) => {
        this.events.push(`trying ${email}`);
        if (this.isFree) this.pairing.begin();
      },
      handlePaired: ({ email }) => this.events.push(`paired ${email}`),
      handlePairingFailed: ({ code }) => this.events.push(`failed ${code}`),
      handleRestartRequest: () => this.events.push("restart"),
      handleResetRequest: () => this.events.push("reset"),
    };
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
    expect(this.device.isRunning).toBe(true);
  }

  /** Sends a request, over the access point if it is open. */
  ask(method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) {
    const { host } = this.device;
    this.#app.joined = host.ownAddress ? host : undefined;
    const firmware = new FirmwareRun({ clock: this.world.clock, onEnd: () => {} });
    const { TCP } = makeSockets(this.#app, firmware);
    const address = host.ownAddress ?? host.address ?? "0.0.0.0";
    let outcome: HTTPOutcome | undefined;
    const onDone = (done: HTTPOutcome) => {
      outcome = done;
    };
    httpRequest({ TCP, clock: this.world.clock, address, port: 80, method, path, ...options, onDone });
    this.world.clock.runUntil(() => outcome !== undefined, 20_000);
    if (!outcome || "failure" in outcome) throw new Error(JSON.stringify(outcome));
    return { status: outcome.status, body: outcome.body };
  }

  /** Sends `/pair`; an undefined value omits a field. */
  pair(change: Readonly<Record<string, string | undefined>> = {}) {
    return this.ask("POST", "/pair", { body: formOf(change), headers: FORM });
  }

  /** Pairs with the valid fields, and waits for the end of the attempt. */
  pairFully(): void {
    this.pairing.enter();
    expect(this.pair()).toEqual({ status: 200, body: "OK" });
    this.advance(ANSWER_MS + JOIN_MS);
  }

  get status(): Record<string, unknown> {
    return JSON.parse(this.ask("GET", "/status").body);
  }

  get isAccessPointOpen(): boolean {
    return this.world.wifi.accessPoints.length > 0;
  }

  get storedKeys(): string[] {
    return this.board.openStorage("plugpass").keys().sort();
  }
}
