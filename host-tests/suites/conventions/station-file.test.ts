/** Compiles docs/station.ts alone, and runs it against the virtual station as an app would. */

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "@jest/globals";
import * as file from "../../../docs/station.js";
import {
  CHALLENGE_UUID,
  type Gatt,
  readAdvertisement,
  readCard,
  readResult,
  Station,
  type StationError,
} from "../../../docs/station.js";
import { STATION_STATUSES } from "../../../modules/charging/index.js";
import * as wire from "../../../modules/tag-service/index.js";
import { cardFileText, cardLinkOf } from "../../../platform-stub/cards.js";
import { ROOT } from "../../tools/imports.js";
import { Scene } from "../../virtual/scene.js";
import type { AttOutcome, Central, CentralConnection } from "../../virtual/world/air.js";
import { untilOn } from "../bluetooth/harness.js";
import { vector } from "./protocol.js";

const FILE = join(ROOT, "docs", "station.ts");
const TSC = join(ROOT, "node_modules", ".bin", "tsc");
const COMPILE_LIMIT_MS = 60_000;

/** Compiles a copy of the file, with more text at its end, where no other file is. */
function compile(more = "") {
  const folder = mkdtempSync(join(tmpdir(), "plugpass-station-"));
  try {
    copyFileSync(FILE, join(folder, "station.ts"));
    writeFileSync(join(folder, "station.ts"), more, { flag: "a" });
    const words = ["--strict", "--noEmit", "--lib", "es2020", "station.ts"];
    const { status, stdout } = spawnSync(TSC, words, { cwd: folder, encoding: "utf8" });
    return { status, stdout };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("docs/station.ts", () => {
  test("imports nothing", () => {
    expect(readFileSync(FILE, "utf8")).not.toMatch(/^(import|export) .*\bfrom\b|\bimport\(|\brequire\(/m);
  });

  test(
    "compiles alone in strict mode, without the types of a platform",
    () => {
      expect(compile()).toEqual({ status: 0, stdout: "" });
      expect(compile("\nexport const wrong: number = document;\n").status).not.toBe(0);
    },
    COMPILE_LIMIT_MS,
  );

  test("has the firmware's UUIDs, statuses and states", () => {
    const { SERVICE_UUID, TAG_UUID, RESULT_UUID, COMPANY_ID, RESULT_STATES } = file;
    expect({ SERVICE_UUID, TAG_UUID, RESULT_UUID, CHALLENGE_UUID, COMPANY_ID, RESULT_STATES }).toEqual({
      SERVICE_UUID: wire.SERVICE_UUID,
      TAG_UUID: wire.TAG_UUID,
      RESULT_UUID: wire.RESULT_UUID,
      CHALLENGE_UUID: wire.CHALLENGE_UUID,
      COMPANY_ID: wire.DEFAULT_COMPANY_ID,
      RESULT_STATES: wire.RESULT_STATES,
    });
    expect(file.STATION_STATUSES).toEqual(STATION_STATUSES);
  });

  test.each<[string, number[]]>([
    ["another length", [0x13, 1, 1, 2, 3]],
    ["another version", [0x23, 1, 1, 2, 3, 4]],
    ["an unknown status", [0x13, 9, 1, 2, 3, 4]],
  ])("reads no advertisement with %s", (_what, bytes) => {
    expect(readAdvertisement(Uint8Array.from(bytes))).toBeUndefined();
  });

  test.each<[string, number[]]>([
    ["another length", [1, 1, 202, 0, 1]],
    ["a shortened receipt", [1, 2, 200, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ["another version", [2, 1, 202, 0, 1, 1]],
    ["an unknown state", [1, 6, 202, 0, 1, 1]],
    ["an unknown status", [1, 1, 202, 0, 1, 9]],
  ])("reads no result with %s", (_what, bytes) => {
    expect(readResult(Uint8Array.from(bytes))).toBeUndefined();
  });
});

/** An app's adapter for a Bluetooth library, here the virtual central. */
class AirGatt implements Gatt {
  readonly #central: Central;
  readonly #address: string;
  connection: CentralConnection | undefined;

  constructor(central: Central, address: string) {
    this.#central = central;
    this.#address = address;
  }

  connect(onDisconnected: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#central.connect(this.#address, {
        onConnected: (connection) => {
          this.connection = connection;
          resolve();
        },
        onFailed: (reason) => reject(new Error(reason)),
        onDisconnected,
      });
    });
  }

  async read(uuid: string): Promise<Uint8Array> {
    const { value } = await this.#call<{ value?: Uint8Array }>((done) => this.connection?.read(uuid, done));
    return value ?? new Uint8Array(0);
  }

  async write(uuid: string, value: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#call((done) => this.connection?.write(uuid, value, done));
  }

  async subscribe(uuid: string, onValue: (value: Uint8Array) => void): Promise<void> {
    await this.#call((done) => this.connection?.subscribe(uuid, onValue, done));
  }

  disconnect(): void {
    this.connection?.disconnect();
  }

  #call<T>(request: (done: (outcome: AttOutcome & T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      request((outcome) =>
        outcome.error === undefined ? resolve(outcome) : reject(new Error(`ATT error ${outcome.error}`)),
      );
    });
  }
}

