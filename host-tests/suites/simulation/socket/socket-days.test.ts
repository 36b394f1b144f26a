import { describe, expect, test } from "@jest/globals";
import {
  SOCKET_CANARIES,
  type SocketCanary,
  simulateSocketDays,
} from "../../../tools/simulate/socket-days.js";

/** Length of a run, days. */
const DAYS = 0.3;
const CANARY_SEEDS = 10;

describe("a simulated socket", () => {
  test.each([1, 2, 3])("has no violations in days of faults, seed %d", (seed) => {
    const { violations, lines, counts } = simulateSocketDays({ seed, days: DAYS });
    expect([violations, violations.length > 0 ? lines : []]).toEqual([[], []]);
    expect(counts.closing).toBeGreaterThan(10);
  });
});

describe("the simulation of a socket detects the bug", () => {
  const FOUND: Readonly<Record<SocketCanary, RegExp>> = {
    "any-cable": /a duty of \d+ ‰ for a cable/,
    "blind-lock": /unlocked plug/,
    "blind-earth": /no protective earth/,
    "blind-phases": /a phase without voltage/,
    "no-self-test": /without a test/,
  };

  test.each(SOCKET_CANARIES)("%s", (canary) => {
    const found: string[] = [];
    for (let seed = 1; seed <= CANARY_SEEDS && found.length === 0; seed++)
      found.push(...simulateSocketDays({ seed, days: DAYS, canary }).violations);
    expect(found.join("\n")).toMatch(FOUND[canary]);
  });
});
