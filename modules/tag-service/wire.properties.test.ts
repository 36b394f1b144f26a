import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { readResult } from "../../docs/station.js";
import { encodePDU } from "../../firmware/boards/advertising.js";
import { parseAdvertisement } from "../../host-tests/virtual/world/phone.js";
import { STATION_STATUSES } from "../charging/index.js";
import { advertisingRecords, DEFAULT_COMPANY_ID, encodeResult, RESULT_STATES } from "./wire.js";

fc.configureGlobal({ seed: 1 });

const MAX_PDU_BYTES = 31;

const status = fc.constantFrom(...STATION_STATUSES);
const metadataOf = fc.record({
  acceptsTags: fc.boolean(),
  platformReachable: fc.boolean(),
  authorizesOffline: fc.boolean(),
  pairing: fc.boolean(),
  status,
});
const hash = fc.uint8Array({ minLength: 4, maxLength: 32 }).map((bytes) => Uint8Array.from(bytes));

describe("the advertisement of any station", () => {
  test("fits into two PDUs, and a phone reads back what the station is", () => {
    fc.assert(
      fc.property(metadataOf, hash, fc.string({ unit: "grapheme" }), (metadata, stationHash, name) => {
        const records = advertisingRecords({ metadata, stationHash, companyId: DEFAULT_COMPANY_ID, name });
        const advertisingData = encodePDU(records.advertisement);
        const scanResponse = encodePDU(records.scanResponse);
        expect(advertisingData).toHaveLength(MAX_PDU_BYTES);
        expect(scanResponse.length).toBeLessThanOrEqual(MAX_PDU_BYTES);
        const seen = parseAdvertisement({ address: "", rssi: -60, advertisingData, scanResponse });
        expect(seen).toMatchObject({ ...metadata, stationHash: stationHash.slice(0, 4) });
        expect(name.startsWith(seen?.name ?? "?")).toBe(true);
      }),
    );
  });

  test("has the company identifier in little-endian order", () => {
    const metadata = { acceptsTags: true, platformReachable: true, authorizesOffline: true, pairing: true };
    fc.assert(
      fc.property(fc.nat(0xffff), hash, (companyId, stationHash) => {
        const options = {
          metadata: { ...metadata, status: "charging" as const },
          stationHash,
          companyId,
          name: "",
        };
        const pdu = encodePDU(advertisingRecords(options).advertisement);
        expect((pdu[23] ?? 0) | ((pdu[24] ?? 0) << 8)).toBe(companyId);
      }),
    );
  });
});

describe("any result", () => {
  test("is read back by a phone", () => {
    const result = fc.record({
      state: fc.constantFrom(...RESULT_STATES),
      code: fc.integer({ min: 0, max: 999 }),
      attempt: fc.nat(255),
    });
    fc.assert(
      fc.property(result, status, (given, stationStatus) => {
        const bytes = encodeResult(given, stationStatus);
        expect(readResult(bytes)).toEqual({ ...given, status: stationStatus });
      }),
    );
  });
});