describe("an app with docs/station.ts and the virtual station", () => {
  let scene: Scene;
  let gatt: AirGatt;
  let station: Station;
  let losses: number;

  beforeEach(async () => {
    scene = new Scene();
    scene.bringOnline();
    scene.plug();
    losses = 0;
    gatt = new AirGatt(scene.world.air, scene.device.mac);
    station = await settled(Station.connect(gatt, () => losses++));
  });

  /** Advances virtual time until a promise is settled. */
  async function settled<T>(promise: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    promise.then(over, over);
    expect(await untilOn(scene.clock, () => isOver, 60_000)).toBe(true);
    return promise;
  }

  function failure(code: StationError["code"]) {
    return expect.objectContaining({ code });
  }

  test("reads the advertisement", () => {
    expect(scene.seen()).toMatchObject({
      acceptsTags: true,
      platformReachable: true,
      authorizesOffline: false,
      pairing: false,
      status: "plugged",
      stationHash: expect.objectContaining({ length: 4 }),
    });
  });

  test("presents a card, reports that it is pending, and charges", async () => {
    expect(await settled(station.read())).toMatchObject({ state: "idle", code: 0, status: "plugged" });
    const pending: string[] = [];
    const result = await settled(station.authorize("GUEST-0001", () => pending.push("pending")));
    expect(result).toMatchObject({ state: "authorized", code: 200, attempt: 1 });
    expect(pending).toEqual(["pending"]);
    scene.until("the vehicle charges", () => scene.device.vehicle.isCharging);
    expect(await settled(station.read())).toMatchObject({ state: "authorized", status: "charging" });
  });

  test("receives a refusal as a result, and presents another card", async () => {
    expect(await settled(station.authorize("GUEST-0009"))).toMatchObject({ state: "rejected", code: 403 });
    expect(await settled(station.authorize("GUEST-0001"))).toMatchObject({ code: 200, attempt: 2 });
  });

  test("fails for a text that is no tag, and for a second card while one is checked", async () => {
    await expect(station.authorize("GUEST-0001Ł")).rejects.toEqual(failure("malformed-tag"));
    const first = station.authorize("GUEST-0001");
    await expect(station.authorize("GUEST-0001")).rejects.toEqual(failure("busy"));
    expect(await settled(first)).toMatchObject({ code: 200, attempt: 1 });
  });

  test("fails when the connection is lost, and reports the loss", async () => {
    scene.platform.intercept = () => [];
    const result = station.authorize("GUEST-0001", () => gatt.connection?.lose());
    await expect(settled(result)).rejects.toEqual(failure("disconnected"));
    expect(losses).toBe(1);
  });
});

/** Connects to a station that the test controls. */
async function controlled(gatt: Partial<Gatt> = {}) {
  let notify: (value: Uint8Array) => void = () => {};
  const station = await Station.connect({
    connect: async () => {},
    read: async () => new Uint8Array(0),
    write: async () => {},
    subscribe: async (_uuid, onValue) => {
      notify = onValue;
    },
    disconnect: () => {},
    ...gatt,
  });
  return { station, notify: (...bytes: number[]) => notify(Uint8Array.from(bytes)) };
}

describe("a result of docs/station.ts", () => {
  test("of an earlier card does not end a later attempt", async () => {
    const { station, notify } = await controlled();
    const result = station.authorize("GUEST-0002");
    notify(1, 2, 200, 0, 1, 2);
    notify(1, 1, 202, 0, 2, 1);
    notify(1, 2, 200, 0, 1, 2);
    notify(1, 3, 0x93, 1, 2, 1);
    expect(await result).toEqual({ state: "rejected", code: 403, attempt: 2, status: "plugged" });
  });

  test("of an unknown format fails", async () => {
    const { station, notify } = await controlled();
    const result = station.authorize("GUEST-0001");
    notify(2, 0, 0, 0, 0, 0);
    await expect(result).rejects.toMatchObject({ code: "unknown-format" });
    await expect(station.read()).rejects.toMatchObject({ code: "unknown-format" });
  });
});

