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

describe("the records", () => {
  test("of the session under way and of finished ones read what they write", () => {
    const book = { meterWh: 150, givenUp: 1, session: STATE };
    expect(bookFormat.parse(JSON.parse(JSON.stringify(bookFormat.format(book))), 1)).toEqual(book);
    const entry = { order: 7, givenUp: 2, session: FINISHED };
    expect(logFormat(63).parse(JSON.parse(JSON.stringify(logFormat(63).format(entry))), 1)).toEqual(entry);
  });

  test.each(["id", "tag", "tagEnd", "method", "currentA", "seconds", "startWh"])(
    "are none without %s",
    (field) => {
      const { [field]: _, ...session } = STATE as Record<string, unknown>;
      expect(bookFormat.parse({ meterWh: 1, session }, 1)).toBeUndefined();
      expect(logFormat(0).parse({ order: 1, endWh: 1, why: "x", ...session }, 1)).toBeUndefined();
    },
  );

  test("leave room in a value of the storage, and keys", () => {
    const longest = { ...FINISHED, startWh: 999_999_999_999, endWh: 999_999_999_999, why: "x".repeat(16) };
    expect(
      JSON.stringify(logFormat(63).format({ order: 1e12, givenUp: 1e12, session: longest })).length,
    ).toBeLessThan(400);
    expect(logFormat(63).key).toBe("log63");
  });
});

test("a meter that was behind the start of its session is taken to have been there", () => {
  expect(bookFormat.parse({ meterWh: 50, session: STATE }, 1)?.meterWh).toBe(STATE.startWh);
});

describe("the request", () => {
  test("says null where nobody knew the time", () => {
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
