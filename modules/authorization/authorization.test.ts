import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { encodeHex, encodeUTF8 } from "../bytes/index.js";
import { requestFailure } from "../requests/index.js";
import {
  type AttemptResult,
  Authorization,
  type AuthorizationOptions,
  type Card,
  type Verdict,
  type VerificationFailureCode,
  type Verifier,
} from "./index.js";

const TAG = "04A1B2C3";
/** Stands in for the hash: the tag's bytes, padded to 32. */
function sha256(data: ArrayBuffer | Uint8Array): ArrayBuffer {
  const hash = new Uint8Array(32);
  hash.set(new Uint8Array(data).subarray(0, hash.length));
  return hash.buffer;
}

const TAG_HASH = encodeHex(sha256(encodeUTF8(TAG)));
const CARD: Card = { tag: TAG, hash: TAG_HASH, method: "ble" };
const TIMEOUT_MS = 14_000;
const MINUTE_MS = 60_000;

/** A verifier that answers when the test calls `answer`. */
class ManualVerifier implements Verifier {
  readonly cards: Card[] = [];
  closed = 0;
  answer: (verdict: Verdict) => void = () => {
    throw new Error("the verifier was not called");
  };

  verify(card: Card, done: (verdict: Verdict) => void) {
    this.cards.push(card);
    this.answer = done;
    return {
      close: () => {
        this.closed++;
      },
    };
  }
}

class Bench {
  readonly clock = new VirtualClock();
  readonly first = new ManualVerifier();
  readonly second = new ManualVerifier();
  readonly grants: unknown[] = [];
  readonly reported: [Card, AttemptResult][] = [];
  readonly results: AttemptResult[] = [];
  readonly busy: boolean[] = [];
  isPlugged = true;
  /** The vehicle has left since the card was presented. */
  hasLeft = false;
  readonly authorization: Authorization;

