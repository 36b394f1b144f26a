import { beforeEach, describe, expect, test } from "@jest/globals";
import { Device } from "../../host-tests/virtual/board/index.js";
import { virtualWorld } from "../../host-tests/virtual/world/world.js";
import { type AttemptResult, type OfflinePolicy, tagHash } from "../../modules/authorization/index.js";
import type { Board, IO } from "../../modules/board/index.js";
import { encodeUTF8 } from "../../modules/bytes/index.js";
import type { ChargingSession, Grant } from "../../modules/charging/index.js";
import type { JSONObject } from "../../modules/json/index.js";
import type { Requester, RequestOutcome } from "../../modules/requests/index.js";
import { defaultConfig } from "../config.js";
import { openRecords } from "../records.js";
import { Access } from "./access.js";

const TAG = "04A1B2C3";
const OTHER = "0000-9999";
const HOUR_MS = 60 * 60_000;
const MINUTE_MS = 60_000;
/** Time between reads of one card at the reader, ms. */
const SWIPE_MS = 3000;

/** A platform that answers with `answers`, asynchronously, or not at all. */
class ManualPlatform implements Requester {
  readonly requests: { readonly endpoint: string; readonly data: JSONObject }[] = [];
  /** Answers by endpoint; without one the platform does not answer. */
  readonly answers: Record<string, JSONObject | undefined> = {};
  isOnline = true;
  closed = 0;
  readonly #clock: Board["clock"];

  constructor(clock: Board["clock"]) {
    this.#clock = clock;
  }

  request(endpoint: string, data: JSONObject, done: (outcome: RequestOutcome) => void): IO {
    this.requests.push({ endpoint, data });
    const answer = this.answers[endpoint];
    const timer = this.#clock.set(() => {
      if (!this.isOnline) done({ ok: false, failure: { code: "offline" } });
      else if (answer) done({ ok: true, data: answer });
    }, 0);
    return {
      close: () => {
        this.closed++;
        this.#clock.clear(timer);
      },
    };
  }

  countOf(endpoint: string): number {
    return this.requests.filter((request) => request.endpoint === endpoint).length;
  }
}

class Bench {
  readonly world = virtualWorld();
  readonly device = new Device(this.world);
  readonly settings: { now: { offlinePolicy: OfflinePolicy; cardEnds: boolean } } = {
    now: { offlinePolicy: "list-and-cache", cardEnds: true },
  };
  readonly learning = { isOn: false, learn: (tag: string) => this.learned.push(tag) };
  readonly learned: string[] = [];
  readonly grants: Grant[] = [];
  readonly signals: string[] = [];
  readonly faults: string[] = [];
  /** Events of the trace. */
  readonly events: string[] = [];
  readonly results: AttemptResult[] = [];
  /** Calls of the listener: `busy` and `list`. */
  readonly changes: string[] = [];
  isPlugged = true;
  session: ChargingSession | undefined;
  stops = 0;
  board!: Board;
  platform!: ManualPlatform;
  access!: Access;

  constructor() {
    this.device.boot((board) => {
      this.board = board;
      this.platform = new ManualPlatform(board.clock);
      this.access = this.#makeAccess(board);
    });
    this.platform.answers.authorize = { authorized: true };
  }

