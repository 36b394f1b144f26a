import { describe, expect, test } from "@jest/globals";
import type { JSONObject } from "../../../../modules/json/index.js";
import { CANARIES, type Canary } from "../../../tools/simulate/canaries.js";
import { neverHappened } from "../../../tools/simulate/coverage.js";
import { type Session, type SettlementOptions, settle } from "../../../tools/simulate/settlement.js";
import { simulateWeek } from "../../../tools/simulate/week.js";

/** Length of a run, days. `npm run simulate` runs whole weeks, and more seeds. */
const DAYS = 1;
const CANARY_SEEDS = 20;

describe("a simulated café", () => {
  test.each([1, 2, 3])("has no violations after a day of faults, seed %d", (seed) => {
    const { violations, counts } = simulateWeek({ seed, days: DAYS });
    expect(violations).toEqual([]);
    expect(counts.session).toBeGreaterThan(5);
  });

  test("is reproducible from its seed and differs for another one", () => {
    const first = simulateWeek({ seed: 4, days: DAYS });
    expect(simulateWeek({ seed: 4, days: DAYS })).toEqual(first);
    expect(simulateWeek({ seed: 5, days: DAYS }).lines).not.toEqual(first.lines);
  });
});

describe("the simulation detects the bug", () => {
  const FOUND: Readonly<Record<Canary, RegExp>> = {
    "slow-contactor": /the contactor is closed 70 ms after|that is not offered/,
    "no-guard": /the contactor is closed 70 ms after/,
    "forgotten-session": /the platform has no such session/,
    "second-result": /pending again|a second final result/,
    "deaf-to-refusals": /nobody has allowed it|is authorized|A are allowed/,
    "lazy-book": /Wh missing/,
    "short-log": /the platform has no such session|are given up/,
    timeless: /it has no dates/,
    "any-answer-accepts": /the platform has no such session/,
    "generous-pilot": /a duty of \d+ ‰ where/,
    "silent-buzzer": /and the buzzer sounded: …/,
    "lost-swipes": /and the buzzer sounded: …/,
    "mute-status": /charger\/status is/,
    "endless-lease": /a duty of \d+ ‰ where/,
    "deaf-meter": /the meter has answered, and it is marked/,
  };

  test.each(CANARIES)("%s", (canary) => {
    const found: string[] = [];
    for (let seed = 1; seed <= CANARY_SEEDS && found.length === 0; seed++)
      found.push(...simulateWeek({ seed, days: DAYS, canary }).violations);
    expect(found.join("\n")).toMatch(FOUND[canary]);
  });
});