describe("readCard", () => {
  const CARD = {
    cardId: vector("card-id"),
    secret: Buffer.from(vector("secret"), "hex").toString("base64url"),
  };
  const LINK = `plugpass:card?id=${CARD.cardId}&secret=${CARD.secret}`;

  test("reads a link with and without a label, and a file", () => {
    expect(readCard(LINK)).toEqual(CARD);
    expect(readCard(` ${LINK}\n`)).toEqual(CARD);
    expect(readCard(cardLinkOf({ v: 1, ...CARD, label: "Žofie & Co" }))).toEqual({
      ...CARD,
      label: "Žofie & Co",
    });
    expect(readCard(cardFileText({ v: 1, ...CARD, label: "Anna" }))).toEqual({ ...CARD, label: "Anna" });
    expect(readCard(cardFileText({ v: 1, ...CARD }))).toEqual(CARD);
  });

  test.each([
    "",
    "GUEST-0001",
    "null",
    "{}",
    JSON.stringify({ v: 2, ...CARD }),
    JSON.stringify({ v: 1, ...CARD, secret: CARD.secret.slice(1) }),
    JSON.stringify({ v: 1, ...CARD, cardId: CARD.cardId.toUpperCase() }),
    LINK.slice(0, -1),
    LINK.replace("plugpass:", "https:"),
    `${LINK}&label=%`,
  ])("does not read %j", (text) => {
    expect(readCard(text)).toBeUndefined();
  });
});

describe("a card that cannot be copied, in docs/station.ts", () => {
  const CARD = {
    cardId: vector("card-id"),
    secret: Buffer.from(vector("secret"), "hex").toString("base64url"),
  };
  const CHALLENGE = Buffer.from(vector("challenge-read"), "hex");

  /** Presents the vector's card to a station with some results, and returns the written texts and the final result. */
  async function present(options: {
    results: readonly number[];
    receipt?: string;
    lostAfterResult?: boolean;
  }) {
    const written: string[] = [];
    let notify: (...bytes: number[]) => void = () => {};
    let challenges = 0;
    let latest: number[] = [];
    const gatt = await controlled({
      read: async (uuid) => {
        if (uuid === CHALLENGE_UUID) return challenges++ > 0 ? new Uint8Array(24) : new Uint8Array(CHALLENGE);
        if (options.lostAfterResult) throw new Error("the connection was lost");
        return Uint8Array.from([...latest, ...Buffer.from(options.receipt ?? "", "hex")]);
      },
      write: async (_uuid, value) => {
        written.push(Buffer.from(value).toString());
        const code = options.results[written.length - 1] ?? 0;
        latest = [1, code === 200 ? 2 : 3, code & 0xff, code >> 8, written.length, 1];
        notify(1, 1, 202, 0, written.length, 1);
        notify(...latest);
      },
    });
    notify = gatt.notify;
    return { result: await gatt.station.authorize(CARD), written };
  }

  test("writes the vector's proof, and confirms a result with the vector's receipt", async () => {
    const { result, written } = await present({ results: [200], receipt: vector("receipt-200") });
    expect(written).toEqual([vector("tag-write")]);
    expect(result).toMatchObject({ state: "authorized", code: 200, isConfirmed: true });
    const refused = await present({ results: [403], receipt: vector("receipt-403") });
    expect(refused.result).toMatchObject({ state: "rejected", code: 403, isConfirmed: true });
  });

  test.each([
    ["no receipt", { results: [200] }],
    ["the receipt of a refusal", { results: [200], receipt: vector("receipt-403") }],
    ["a lost connection after it", { results: [200], receipt: vector("receipt-200"), lostAfterResult: true }],
  ])("does not confirm a result with %s", async (_what, options) => {
    expect((await present(options)).result).toMatchObject({ code: 200, isConfirmed: false });
  });

  test("is proved once more, for a new challenge, when its challenge has expired", async () => {
    const { result, written } = await present({ results: [401, 403] });
    expect(written).toHaveLength(2);
    expect(written[0]).not.toBe(written[1]);
    expect(result).toMatchObject({ code: 403 });
    expect((await present({ results: [401, 401, 200] })).result).toMatchObject({ code: 401 });
  });

  test("fails at a station without challenges, and for a text that is no card", async () => {
    const missing = Object.assign(new Error("no such characteristic"), { name: "NotFoundError" });
    const { station } = await controlled({ read: () => Promise.reject(missing) });
    await expect(station.authorize(CARD)).rejects.toMatchObject({ code: "no-challenge" });
    const other = await controlled();
    await expect(other.station.authorize(CARD)).rejects.toMatchObject({ code: "no-challenge" });
    await expect(station.authorize(readCard("GUEST-0001"))).rejects.toMatchObject({ code: "malformed-tag" });
  });
});
