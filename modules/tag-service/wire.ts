/** Encoding of the advertisement and the result (protocol, section 3). */

import type { AdvertisingRecords } from "../board/index.js";
import { truncateUTF8 } from "../bytes/index.js";
import { STATION_STATUSES, type StationStatus } from "../charging/index.js";

/** UUID of the tag service. */
export const SERVICE_UUID = "7a1e0001-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** UUID of the characteristic that a central writes a tag to. */
export const TAG_UUID = "7a1e0002-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** UUID of the characteristic with the result. */
export const RESULT_UUID = "7a1e0003-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** UUID of the characteristic with the challenge for proofs. */
export const CHALLENGE_UUID = "7a1e0004-5c3b-4f0a-9d2e-2f6c8b1d4e90";
/** Characteristic User Description (Core 5.4 Vol 3 Part G 3.3.3.2). */
export const USER_DESCRIPTION_UUID = "2901";

/** Company identifier for tests and unregistered use (Assigned Numbers 7.1). Manufacturers set their own. */
export const DEFAULT_COMPANY_ID = 0xffff;
/** Length of the station hash in the advertisement, bytes. */
export const STATION_HASH_BYTES = 4;
/** Maximum length of the name: a PDU of 31 bytes minus length and type byte. */
export const MAX_NAME_BYTES = 29;

const METADATA_VERSION = 1;
const RESULT_VERSION = 1;
/** LE General Discoverable Mode, BR/EDR Not Supported (Core Supplement Part A 1.3). */
const ADVERTISING_FLAGS = 0x06;

/** State of the station in the advertisement. */
export interface Metadata {
  readonly acceptsTags: boolean;
  readonly platformReachable: boolean;
  readonly authorizesOffline: boolean;
  readonly pairing: boolean;
  readonly status: StationStatus;
}

/** Encodes the 6 bytes of manufacturer data. `stationHash` is the start of SHA-256(device id). */
export function encodeMetadata(
  metadata: Metadata,
  stationHash: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 + STATION_HASH_BYTES);
  bytes[0] =
    (METADATA_VERSION << 4) |
    (metadata.acceptsTags ? 1 : 0) |
    (metadata.platformReachable ? 2 : 0) |
    (metadata.authorizesOffline ? 4 : 0) |
    (metadata.pairing ? 8 : 0);
  bytes[1] = STATION_STATUSES.indexOf(metadata.status);
  bytes.set(stationHash.subarray(0, STATION_HASH_BYTES), 2);
  return bytes;
}

/**
 * Returns the records of the advertising PDU, exactly 31 bytes, and of the scan response, in the order of
 * transmission.
 */
export function advertisingRecords(options: {
  metadata: Metadata;
  stationHash: Uint8Array<ArrayBuffer>;
  companyId: number;
  name: string;
}): { advertisement: AdvertisingRecords; scanResponse: AdvertisingRecords } {
  const data = encodeMetadata(options.metadata, options.stationHash);
  return {
    advertisement: {
      flags: ADVERTISING_FLAGS,
      services: [SERVICE_UUID],
      manufacturerData: { manufacturer: options.companyId, data },
    },
    scanResponse: { name: truncateUTF8(options.name, MAX_NAME_BYTES) },
  };
}

/** States of a result, in the order of their numbers on the wire. */
export const RESULT_STATES = ["idle", "pending", "authorized", "rejected", "failed", "busy"] as const;

/** The value of the result characteristic. */
export interface Result {
  readonly state: (typeof RESULT_STATES)[number];
  /** HTTP-like code; 0 for idle, 202 for pending. */
  readonly code: number;
  /** Number of the attempt on this connection, 1-255, then 0. */
  readonly attempt: number;
  /** Receipt of the platform, 16 hex digits. */
  readonly receipt?: string | undefined;
}

/** Encodes the 6 bytes of the result characteristic. */
export function encodeResult(result: Result, status: StationStatus): Uint8Array<ArrayBuffer> {
  return new Uint8Array([
    RESULT_VERSION,
    RESULT_STATES.indexOf(result.state),
    result.code & 0xff,
    result.code >> 8,
    result.attempt,
    STATION_STATUSES.indexOf(status),
  ]);
}