  #makeAccess(board: Board): Access {
    const bench = this;
    return new Access({
      board,
      config: { ...defaultConfig, cardReader: "lines" },
      records: openRecords(board),
      settings: this.settings,
      charging: {
        get session() {
          return bench.session;
        },
        admit: () => (this.isPlugged ? { authorize: (grant) => this.grants.push(grant) > 0 } : undefined),
        stop: () => this.stops++,
      },
      indicator: { signal: (signal) => this.signals.push(signal) },
      learning: this.learning,
      platform: this.platform,
      reporter: { reportFault: (message) => this.faults.push(message) },
      trace: { add: (event, detail) => this.events.push(`${event} ${detail}`) },
      onBusyChanged: () => this.changes.push("busy"),
      onListChanged: () => this.changes.push("list"),
    });
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
    expect(this.device.isRunning).toBe(true);
  }

  /** Presents a tag by a phone, and returns the result of the attempt. */
  present(tag = TAG): AttemptResult | undefined {
    const count = this.results.length;
    this.access.newCentral().attempt(tag, (result) => this.results.push(result));
    // The station allows 30 attempts in a minute.
    this.advance(SWIPE_MS);
    return this.results[count];
  }

  /** Holds a card to the reader. */
  swipe(tag = TAG): void {
    this.device.cardReader.send(encodeUTF8(`${tag}\r\n`));
    this.advance(SWIPE_MS);
  }

  hashOf(tag: string): string {
    return tagHash(this.board.crypto, tag);
  }

  /** Puts these tags on the local list. */
  fillList(...tags: string[]): void {
    this.platform.answers["local-list"] = {
      version: this.platform.requests.length + 1,
      tags: tags.map((tag) => this.hashOf(tag)),
    };
    this.access.updateList();
    this.advance(0);
  }

  goOffline(): void {
    this.platform.isOnline = false;
    this.access.updateList();
  }
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Access", () => {
  test("asks the platform about a phone's tag, authorizes up to the station's current, and signals it", () => {
    expect(bench.present()?.code).toBe(200);
    expect(bench.platform.requests).toEqual([{ endpoint: "authorize", data: { tag: TAG, method: "ble" } }]);
    expect(bench.grants).toEqual([{ tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 }]);
    expect(bench.signals).toEqual(["authorized"]);
    expect(bench.access.lastResult).toBe("200 …B2C3: authorized by the platform");
    expect(bench.events).toEqual([]);
  });

  test("is busy during an attempt, and reports both changes", () => {
    expect(bench.access.isBusy).toBe(false);
    bench.access.newCentral().attempt(TAG, () => {});
    expect([bench.access.isBusy, bench.changes]).toEqual([true, ["busy"]]);
    bench.advance(0);
    expect([bench.access.isBusy, bench.changes]).toEqual([false, ["busy", "busy"]]);
  });

  test("has no last result before the first card, and none of a malformed tag's characters in it", () => {
    expect(bench.access.lastResult).toBeUndefined();
    bench.present("bad tag");
    expect(bench.access.lastResult).toBe("400: the tag is not 4-64 characters of A-Z a-z 0-9 . _ : -");
    expect(bench.signals).toEqual(["rejected"]);
    expect(bench.events).toEqual(["cardRefused 400"]);
  });

  test("limits a phone to 6 attempts in a minute, and the station to 30", () => {
    bench.isPlugged = false;
    const codes: number[] = [];
    const central = bench.access.newCentral();
    for (let i = 0; i < 7; i++) central.attempt(TAG, ({ code }) => codes.push(code));
    expect(codes).toEqual([409, 409, 409, 409, 409, 409, 429]);
    for (let i = 0; i < 25; i++) bench.access.newCentral().attempt(TAG, ({ code }) => codes.push(code));
    expect(codes.slice(-2)).toEqual([409, 429]);
  });

  test("reports no result after it is closed, and leaves no timer behind", () => {
    bench.fillList(TAG);
    bench.access.newCentral().attempt(TAG, (result) => bench.results.push(result));
    bench.access.close();
    bench.advance(2 * HOUR_MS);
    expect([bench.results, bench.world.clock.pending]).toEqual([[], 0]);
    bench.swipe();
    expect(bench.platform.countOf("authorize")).toBe(1);
    expect(bench.platform.countOf("local-list")).toBe(1);
  });

  test("closes a download of the list when it is closed", () => {
    bench.access.updateList();
    bench.access.close();
    expect(bench.platform.closed).toBe(1);
  });
});

