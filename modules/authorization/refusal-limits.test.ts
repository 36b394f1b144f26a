import { beforeEach, describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../host-tests/virtual/world/clock.js";
import { RefusalLimits, type SourceRefusals } from "./refusal-limits.js";
import type { Method } from "./verifier.js";

const GOOD = "ab".repeat(32);
const LISTED = "cd".repeat(32);
const MINUTE_MS = 60_000;
const FOURTEEN_MINUTES_MS = 14 * MINUTE_MS;

let clock: VirtualClock;
let limits: RefusalLimits;
/** Reports of guessing, with their times in ms. */
let reports: [Method, number][];

beforeEach(() => {
  clock = new VirtualClock();
  reports = [];
  limits = new RefusalLimits({
    clock,
    refusedTags: { perMinute: 6, ofPhones: 30 },
    policy: { isListed: (hash) => hash === LISTED },
    listener: { handleGuessing: (method) => reports.push([method, clock.monotonicMs()]) },
  });
});

const hashOf = (n: number) => n.toString(16).padStart(64, "0");

/** Tries unknown tags of a source all the time, and returns how many were verified. */
function guess(nextSource: () => SourceRefusals, durationMs: number): number {
  let verified = 0;
  for (let n = 0; n < durationMs / 500; n++) {
    const source = nextSource();
    if (limits.allows(source, hashOf(n))) {
      limits.countUnknown(source, hashOf(n));
      verified++;
    }
    clock.advance(500);
  }
  return verified;
}

const phone = (address?: string) => limits.source("ble", address);

describe("RefusalLimits", () => {
  test("allow one phone 17 unknown tags in 14 minutes, also if it connects again and again", () => {
    expect(guess(() => phone("c00000000001"), FOURTEEN_MINUTES_MS)).toBeLessThanOrEqual(17);
  });

  test("allow the card reader 17 unknown tags in 14 minutes", () => {
    const reader = limits.source("rfid", undefined);
    expect(guess(() => reader, FOURTEEN_MINUTES_MS)).toBeLessThanOrEqual(17);
  });

  test("allow phones that change their address 37 unknown tags in 14 minutes, and 30 an hour afterwards", () => {
    let n = 0;
    const changing = () => phone(`c${n++}`);
    expect(guess(changing, FOURTEEN_MINUTES_MS)).toBeLessThanOrEqual(37);
    expect(guess(changing, 60 * MINUTE_MS)).toBeLessThanOrEqual(30);
  });

  test("allow phones that change their address 60 wrong proofs in a minute, and leave other cards alone", () => {
    let wrong = 0;
    for (let n = 0; n < 600; n++) {
      const source = phone(`c${n}`);
      if (limits.allows(source, undefined)) {
        limits.countUnknown(source, undefined);
        wrong++;
      }
      clock.advance(100);
    }
    expect(wrong).toBeLessThanOrEqual(60);
    expect(limits.allows(phone("d0"), GOOD)).toBe(true);
    expect(limits.allows(limits.source("rfid", undefined), GOOD)).toBe(true);
  });

  test("leave other phones and the reader alone when one phone presents unknown and malformed tags for a day", () => {
    const attacker = phone("c00000000001");
    for (let minute = 0; minute < 24 * 60; minute++) {
      guess(() => attacker, 30_000);
      for (let i = 0; i < 30; i++) limits.countMalformed(attacker);
      expect(limits.allows(phone("c00000000002"), hashOf(1))).toBe(true);
      expect(limits.allows(limits.source("rfid", undefined), hashOf(1))).toBe(true);
      clock.advance(30_000);
    }
  });

  test("never count an authorized tag", () => {
    const source = phone();
    for (let i = 0; i < 1000; i++) {
      expect(limits.allows(source, GOOD)).toBe(true);
      limits.countAuthorized(source, GOOD);
    }
    expect(source.isLimited).toBe(false);
  });

  test("count malformed tags for their own source alone, and without a pause", () => {
    const source = phone();
    for (let i = 0; i < 6; i++) limits.countMalformed(source);
    expect([limits.allows(source, GOOD), limits.allows(phone(), GOOD)]).toEqual([false, true]);
    clock.advance(MINUTE_MS);
    expect(limits.allows(source, GOOD)).toBe(true);
  });

  test("forget the row of unknown tags of a source after an authorized one", () => {
    const source = phone();
    for (let n = 0; n < 30; n++) {
      limits.countUnknown(source, hashOf(n));
      if (n % 9 === 8) limits.countAuthorized(source, GOOD);
      clock.advance(20_000);
    }
    expect(source.isLimited).toBe(false);
  });
});

describe("RefusalLimits that are reached", () => {
  let source: SourceRefusals;

  beforeEach(() => {
    limits.countAuthorized(phone(), GOOD);
    source = phone("c00000000001");
    for (let n = 0; n < 16; n++) limits.countUnknown(source, hashOf(n));
  });

  test("let a tag pass that was authorized lately or is on the local list", () => {
    expect([GOOD, LISTED, hashOf(1)].map((hash) => limits.allows(source, hash))).toEqual([true, true, false]);
  });

  test("let known tags pass without a limit, but look up only 2 unknown tags in a minute", () => {
    for (let i = 0; i < 100; i++) expect(limits.allows(source, GOOD)).toBe(true);
    limits.allows(source, hashOf(1));
    limits.allows(source, hashOf(2));
    expect(limits.allows(source, GOOD)).toBe(false);
    clock.advance(MINUTE_MS);
    expect(limits.allows(source, GOOD)).toBe(true);
  });

  test("let no tag pass that was rejected since, or was the previous owner's", () => {
    limits.countUnknown(phone(), GOOD);
    expect(limits.allows(source, GOOD)).toBe(false);
    limits.countAuthorized(phone(), GOOD);
    limits.forgetOwner();
    expect(limits.allows(source, GOOD)).toBe(false);
  });

  test("look up tags at the reader also while a phone uses up the lookups", () => {
    const reader = limits.source("rfid", undefined);
    for (let i = 0; i < 6; i++) limits.countMalformed(reader);
    for (let n = 0; n < 10; n++) limits.allows(source, hashOf(n));
    expect(limits.allows(reader, GOOD)).toBe(true);
  });
});

describe("RefusalLimits' report of guessing", () => {
  test("comes after 10 unknown tags of one source, and once an hour", () => {
    const reader = limits.source("rfid", undefined);
    for (let n = 0; n < 9; n++) limits.countUnknown(reader, hashOf(n));
    expect(reports).toEqual([]);
    for (let n = 0; n < 50; n++) limits.countUnknown(reader, hashOf(n));
    expect(reports).toEqual([["rfid", 0]]);
    clock.advance(60 * MINUTE_MS - 1);
    limits.countUnknown(reader, hashOf(1));
    expect(reports).toHaveLength(1);
    clock.advance(1);
    limits.countUnknown(reader, hashOf(1));
    expect(reports).toHaveLength(2);
  });

  test("comes after 10 unknown tags of phones that change their address", () => {
    for (let n = 0; n < 10; n++) limits.countUnknown(phone(`c${n}`), hashOf(n));
    expect(reports).toEqual([["ble", 0]]);
  });

  test("does not come for malformed tags", () => {
    const source = phone();
    for (let n = 0; n < 100; n++) limits.countMalformed(source);
    expect(reports).toEqual([]);
  });
});
