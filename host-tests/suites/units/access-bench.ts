/** Access control with a platform that the test answers for, for the tests of firmware/charger. */

import { expect } from "@jest/globals";
import { Access, type AccessOptions } from "../../../firmware/charger/access.js";
import { defaultConfig } from "../../../firmware/config.js";
import { Records } from "../../../firmware/records.js";
import { type AttemptResult, tagHash } from "../../../modules/authorization/index.js";
import type { Board, IO } from "../../../modules/board/index.js";
import { encodeUTF8 } from "../../../modules/bytes/index.js";
import type { ChargingSession, Grant } from "../../../modules/charging/index.js";
import type { Fault } from "../../../modules/faults/index.js";
import type { JSONObject } from "../../../modules/json/index.js";
import { type Requester, type RequestOutcome, requestFailure } from "../../../modules/requests/index.js";
import { Device } from "../../virtual/board/index.js";
import { virtualWorld } from "../../virtual/world/world.js";

export const TAG = "04A1B2C3";
export const OTHER = "0000-9999";
export const HOUR_MS = 60 * 60_000;
export const MINUTE_MS = 60_000;
/** Time between reads of one card at the reader, ms. */
export const SWIPE_MS = 3000;

/** A platform that answers with `answers`, asynchronously, or not at all. */
export class ManualPlatform implements Requester {
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
      if (!this.isOnline) done({ ok: false, failure: requestFailure("offline") });
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

export class Bench {
  readonly world = virtualWorld();
  readonly device = new Device(this.world);
  readonly settings: { now: AccessOptions["settings"]["now"] } = {
    now: { offlinePolicy: "list-and-cache", cardEnds: true, staticCards: "all" },
  };
  readonly learning = {
    isOn: false,
    learn: (tag: string) => this.learned.push(tag),
    refuse: (why: string) => this.refused.push(why),
  };
  readonly learned: string[] = [];
  readonly refused: string[] = [];
  readonly grants: Grant[] = [];
  readonly signals: string[] = [];
  readonly faults: Fault[] = [];
  /** Events of the trace. */
  readonly events: string[] = [];
  readonly results: AttemptResult[] = [];
  /** Calls of the listener: `busy` and `list`. */
  readonly changes: string[] = [];
  isPlugged = true;
  session: ChargingSession | undefined;
  /** Age of the session, ms. */
  sessionAgeMs = 15_000;
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
    const parts: AccessOptions = {
      board,
      config: { ...defaultConfig, cardReader: "lines" },
      records: new Records(board),
      settings: this.settings,
      charging: {
        get session() {
          return bench.session;
        },
        get sessionAgeMs() {
          return bench.sessionAgeMs;
        },
        admit: () => (this.isPlugged ? { authorize: (grant) => this.grants.push(grant) > 0 } : undefined),
        stop: () => this.stops++,
      },
      indicator: { signal: (signal) => this.signals.push(signal) },
      platform: this.platform,
      reporter: { reportFault: (fault) => this.faults.push(fault) },
      trace: { add: (event, detail) => this.events.push(`${event} ${detail}`) },
      listener: {
        handleBusyChanged: () => this.changes.push("busy"),
        handleChargerChanged: () => this.changes.push("list"),
      },
    };
    return new Access({ parts, learning: this.learning });
  }

  advance(durationMs: number): void {
    this.world.clock.advance(durationMs);
    expect(this.device.isRunning).toBe(true);
  }

  /** Presents a tag by a phone, and returns the result of the attempt. */
  present(tag = TAG): AttemptResult | undefined {
    const count = this.results.length;
    this.access.newCentral().attempt(tag, (result) => this.results.push(result));
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
