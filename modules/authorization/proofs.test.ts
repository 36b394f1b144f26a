import { beforeEach, describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import type { JSONObject } from "../json/index.js";
import type { RequestOutcome } from "../requests/index.js";
import {
  type AttemptResult,
  Authorization,
  acceptsStatic,
  type Card,
  type Method,
  PlatformVerifier,
  type StaticCards,
  tagHash,
} from "./index.js";

/** The vector of docs/protocol.md, section 8. */
const CHALLENGE = { station: "9bfe92c29bb3d174", nonce: "000102030405060708090a0b0c0d0e0f" };
const CARD_ID = "ka5tqgx2m7bd4wzn";
const PROOF = "lgGqmSxrn3062BvpcltRVA";
const TEXT = `p1:${CARD_ID}:${PROOF}`;
const RECEIPT = "136da0d275500490";

class Bench {
  readonly clock = new VirtualClock();
  readonly crypto = virtualCrypto(new Random(1));
  readonly requests: JSONObject[] = [];
  readonly grants: { readonly tag: string; readonly tagEnd: string }[] = [];
  readonly reported: Card[] = [];
  readonly results: AttemptResult[] = [];
  answer: RequestOutcome = { ok: true, data: { authorized: true } };
  staticCards: StaticCards = "all";
  hasLeft = false;
  readonly authorization = new Authorization({
    clock: this.clock,
    crypto: this.crypto,
    verifiers: [
      new PlatformVerifier({
        request: (_endpoint, data, done) => {
          this.requests.push(data);
          const timer = this.clock.set(() => done(this.answer), 0);
          return { close: () => this.clock.clear(timer) };
        },
      }),
    ],
    charging: {
      admit: () => ({
        authorize: (grant) => {
          if (!this.hasLeft) this.grants.push(grant);
          return !this.hasLeft;
        },
      }),
    },
    maxCurrentA: 16,
    refusedTags: { perMinute: 6, ofPhones: 30 },
    policy: {
      isListed: () => false,
      acceptsStatic: (method) => acceptsStatic(this.staticCards, method),
    },
    listener: {
      handleBusyChanged: () => {},
      handleResult: (card) => this.reported.push(card),
      handleGuessing: () => {},
    },
  });

  present(
    text = TEXT,
    { method = "ble", challenge = CHALLENGE }: PresentOptions = {},
  ): AttemptResult | undefined {
    const source = this.authorization.source(method);
    source.attempt(text, (result) => this.results.push(result), challenge === "none" ? undefined : challenge);
    this.clock.advance(0);
    return this.results.at(-1);
  }
}

interface PresentOptions {
  readonly method?: Method;
  readonly challenge?: typeof CHALLENGE | "none";
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("A proof", () => {
  test("is passed to the platform with the card id and the nonce", () => {
    expect(bench.present()?.code).toBe(200);
    const { nonce } = CHALLENGE;
    expect(bench.requests).toEqual([{ tag: CARD_ID, method: "ble", proof: PROOF, nonce }]);
  });

  test("makes the card id the tag of the session and of the report", () => {
    bench.present();
    expect(bench.grants).toMatchObject([{ tag: tagHash(bench.crypto, CARD_ID), tagEnd: "4wzn" }]);
    expect(bench.reported[0]?.tag).toBe(CARD_ID);
  });

  test("without a valid challenge is refused with 401, and the platform is not asked", () => {
    expect(bench.present(TEXT, { challenge: "none" })).toMatchObject({ state: "rejected", code: 401 });
    expect(bench.present(TEXT, { challenge: "none", method: "rfid" })?.code).toBe(401);
    expect(bench.requests).toEqual([]);
  });

  test("that is not of its form is a plain tag", () => {
    bench.present(`p1:${CARD_ID}:short`);
    expect(bench.requests).toEqual([{ tag: `p1:${CARD_ID}:short`, method: "ble" }]);
  });

  test("is not limited by the unknown tags of other phones, but by those of its own", () => {
    bench.answer = { ok: true, data: { authorized: false } };
    for (let n = 0; n < 31; n++) bench.present(`GUESS-${n}`);
    expect(bench.results.at(-1)?.code).toBe(429);
    expect(bench.present()?.code).toBe(403);
    const source = bench.authorization.source("ble", "c00000000001");
    for (let n = 0; n < 7; n++) {
      source.attempt(TEXT, (result) => bench.results.push(result), CHALLENGE);
      bench.clock.advance(0);
    }
    expect(bench.results.slice(-2).map(({ code }) => code)).toEqual([403, 429]);
  });
});

describe("The platform's receipt", () => {
  test.each([
    [200, { authorized: true, receipt: RECEIPT }],
    [200, { authorized: true, receipt: RECEIPT, maxCurrent: 10 }],
    [403, { authorized: false, receipt: RECEIPT }],
  ])("is in the result %d", (code, data) => {
    bench.answer = { ok: true, data };
    expect(bench.present()).toMatchObject({ code, receipt: RECEIPT });
  });

  test("is not in a result that the platform has not decided", () => {
    bench.answer = { ok: true, data: { authorized: true, receipt: RECEIPT } };
    bench.hasLeft = true;
    const result = bench.present();
    expect([result?.code, result?.receipt]).toEqual([409, undefined]);
  });

  test.each([RECEIPT.toUpperCase(), RECEIPT.slice(1), `${RECEIPT}00`, 5, null])(
    "that is malformed (%j) is left out",
    (receipt) => {
      bench.answer = { ok: true, data: { authorized: true, receipt } };
      const result = bench.present();
      expect([result?.code, result?.receipt]).toEqual([200, undefined]);
    },
  );
});

describe("The setting of static cards", () => {
  test.each<[StaticCards, number, number]>([
    ["all", 200, 200],
    ["rfid", 403, 200],
    ["none", 403, 403],
  ])("%s gives a plain tag of a phone %d, and of the reader %d", (setting, ofPhone, ofReader) => {
    bench.staticCards = setting;
    expect(bench.present("04A1B2C3")?.code).toBe(ofPhone);
    expect(bench.present("04A1B2C3", { method: "rfid" })?.code).toBe(ofReader);
    expect(bench.requests).toHaveLength([ofPhone, ofReader].filter((code) => code === 200).length);
    expect(bench.present()?.code).toBe(200);
  });
});
