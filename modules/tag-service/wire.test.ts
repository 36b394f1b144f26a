import { describe, expect, test } from "@jest/globals";
import { encodePDU } from "../../firmware/boards/advertising.js";
import { decodeUTF8, encodeHex } from "../bytes/index.js";
import { STATION_STATUSES } from "../charging/index.js";
import { advertisingRecords, encodeMetadata, encodeResult, type Metadata } from "./wire.js";

const METADATA: Metadata = {
  acceptsTags: true,
  platformReachable: true,
  authorizesOffline: false,
  pairing: false,
  status: "plugged",
};
const HASH = new Uint8Array([0xde, 0xad, 0xbe, 0xef]);

function records(name: string) {
  return advertisingRecords({ metadata: METADATA, stationHash: HASH, companyId: 0xffff, name });
}

test("advertisingRecords returns the 31 bytes of the protocol", () => {
  const { advertisement } = records("PlugPass");
  expect(encodeHex(encodePDU(advertisement))).toBe(
    ["020106", "1107904e1d8b6c2f2e9d0a4f3b5c01001e7a", "09ffffff", "1301", "deadbeef"].join(""),
  );
});

describe("encodeMetadata", () => {
  test.each([
    ["acceptsTags", 0x11],
    ["platformReachable", 0x12],
    ["authorizesOffline", 0x14],
    ["pairing", 0x18],
  ] as const)("sets the bit of %s", (flag, byte) => {
    const none = { acceptsTags: false, platformReachable: false, authorizesOffline: false, pairing: false };
    expect(encodeMetadata({ ...METADATA, ...none, [flag]: true }, HASH)[0]).toBe(byte);
  });

  test.each([
    ["available", 0],
    ["plugged", 1],
    ["authorized", 2],
    ["charging", 3],
    ["finishing", 4],
    ["faulted", 5],
    ["unavailable", 6],
    ["suspended-by-vehicle", 7],
    ["suspended-by-station", 8],
  ] as const)("encodes the status %s as %d", (status, number) => {
    expect(encodeMetadata({ ...METADATA, status }, HASH)[1]).toBe(number);
    expect(encodeResult({ state: "idle", code: 0, attempt: 0 }, status)[5]).toBe(number);
    expect(STATION_STATUSES).toHaveLength(9);
  });
});

describe("the advertised name", () => {
  test.each([
    ["Café Slavia", "Café Slavia"],
    ["x".repeat(40), "x".repeat(29)],
    [`${"x".repeat(28)}é`, "x".repeat(28)],
    [`${"x".repeat(26)}🚗`, "x".repeat(26)],
    [`${"x".repeat(25)}🚗`, `${"x".repeat(25)}🚗`],
  ])("%s is truncated to at most 29 bytes between characters", (name, cut) => {
    const pdu = encodePDU(records(name).scanResponse);
    expect(pdu.length).toBeLessThanOrEqual(31);
    expect(pdu[1]).toBe(0x09);
    expect(decodeUTF8(pdu.slice(2))).toBe(cut);
  });
});

test.each([
  ["idle", 0, 0, "010000000001"],
  ["pending", 202, 1, "0101ca000101"],
  ["authorized", 200, 2, "0102c8000201"],
  ["rejected", 403, 255, "010393 01ff01"],
  ["failed", 502, 3, "0104f6010301"],
  ["busy", 429, 4, "0105ad010401"],
] as const)("encodeResult encodes %s %d of attempt %d as %s", (state, code, attempt, hex) => {
  expect(encodeHex(encodeResult({ state, code, attempt }, "plugged"))).toBe(hex.replace(" ", ""));
});