describe("Access without the platform", () => {
  test("authorizes a tag by the cache for the time that the platform allowed", () => {
    bench.platform.answers.authorize = { authorized: true, cacheFor: 600, maxCurrent: 10 };
    bench.present();
    expect(bench.access.authorizesOffline).toBe(true);
    bench.goOffline();
    expect(bench.present()?.reason).toBe("authorized by the cache");
    expect(bench.grants.at(-1)?.currentA).toBe(10);
    expect(bench.present(OTHER)?.code).toBe(503);
    bench.advance(600_000);
    expect(bench.present()?.code).toBe(503);
  });

  test("authorizes a tag on the local list, until the platform rejects it", () => {
    bench.fillList(TAG, OTHER);
    expect(bench.access.listedTags).toBe(2);
    bench.goOffline();
    expect(bench.present()?.reason).toBe("authorized by the local list");
    bench.platform.isOnline = true;
    bench.platform.answers.authorize = { authorized: false };
    expect(bench.present()?.code).toBe(403);
    bench.platform.isOnline = false;
    expect(bench.present()?.code).toBe(503);
    expect(bench.present(OTHER)?.code).toBe(200);
  });

  test("authorizes no tag under the policy deny", () => {
    bench.fillList(TAG);
    bench.settings.now = { offlinePolicy: "deny", cardEnds: true };
    expect(bench.access.authorizesOffline).toBe(false);
    bench.goOffline();
    expect(bench.present()?.code).toBe(503);
  });
});

describe("Access after a change of owner", () => {
  test("authorizes none of the previous owner's cached tags", () => {
    bench.platform.answers.authorize = { authorized: true, cacheFor: 600 };
    bench.present();
    bench.access.forgetOwner();
    bench.goOffline();
    expect(bench.access.authorizesOffline).toBe(false);
    expect(bench.present()?.code).toBe(503);
  });

  test("authorizes none of the tags on the previous owner's list", () => {
    bench.fillList(TAG);
    bench.access.forgetOwner();
    expect([bench.access.listedTags, bench.access.authorizesOffline]).toEqual([0, false]);
    bench.goOffline();
    expect(bench.present()?.code).toBe(503);
  });

  test("does not show the previous owner's latest card", () => {
    bench.present();
    bench.access.forgetOwner();
    expect(bench.access.lastResult).toBeUndefined();
  });

  test("counts the attempts with a blocked tag from zero", () => {
    bench.platform.answers.authorize = { authorized: false, reason: "blocked" };
    for (let i = 0; i < 2; i++) bench.present();
    bench.access.forgetOwner();
    for (let i = 0; i < 2; i++) bench.present();
    expect(bench.faults).toEqual([]);
    bench.present();
    expect(bench.faults).toHaveLength(1);
  });

  test("forgets cache and result even when the list cannot be deleted", () => {
    bench.platform.answers.authorize = { authorized: true, cacheFor: 600 };
    bench.fillList(OTHER);
    bench.present();
    bench.device.flash.cutPowerAtWrite(1, "before");
    expect(() => bench.access.forgetOwner()).toThrow();
    expect(bench.access.authorizesOffline).toBe(false);
    expect(bench.access.lastResult).toBeUndefined();
  });
});

describe("Access with a blocked tag", () => {
  const FAULT = "access: the blocked tag …B2C3 was tried 3 times";

  beforeEach(() => {
    bench.platform.answers.authorize = { authorized: false, reason: "blocked" };
  });

  test("reports every third attempt", () => {
    for (let i = 0; i < 2; i++) bench.present();
    expect(bench.faults).toEqual([]);
    bench.present();
    expect(bench.faults).toEqual([FAULT]);
    for (let i = 0; i < 3; i++) bench.present();
    expect(bench.faults).toEqual([FAULT, FAULT]);
  });

  test("counts each tag on its own", () => {
    for (const tag of [TAG, OTHER, TAG, OTHER]) bench.present(tag);
    expect(bench.faults).toEqual([]);
  });

  test("counts no tag that is rejected for another reason or authorized", () => {
    for (const answer of [
      { authorized: false, reason: "no credit" },
      { authorized: true, reason: "blocked" },
    ]) {
      bench.platform.answers.authorize = answer;
      for (let i = 0; i < 3; i++) bench.present();
    }
    expect(bench.faults).toEqual([]);
  });

  test("forgets the least recently tried of more than 16 tags", () => {
    const present = (n: number) => bench.present(`blocked-${n}`);
    for (let round = 0; round < 2; round++) for (let n = 0; n < 16; n++) present(n);
    present(0);
    expect(bench.faults).toHaveLength(1);
    present(16);
    present(17);
    // Of the tags 1 to 17, the oldest was dropped.
    present(1);
    expect(bench.faults).toHaveLength(1);
    present(3);
    expect(bench.faults).toHaveLength(2);
  });
});

