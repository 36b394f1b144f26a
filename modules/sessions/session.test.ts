import { describe, expect, test } from "@jest/globals";
import { bookFormat, logFormat } from "./index.js";
import { requestOf } from "./session.js";

const STATE = {
  id: "0123456789abcdef",
  tag: "ab".repeat(32),
  tagEnd: "0001",
  method: "rfid" as const,
  currentA: 16,
  start: 1_700_000_000,
  seconds: 60,
  startWh: 100,
};
const FINISHED = { ...STATE, end: 1_700_000_060, endWh: 160, why: "unplugged" };

describe("the session records", () => {
  test("round-trip the session under way and a finished session", () => {
    const book = {
      meterWh: 150,
      givenUp: 1,
      ownWh: 123_400,
      session: { ...STATE, meterFault: "meter-silent" },
    };
    expect(bookFormat.parse(JSON.parse(JSON.stringify(bookFormat.format(book))), 1)).toEqual(book);
    const entry = { order: 7, givenUp: 2, session: FINISHED };
    expect(logFormat(63).parse(JSON.parse(JSON.stringify(logFormat(63).format(entry))), 1)).toEqual(entry);
  });

  test.each(["id", "tag", "tagEnd", "method", "currentA", "seconds", "startWh"])(
    "are rejected without %s",
    (field) => {
      const { [field]: _, ...session } = STATE as Record<string, unknown>;
      expect(bookFormat.parse({ meterWh: 1, session }, 1)).toBeUndefined();
      expect(logFormat(0).parse({ order: 1, endWh: 1, why: "x", ...session }, 1)).toBeUndefined();
    },
  );

  test("fit into the values and keys of the storage", () => {
    const longest = {
      ...FINISHED,
      startWh: 999_999_999_999,
      endWh: 999_999_999_999,
      why: "x".repeat(16),
      meterFault: "meter-backwards",
    };
    expect(
      JSON.stringify(logFormat(63).format({ order: 1e12, givenUp: 1e12, session: longest })).length,
    ).toBeLessThan(400);
    expect(logFormat(63).key).toBe("log63");
  });
});

test("bookFormat raises a meter reading below the start of the session", () => {
  expect(bookFormat.parse({ meterWh: 50, session: STATE }, 1)?.meterWh).toBe(STATE.startWh);
});

describe("requestOf", () => {
  test("sends null for an unknown start and end", () => {
    expect(requestOf({ ...FINISHED, start: undefined, end: undefined })).toEqual({
      id: STATE.id,
      connector: 1,
      tag: STATE.tag,
      tagEnd: "0001",
      method: "rfid",
      start: null,
      end: null,
      seconds: 60,
      startWh: 100,
      endWh: 160,
      why: "unplugged",
    });
  });
});
