import { describe, expect, test } from "@jest/globals";
import { CANARIES, type Canary } from "./canaries.js";
import { neverHappened } from "./coverage.js";
import { settle } from "./settlement.js";
import { simulateWeek } from "./week.js";

/** Whole weeks, and many more of them: npm run simulate. */
const DAYS = 1;
const CANARY_SEEDS = 10;

describe("a café", () => {
  test.each([1, 2, 3])("is well after a day of faults, seed %d", (seed) => {
    const { violations, counts } = simulateWeek({ seed, days: DAYS });
    expect(violations).toEqual([]);
    expect(counts.session).toBeGreaterThan(5);
  });

  test("does the same again from the same seed, and something else from another", () => {
    const first = simulateWeek({ seed: 4, days: DAYS });
    expect(simulateWeek({ seed: 4, days: DAYS })).toEqual(first);
    expect(simulateWeek({ seed: 5, days: DAYS }).lines).not.toEqual(first.lines);
  });
});

describe("a bug is found", () => {
  const FOUND: Readonly<Record<Canary, RegExp>> = {
    "slow-contactor": /the contactor is closed 100 ms after/,
    "forgotten-session": /the platform has no such session/,
    "second-result": /pending again|a second final result/,
    "deaf-to-refusals": /nobody has allowed it|is authorized/,
  };

  test.each(CANARIES)("%s", (canary) => {
    const found: string[] = [];
    for (let seed = 1; seed <= CANARY_SEEDS && found.length === 0; seed++)
      found.push(...simulateWeek({ seed, days: DAYS, canary }).violations);
    expect(found.join("\n")).toMatch(FOUND[canary]);
  });
});

describe("the platform's book", () => {
  const TAG = "ab".repeat(32);
  const session = {
    permits: [{ tag: TAG, method: "ble" as const, atMs: 0 }],
    startMs: 0,
    startWh: 0,
    endMs: 60_000,
    endWh: 500,
    cuts: 0,
    offMs: 0,
    isStillborn: false,
    before: undefined,
  };
  const accepted = { tag: TAG, method: "ble", startWh: 0, endWh: 500, seconds: 60, start: 0, end: 60 };
  const settled = (sessions: (typeof session)[], book: object[]) =>
    settle({ sessions, accepted: book as (typeof accepted)[], epochS: 0, lostWh: 0 });

  test("has each session once", () => {
    expect(settled([session], [accepted])).toEqual({ violations: [], lostWh: 0 });
    expect(settled([session], []).violations).toHaveLength(1);
    expect(settled([session], [accepted, { ...accepted }]).violations).toHaveLength(1);
    expect(settled([], [accepted]).violations).toHaveLength(1);
  });

  test.each([
    ["card", { tag: "cd".repeat(32) }],
    ["method", { method: "rfid" }],
    ["energy", { endWh: 490 }],
    ["more energy", { endWh: 510 }],
    ["start of the meter", { startWh: 10 }],
    ["start", { start: 5 }],
    ["end", { end: 50 }],
    ["duration", { seconds: 50 }],
  ])("has its %s right", (_name, wrong) => {
    expect(settled([session], [{ ...accepted, ...wrong }]).violations).toHaveLength(2);
  });

  test("may lack 100 Wh for each power cut, and the meter goes on from there", () => {
    const cut = { ...session, cuts: 1 };
    expect(settled([cut], [{ ...accepted, endWh: 400 }])).toEqual({ violations: [], lostWh: 100 });
    expect(settled([cut], [{ ...accepted, endWh: 390 }]).violations).toHaveLength(2);
    const next = { ...session, startWh: 500, endWh: 700 };
    const nextAccepted = { ...accepted, startWh: 400, endWh: 600 };
    expect(settled([cut, next], [nextAccepted, { ...accepted, endWh: 400 }]).violations).toEqual([]);
    expect(settled([cut, next], [accepted, nextAccepted]).violations).toHaveLength(2);
  });

  test("has one session where two may be one that went on", () => {
    const first = { ...session, cuts: 1 };
    const second = { ...session, startMs: 90_000, endMs: 120_000, startWh: 500, endWh: 600, before: first };
    const whole = { ...accepted, endWh: 600, seconds: 90, end: 120 };
    const book = { accepted: [whole], epochS: 0, lostWh: 0 };
    expect(settle({ ...book, sessions: [first, second] }).violations).toEqual([]);
    expect(settle({ ...book, sessions: [first, { ...second, before: undefined }] }).violations).toHaveLength(
      3,
    );
  });
});

test("what was never tried is told, once there was time for it", () => {
  expect(neverHappened({}, 99)).toEqual([]);
  expect(neverHappened({ session: 1 }, 100)).toContain("resumed");
  expect(neverHappened({ session: 1 }, 100)).not.toContain("session");
});
