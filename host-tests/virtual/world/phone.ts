/**
 * A guest's phone: finds a station by its advertisement, presents a virtual card, and waits for the result.
 * It uses only what is on the air.
 */

import {
  type Advertisement,
  type AuthorizationResult,
  COMPANY_ID,
  RESULT_UUID,
  readAdvertisement,
  readResult,
  SERVICE_UUID,
  TAG_UUID,
} from "../../../docs/station.js";
import type { Clock, IO, Timer } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { AirReport, Central, CentralConnection } from "./air.js";

/** An advertisement of a station as a phone receives it. */
export interface SeenStation extends Advertisement {
  /** Bluetooth address to connect to. */
  readonly address: string;
  readonly name: string;
  /** Signal strength, dBm. */
  readonly rssi: number;
}

export interface PresentOptions {
  readonly address: string;
  readonly tag: string;
  readonly mtu?: number;
  readonly onPending?: (result: AuthorizationResult) => void;
  /** Called once with the final result or the reason of a failure. */
  readonly onDone: (outcome: { readonly result: AuthorizationResult } | { readonly failure: string }) => void;
}

/** Timeout for a result, ms: 15 s by docs/protocol.md, and a margin for the radio. */
const RESULT_TIMEOUT_MS = 17_000;

export class Phone {
  readonly #air: Central;
  readonly #clock: Clock;

  constructor(options: { air: Central; clock: Clock }) {
    this.#air = options.air;
    this.#clock = options.clock;
  }

  /** Calls back for every station found, and again when its advertisement changes. */
  scan(onStation: (station: SeenStation) => void): IO {
    return this.#air.scan((report) => {
      const station = parseAdvertisement(report);
      if (station) onStation(station);
    });
  }

  /** Connects, subscribes, writes the tag, waits for the final result, and disconnects. */
  present(options: PresentOptions): IO {
    let connection: CentralConnection | undefined;
    let timer: Timer | undefined;
    let done = false;
    const finish = (outcome: { result: AuthorizationResult } | { failure: string }) => {
      if (done) return;
      done = true;
      this.#clock.clear(timer);
      connection?.disconnect();
      options.onDone(outcome);
    };
    timer = this.#clock.set(
      () => finish({ failure: "the station gave no final result in time" }),
      RESULT_TIMEOUT_MS,
    );
    const link = this.#air.connect(options.address, {
      mtu: options.mtu,
      onConnected: (opened) => {
        connection = opened;
        subscribeAndWrite(opened, options, finish);
      },
      onFailed: (reason) => finish({ failure: `no connection: ${reason}` }),
      onDisconnected: (reason) => finish({ failure: `the connection was lost: ${reason}` }),
    });
    return {
      close: () => {
        if (done) return;
        done = true;
        this.#clock.clear(timer);
        link.close();
      },
    };
  }
}

function subscribeAndWrite(
  connection: CentralConnection,
  options: PresentOptions,
  finish: (outcome: { result: AuthorizationResult } | { failure: string }) => void,
): void {
  const handleResult = (value: Uint8Array<ArrayBuffer>) => {
    const result = readResult(value);
    if (!result) finish({ failure: "the station sent a result that is not of the protocol" });
    else if (result.state === "pending") options.onPending?.(result);
    else finish({ result });
  };
  connection.subscribe(RESULT_UUID, handleResult, (subscribed) => {
    if (subscribed.error !== undefined) {
      finish({ failure: `the station refused the subscription (ATT error ${subscribed.error})` });
      return;
    }
    connection.write(TAG_UUID, encodeUTF8(options.tag), (written) => {
      if (written.error === undefined) return;
      finish({ failure: `the station refused the write (ATT error ${written.error})` });
    });
  });
}

/** Parses a station's advertisement; `undefined` for any other advertisement. */
export function parseAdvertisement(report: AirReport): SeenStation | undefined {
  const structures = [...adStructures(report.advertisingData), ...adStructures(report.scanResponse)];
  const find = (type: number) => structures.find((structure) => structure.type === type)?.data;
  const services = find(AD_ALL_128_BIT_UUIDS);
  const manufacturer = find(AD_MANUFACTURER_DATA);
  if (!services || !uuidsOf(services).includes(SERVICE_UUID)) return undefined;
  const [companyLow = 0, companyHigh = 0] = manufacturer ?? [];
  if (!manufacturer || (companyLow | (companyHigh << 8)) !== COMPANY_ID) return undefined;
  const advertisement = readAdvertisement(manufacturer.subarray(2));
  return (
    advertisement && {
      ...advertisement,
      address: report.address,
      name: decodeUTF8(find(AD_COMPLETE_NAME) ?? new Uint8Array(0)) ?? "",
      rssi: report.rssi,
    }
  );
}

/** Types of AD structures (Assigned Numbers 2.3). */
const AD_ALL_128_BIT_UUIDS = 0x07;
const AD_COMPLETE_NAME = 0x09;
const AD_MANUFACTURER_DATA = 0xff;

interface ADStructure {
  readonly type: number;
  readonly data: Uint8Array<ArrayBuffer>;
}

/**
 * Splits a PDU into AD structures (Core 5.4 Vol 3 Part C 11): length, type, data, until the end or a length
 * of 0.
 */
function adStructures(pdu: Uint8Array<ArrayBuffer>): ADStructure[] {
  const structures: ADStructure[] = [];
  for (let at = 0; at < pdu.length; ) {
    const length = pdu[at] ?? 0;
    if (length === 0) break;
    structures.push({ type: pdu[at + 1] ?? 0, data: pdu.slice(at + 2, at + 1 + length) });
    at += 1 + length;
  }
  return structures;
}

function uuidsOf(data: Uint8Array<ArrayBuffer>): string[] {
  const uuids: string[] = [];
  for (let at = 0; at + 16 <= data.length; at += 16) {
    const hex = [...data.slice(at, at + 16)].reverse().map((byte) => byte.toString(16).padStart(2, "0"));
    const text = hex.join("");
    uuids.push([0, 8, 12, 16, 20].map((from, i, all) => text.slice(from, all[i + 1])).join("-"));
  }
  return uuids;
}
