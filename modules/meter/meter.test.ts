import { describe, expect, test } from "@jest/globals";
import { METER_TYPES, type MeterRegister } from "./index.js";
import { nextReading, type Reading } from "./reading.js";
import { blocksOf, decodeValue } from "./registers.js";

const HOUR_MS = 3_600_000;
const FIRST: Reading = { stationWh: 500, meterWh: undefined, atMs: undefined, isDoubted: false };

/** Reads a meter each 2 s. Returns the readings of the station, and how often it went on from a new one. */
function readings(before: Reading, ...metersWh: readonly number[]) {
  let reading = before;
  let newBases = 0;
  let nowMs = 0;
  const stationsWh = metersWh.map((meterWh) => {
    nowMs += 2000;
    const next = nextReading(reading, meterWh, nowMs);
    reading = next.reading;
    if (next.isNewBase) newBases++;
    return reading.stationWh;
  });
  return { stationsWh, newBases };
}

describe("nextReading", () => {
  test("grows by the differences of the meter from the first answer on", () => {
    expect(readings(FIRST, 9000, 9000, 9012, 9013)).toEqual({
      stationsWh: [500, 500, 512, 513],
      newBases: 0,
    });
  });

  test("adds what the meter has counted since the latest stored reading", () => {
    expect(readings({ ...FIRST, meterWh: 9000 }, 9090).stationsWh).toEqual([590]);
  });

  test("ignores a single wrong answer", () => {
    for (const wrongWh of [0, 8999, 99_000]) {
      expect(readings(FIRST, 9000, wrongWh, 9002)).toEqual({ stationsWh: [500, 500, 502], newBases: 0 });
    }
  });

  test.each([
    ["an exchange", 0],
    ["a roll-over", 3],
    ["a meter with more energy", 99_000],
  ])("goes on after %s without counting the difference", (_what, otherWh) => {
    expect(readings(FIRST, 9000, otherWh, otherWh, otherWh + 5)).toEqual({
      stationsWh: [500, 500, 500, 505],
      newBases: 1,
    });
  });

  test("never decreases with a meter that runs backwards", () => {
    const { stationsWh } = readings(FIRST, ...Array.from({ length: 20 }, (_, i) => 9000 - 10 * i));
    expect(new Set(stationsWh)).toEqual(new Set([500]));
  });

  test("accepts the energy of a long silence at the station's full power", () => {
    const before = { stationWh: 500, meterWh: 9000, atMs: 0, isDoubted: false };
    expect(nextReading(before, 9000 + 3 * 22_000, 3 * HOUR_MS).reading.stationWh).toBe(66_500);
  });
});

describe("blocksOf", () => {
  test.each([
    [
      "sdm72",
      [
        [0x34, 2],
        [0x48, 2],
      ],
    ],
    [
      "sdm72v2",
      [
        [0, 12],
        [0x34, 2],
        [0x48, 2],
      ],
    ],
    [
      "sdm120",
      [
        [0, 2],
        [6, 2],
        [0x0c, 2],
        [0x48, 2],
      ],
    ],
    [
      "sdm630",
      [
        [0, 12],
        [0x34, 2],
        [0x48, 2],
      ],
    ],
  ] as const)("reads an %s with these requests", (type, requests) => {
    const blocks = blocksOf(METER_TYPES[type], 1);
    expect(blocks.map(({ request }) => [request.register, request.count])).toEqual(requests);
  });

  test("joins no registers of different functions, and no more than 32", () => {
    const register = (at: number, functionCode: number): MeterRegister => ({
      value: "energy",
      functionCode,
      register: at,
      type: "float32",
      scale: 1,
      wordOrder: "high-first",
    });
    const list = [...Array.from({ length: 17 }, (_, i) => register(2 * i, 3)), register(34, 4)];
    expect(blocksOf(list, 1).map(({ request }) => request.count)).toEqual([32, 2, 2]);
  });
});

describe("decodeValue", () => {
  test.each([
    ["int16", "high-first", [0xff, 0xfe], 1, -2],
    ["uint16", "high-first", [0xff, 0xfe], 0.1, 6553.4],
    ["int32", "high-first", [0xff, 0xff, 0xff, 0xfe], 1, -2],
    ["uint32", "high-first", [0, 1, 0, 2], 10, 655_380],
    ["uint32", "low-first", [0, 2, 0, 1], 10, 655_380],
    ["float32", "high-first", [0x43, 0x66, 0x33, 0x33], 1, 230.2],
    ["float32", "low-first", [0x33, 0x33, 0x43, 0x66], 1000, 230_200],
  ] as const)("decodes %s, %s", (type, wordOrder, bytes, scale, expected) => {
    const register: MeterRegister = { value: "power", functionCode: 4, register: 8, type, scale, wordOrder };
    const [block] = blocksOf([register], 1);
    const value = block && decodeValue(block, Uint8Array.from(bytes), register);
    expect(Math.abs(Number(value) - expected)).toBeLessThan(0.05);
  });

  test("returns no value for a float that is not a number", () => {
    const [register] = METER_TYPES.sdm630;
    const [block] = blocksOf(METER_TYPES.sdm630.slice(0, 1), 1);
    expect(
      register && block && decodeValue(block, Uint8Array.of(0x7f, 0xc0, 0, 0), register),
    ).toBeUndefined();
  });
});