describe("the settlement with the platform's sessions", () => {
  const TAG = "ab".repeat(32);
  const session: Session = {
    permits: [{ tag: TAG, tagEnd: "0001", method: "ble", atMs: 0, maxA: 16 }],
    startMs: 0,
    startWh: 0,
    endMs: 60_000,
    endWh: 500,
    cuts: 0,
    offMs: 0,
    isOptional: false,
    whys: ["unplugged"],
    isDated: true,
    isOfEarlierRun: false,
    mayBeUnread: false,
    datedFromMs: undefined,
    before: undefined,
  };
  const accepted = {
    tag: TAG,
    tagEnd: "0001",
    method: "ble",
    startWh: 0,
    endWh: 500,
    seconds: 60,
    start: 0,
    end: 60,
    why: "unplugged",
  };
  const settled = (sessions: Session[], book: object[], more: Partial<SettlementOptions> = {}) =>
    settle({
      sessions,
      accepted: book as JSONObject[],
      epochS: 0,
      lostWh: 0,
      givenUp: 0,
      reportedMs: () => undefined,
      ...more,
    });

  test("requires each session exactly once", () => {
    expect(settled([session], [accepted])).toEqual({ violations: [], lostWh: 0, missing: 0 });
    expect(settled([session], []).violations).toHaveLength(1);
    expect(settled([session], [accepted, { ...accepted }]).violations).toHaveLength(1);
    expect(settled([], [accepted]).violations).toHaveLength(1);
  });

  test.each([
    ["card", { tag: "cd".repeat(32) }],
    ["end of the tag", { tagEnd: "0002" }],
    ["reason", { why: "stopped" }],
    ["known start", { start: null }],
    ["known end", { end: null }],
    ["method", { method: "rfid" }],
    ["energy", { endWh: 490 }],
    ["more energy", { endWh: 510 }],
    ["start of the meter", { startWh: 10 }],
    ["start", { start: 5 }],
    ["end", { end: 50 }],
    ["duration", { seconds: 50 }],
  ])("detects a wrong %s", (_name, wrong) => {
    expect(settled([session], [{ ...accepted, ...wrong }]).violations).toHaveLength(2);
  });

  test("allows 100 Wh less for each power cut, and the meter continues from there", () => {
    const cut = { ...session, cuts: 1 };
    expect(settled([cut], [{ ...accepted, endWh: 400 }])).toEqual({
      violations: [],
      lostWh: 100,
      missing: 0,
    });
    expect(settled([cut], [{ ...accepted, endWh: 390 }]).violations).toHaveLength(2);
    const next = { ...session, startWh: 500, endWh: 700 };
    const nextAccepted = { ...accepted, startWh: 400, endWh: 600 };
    expect(settled([cut, next], [nextAccepted, { ...accepted, endWh: 400 }]).violations).toEqual([]);
    expect(settled([cut, next], [accepted, nextAccepted]).violations).toHaveLength(2);
  });

  describe("of a Modbus meter", () => {
    const MARKED = { ...accepted, meterFault: "meter-silent" };

    test("accepts a marked session with less energy, and the reading catches up after it", () => {
      const unread = { ...session, mayBeUnread: true };
      const next = { ...session, startWh: 500, endWh: 700 };
      for (const startWh of [300, 500]) {
        const nextAccepted = { ...accepted, startWh, endWh: startWh + 200 };
        expect(settled([unread, next], [{ ...MARKED, endWh: 300 }, nextAccepted]).violations).toEqual([]);
      }
    });

    test("detects a mark without a fault, and energy of another session", () => {
      expect(settled([session], [MARKED]).violations).toHaveLength(2);
      const unread = { ...session, mayBeUnread: true, startWh: 100 };
      expect(settled([unread], [{ ...MARKED, startWh: 100, endWh: 510 }]).violations).toHaveLength(2);
      expect(settled([unread], [{ ...MARKED, startWh: 90 }]).violations).toHaveLength(2);
    });
  });

  test("accepts one session in place of two when the second resumed the first", () => {
    const first = { ...session, cuts: 1 };
    const second = { ...session, startMs: 90_000, endMs: 120_000, startWh: 500, endWh: 600, before: first };
    const whole = [{ ...accepted, endWh: 600, seconds: 90, end: 120 }];
    expect(settled([first, second], whole).violations).toEqual([]);
    expect(settled([first, { ...second, before: undefined }], whole).violations).toHaveLength(3);
  });

  test("excludes the time without power from the duration, and no other time", () => {
    const resumed = { ...session, cuts: 1, endMs: 1_000_000, offMs: 300_000 };
    const dates = { start: 0, end: 1000 };
    expect(settled([resumed], [{ ...accepted, ...dates, seconds: 640 }]).violations).toEqual([]);
    expect(settled([resumed], [{ ...accepted, ...dates, seconds: 1000 }]).violations).toHaveLength(2);
    expect(settled([resumed], [{ ...accepted, ...dates, seconds: 400 }]).violations).toHaveLength(2);
  });

  test("requires dates from a minute after the time is known, unless the session was reported before", () => {
    const undated = { ...accepted, start: null, end: null };
    const late = { ...session, isDated: false, datedFromMs: 100_000 };
    const violationsAt = (reportedMs: number) =>
      settled([late], [undated], { reportedMs: () => reportedMs }).violations;
    expect(violationsAt(99_000)).toEqual([]);
    expect(violationsAt(101_000)).toHaveLength(2);
    expect(settled([{ ...session, isDated: false }], [undated]).violations).toEqual([]);
  });

  test("allows sessions that 64 later ones displaced, if the station has counted them", () => {
    const sessions = Array.from({ length: 66 }, (_, i) => ({ ...session, startMs: i * 100_000 })).map(
      (one) => ({
        ...one,
        endMs: one.startMs + 60_000,
        endWh: 0,
      }),
    );
    const book = sessions.map(({ startMs }) => ({
      ...accepted,
      start: startMs / 1000,
      end: startMs / 1000 + 60,
      endWh: 0,
    }));
    expect(settled(sessions, book.slice(2), { givenUp: 2 })).toMatchObject({ violations: [], missing: 2 });
    expect(settled(sessions, book.slice(2), { givenUp: 1 }).violations).toHaveLength(1);
    expect(settled(sessions, book.slice(3), { givenUp: 3 }).violations).toHaveLength(2);
    expect(settled(sessions.slice(2), book.slice(2), { givenUp: 1 }).violations).toHaveLength(1);
  });
});

test("neverHappened lists the events that have not occurred after 100 weeks", () => {
  expect(neverHappened({}, 99)).toEqual([]);
  expect(neverHappened({ session: 1 }, 100)).toContain("resumed");
  expect(neverHappened({ session: 1 }, 100)).not.toContain("session");
});