describe("Access at the card reader", () => {
  const log = () => bench.device.logLines.filter((line) => line.startsWith("rfid: "));

  test("presents a card like a phone's tag, and logs its result without the tag", () => {
    bench.swipe();
    expect(bench.platform.requests).toEqual([{ endpoint: "authorize", data: { tag: TAG, method: "rfid" } }]);
    expect(bench.grants).toMatchObject([{ method: "rfid" }]);
    expect(log()).toEqual(["rfid: the card …B2C3: authorized (200: authorized by the platform)"]);
  });

  test("logs no attempt over the limit", () => {
    bench.isPlugged = false;
    for (let i = 0; i < 8; i++) bench.swipe();
    expect(log()).toHaveLength(6);
  });

  test("ends the session that the card has started", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.swipe(OTHER);
    expect(bench.stops).toBe(0);
    bench.swipe();
    expect(bench.stops).toBe(1);
    expect(bench.signals.at(-1)).toBe("ended");
    expect(log().at(-1)).toBe("rfid: the card …B2C3 ends its session");
    expect(bench.platform.countOf("authorize")).toBe(1);
  });

  test("ends no session when the owner does not want that", () => {
    const grant = { tag: bench.hashOf(TAG), tagEnd: "B2C3", method: "ble", currentA: 16 } as const;
    bench.session = { id: "0001", grant };
    bench.settings.now = { offlinePolicy: "deny", cardEnds: false };
    bench.swipe();
    expect(bench.stops).toBe(0);
    expect(bench.platform.countOf("authorize")).toBe(1);
  });

  test("learns a card while learning is on, and presents one that is no tag", () => {
    bench.learning.isOn = true;
    bench.swipe();
    expect([bench.learned, bench.platform.requests]).toEqual([[TAG], []]);
    bench.swipe("abc");
    expect(bench.learned).toEqual([TAG]);
    expect(bench.access.lastResult).toContain("400");
  });
});

describe("Access's local list", () => {
  beforeEach(() => {
    bench.platform.answers["local-list"] = { version: 1, tags: [] };
  });

  const downloads = () => bench.platform.countOf("local-list");

  test("is requested at once and every hour while the platform is reached", () => {
    bench.access.updateList();
    expect(downloads()).toBe(1);
    bench.advance(HOUR_MS - 1);
    expect(downloads()).toBe(1);
    bench.advance(1);
    expect(downloads()).toBe(2);
    bench.advance(HOUR_MS);
    expect(downloads()).toBe(3);
  });

  test("reports its change, and nothing when the version is the same", () => {
    bench.access.updateList();
    bench.advance(HOUR_MS);
    expect(bench.changes).toEqual(["list"]);
    expect(bench.device.logLines).toContain("local-list: version 1 with 0 tags");
  });

  test("is not requested any more after the connection is lost or under the policy deny", () => {
    for (const stop of [
      () => bench.goOffline(),
      () => {
        bench.platform.isOnline = true;
        bench.settings.now = { offlinePolicy: "deny", cardEnds: true };
        bench.access.updateList();
      },
    ]) {
      bench.access.updateList();
      bench.advance(MINUTE_MS);
      const before = downloads();
      stop();
      bench.advance(3 * HOUR_MS);
      expect(downloads()).toBe(before);
    }
  });

  test("starts its hour anew at each update, with one request at a time", () => {
    for (let i = 0; i < 3; i++) bench.access.updateList();
    expect([downloads(), bench.platform.closed]).toEqual([3, 2]);
    bench.advance(HOUR_MS);
    expect(downloads()).toBe(4);
  });
});