  constructor(options: Partial<AuthorizationOptions> = {}) {
    this.authorization = new Authorization({
      clock: this.clock,
      verifiers: [this.first, this.second],
      crypto: { sha256 },
      charging: { admit: () => (this.isPlugged ? this.#admission() : undefined) },
      maxCurrentA: 16,
      listener: {
        handleBusyChanged: () => this.busy.push(this.authorization.isBusy),
        handleResult: (card, result) => this.reported.push([card, result]),
        handleGuessing: () => {},
      },
      refusedTags: { perMinute: 1000, ofPhones: 1000 },
      policy: { isListed: () => false, acceptsStatic: () => true },
      ...options,
    });
  }

  #admission() {
    return {
      authorize: (grant: unknown) => {
        if (!this.hasLeft) this.grants.push(grant);
        return !this.hasLeft;
      },
    };
  }

  present(tag = TAG, source = this.authorization.source("ble")): void {
    source.attempt(tag, (result) => this.results.push(result));
  }

  get codes(): number[] {
    return this.results.map(({ code }) => code);
  }
}

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

describe("Authorization", () => {
  test("authorizes the vehicle with the verifier's current, and reports the result once", () => {
    bench.present();
    expect(bench.first.cards).toEqual([CARD]);
    expect(bench.results).toEqual([]);
    bench.first.answer({ type: "authorized", maxCurrentA: 10 });
    expect(bench.grants).toEqual([{ tag: TAG_HASH, tagEnd: "B2C3", method: "ble", currentA: 10 }]);
    expect(bench.results).toEqual([{ state: "authorized", code: 200, reason: "authorized by the platform" }]);
    expect(bench.reported).toEqual([[CARD, bench.results[0]]]);
    bench.clock.advance(MINUTE_MS);
    expect(bench.results).toHaveLength(1);
  });

  test.each([[undefined], [20]])(
    "allows at most the station's current when the verifier allows %s A",
    (maxCurrentA) => {
      bench.present();
      bench.first.answer({ type: "authorized", ...(maxCurrentA === undefined ? {} : { maxCurrentA }) });
      expect(bench.grants).toMatchObject([{ currentA: 16 }]);
    },
  );

  test("names the verifier that authorized, and the method of the source", () => {
    bench.present(TAG, bench.authorization.source("rfid"));
    bench.first.answer({ type: "authorized", by: "the local list" });
    expect(bench.results[0]?.reason).toBe("authorized by the local list");
    expect(bench.reported[0]?.[0].method).toBe("rfid");
  });

  test("rejects with the verifier's reason without a second verifier", () => {
    bench.present();
    bench.first.answer({ type: "rejected", reason: "blocked" });
    expect(bench.results).toEqual([{ state: "rejected", code: 403, reason: "blocked" }]);
    expect(bench.second.cards).toEqual([]);
    expect(bench.grants).toEqual([]);
  });

  test("fails with 409 when the vehicle has left before the answer", () => {
    bench.present();
    bench.hasLeft = true;
    bench.first.answer({ type: "authorized" });
    const reason = "the vehicle has left, or was stopped";
    expect(bench.results).toEqual([{ state: "rejected", code: 409, reason }]);
  });

  test("refuses with 409, without a verification, when no vehicle is plugged", () => {
    bench.isPlugged = false;
    bench.present();
    const reason = "no vehicle is plugged, or a session is under way";
    expect(bench.results).toEqual([{ state: "rejected", code: 409, reason }]);
    expect(bench.first.cards).toEqual([]);
    expect(bench.authorization.isBusy).toBe(false);
  });

  test.each(["", "abc", "x".repeat(65), "ab cd", "äöüß", "abcd\n"])("refuses the tag %j with 400", (tag) => {
    bench.present(tag);
    const reason = "the tag is not 4-64 characters of A-Z a-z 0-9 . _ : -";
    expect(bench.results).toEqual([{ state: "rejected", code: 400, reason }]);
    expect(bench.first.cards).toEqual([]);
  });

  test("throws without a verifier", () => {
    bench = new Bench({ verifiers: [] });
    expect(() => bench.present()).toThrow("needs a verifier");
  });
});

const AWAY = { code: "offline", message: "away" } as const;

describe("The verifiers", () => {
  const CODES: Readonly<Record<VerificationFailureCode, number>> = {
    timeout: 408,
    offline: 503,
    "queue-full": 503,
    unprovisioned: 500,
    untrusted: 502,
    refused: 500,
    "no-decision": 502,
    "unknown-offline": 503,
  };

  test.each(Object.entries(CODES))("that all fail with %s give the result %d", (code, result) => {
    bench.present();
    const failure = { code: code as VerificationFailureCode, message: "away" };
    bench.first.answer({ type: "failed", failure });
    if (bench.results.length === 0) bench.second.answer({ type: "failed", failure: AWAY });
    expect(bench.results).toEqual([{ state: "failed", code: result, reason: "away" }]);
  });

  test.each(["timeout", "offline"] as const)("that fail with %s let the next one decide", (code) => {
    bench.present();
    bench.first.answer({ type: "failed", failure: { code, message: "away" } });
    expect(bench.results).toEqual([]);
    expect(bench.second.cards).toEqual([CARD]);
    bench.second.answer({ type: "authorized", by: "the cache" });
    expect(bench.codes).toEqual([200]);
  });

  test.each(["refused", "untrusted"] as const)("that fail with %s end the attempt", (code) => {
    bench.present();
    bench.first.answer({ type: "failed", failure: { code, message: "broken" } });
    expect(bench.results).toHaveLength(1);
    expect(bench.second.cards).toEqual([]);
  });

  test("that all fail end the attempt with the first failure", () => {
    bench.present();
    bench.first.answer({ type: "failed", failure: requestFailure("timeout") });
    bench.second.answer({ type: "failed", failure: AWAY });
    expect(bench.results).toEqual([{ state: "failed", code: 408, reason: "the platform did not answer" }]);
  });

  test("have 14 s together, then the attempt fails with 408 and the verification is closed", () => {
    bench.present();
    bench.clock.advance(TIMEOUT_MS - 1);
    bench.first.answer({ type: "failed", failure: AWAY });
    expect(bench.results).toEqual([]);
    bench.clock.advance(1);
    expect(bench.results).toEqual([{ state: "failed", code: 408, reason: "no verifier answered in time" }]);
    expect(bench.second.closed).toBe(1);
    expect(bench.authorization.isBusy).toBe(false);
  });

  test("have the time limit of the options", () => {
    bench = new Bench({ attemptTimeoutMs: 100 });
    bench.present();
    bench.clock.advance(99);
    expect(bench.codes).toEqual([]);
    bench.clock.advance(1);
    expect(bench.codes).toEqual([408]);
  });
});

describe("One attempt at a time", () => {
  test("refuses a second tag with 423 while the first is verified", () => {
    bench.present();
    bench.present("other-tag");
    expect(bench.results).toEqual([{ state: "busy", code: 423, reason: "another attempt is running" }]);
    bench.first.answer({ type: "authorized" });
    expect(bench.codes).toEqual([423, 200]);
  });

  test("reports busy at its start, and idle before its result", () => {
    bench.present();
    expect(bench.busy).toEqual([true]);
    let wasBusyAtResult: boolean | undefined;
    bench.first.answer({ type: "rejected", reason: "no" });
    bench.authorization.source("ble").attempt(TAG, () => {
      wasBusyAtResult = bench.authorization.isBusy;
    });
    bench.first.answer({ type: "rejected", reason: "no" });
    expect(bench.busy).toEqual([true, false, true, false]);
    expect(wasBusyAtResult).toBe(false);
  });

  test("lets the next attempt start during the callback of the last result", () => {
    const source = bench.authorization.source("ble");
    source.attempt(TAG, () => bench.present("next-tag", source));
    bench.first.answer({ type: "rejected", reason: "no" });
    expect(bench.first.cards.at(-1)?.tag).toBe("next-tag");
  });

  test("sets no timer that outlives the attempt", () => {
    bench.present();
    bench.first.answer({ type: "authorized" });
    expect(bench.clock.pending).toBe(0);
  });
});

describe("close", () => {
  test("closes the running verification and never reports a result", () => {
    bench.present();
    bench.authorization.close();
    expect(bench.first.closed).toBe(1);
    bench.clock.advance(MINUTE_MS);
    expect(bench.results).toEqual([]);
    expect(bench.authorization.isBusy).toBe(false);
    expect(bench.clock.pending).toBe(0);
  });

  test("without an attempt does nothing", () => {
    expect(() => bench.authorization.close()).not.toThrow();
  });
});
