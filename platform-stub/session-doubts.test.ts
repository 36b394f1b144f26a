import { describe, expect, test } from "@jest/globals";
import { FINISHED } from "../host-tests/suites/owners.js";
import type { SessionEntry } from "./entries.js";
import { doubtsOf } from "./session-doubts.js";

/** 2026-01-01 UTC. */
const START = 1_767_225_600;

/** Returns the doubts about an hour's session of 11 kWh with other fields. */
function doubts(fields: Partial<SessionEntry>): string[] {
  const session: SessionEntry = {
    ...FINISHED,
    device: "cafe-1",
    owner: "owner@cafe.example",
    start: START,
    end: START + 3600,
    seconds: 3600,
    startWh: 1000,
    endWh: 12_000,
    accepted: START + 3700,
  };
  return doubtsOf({ ...session, ...fields });
}

describe("doubtsOf", () => {
  test.each<Partial<SessionEntry>>([
    {},
    { endWh: 1000 + 24_000 },
    { start: null, end: null },
    { seconds: 10, end: START + 10, endWh: 1000 },
    { seconds: 0, end: START, endWh: 1100 },
    { startWh: 0, endWh: 0 },
    { accepted: START + 3600 - 60 },
  ])("has none about a plausible session: %j", (fields) => {
    expect(doubts(fields)).toEqual([]);
  });

  test.each<[string, Partial<SessionEntry>]>([
    ["27.9 kWh are too much for 3600 s: a station delivers at most 27.8 kWh in this time", { endWh: 28_900 }],
    ["no energy in 60 min: the vehicle did not draw any, or the meter does not count", { endWh: 1000 }],
    ["the meter ran backwards, from 1000 to 1 Wh", { endWh: 1 }],
    ["the start is in 1970: the station's clock was not set", { start: 0 }],
    ["the end is in 2000: the station's clock was not set", { start: null, end: 946_684_800 }],
    ["the end is after the report", { accepted: START + 3600 - 301 }],
    ["the end is before the start", { start: START + 3601 }],
    ["it lasted longer than from its start to its end", { seconds: 4000 }],
    ["the meter did not answer at times, so that energy may be missing", { meterFault: "meter-silent" }],
    ["the meter had the fault meter-else", { meterFault: "meter-else" }],
    ["it was reported again with other values", { isDisputed: true }],
  ])("says why a session is doubtful: %s", (doubt, fields) => {
    expect(doubts(fields)).toEqual([doubt]);
  });

  test("names all reasons", () => {
    expect(doubts({ start: 0, end: 60, seconds: 60, endWh: 51_000 })).toHaveLength(3);
  });
});
