/**
 * A guest's phone: finds a station by its advertisement, presents a virtual card, and waits for the result.
 * It uses only what is on the air.
 */

import {
  type Advertisement,
  type AuthorizationResult,
  CHALLENGE_UUID,
  COMPANY_ID,
  type ProofCard,
  RESULT_UUID,
  readAdvertisement,
  readResult,
  SERVICE_UUID,
  TAG_UUID,
} from "../../../docs/station.js";
import type { Clock, IO, Timer } from "../../../modules/board/index.js";
import { decodeUTF8, encodeUTF8 } from "../../../modules/bytes/index.js";
import type { AirReport, Central, CentralConnection } from "./air.js";
import { type Proof, prove } from "./proof.js";

/** An advertisement of a station as a phone receives it. */
export interface SeenStation extends Advertisement {
  /** Bluetooth address to connect to. */
  readonly address: string;
  readonly name: string;
  /** Signal strength, dBm. */
  readonly rssi: number;
}

/** The final result of a presented card, or the reason of a failure. */
export type PresentOutcome =
  | {
      readonly result: AuthorizationResult;
      /** The result has the platform's receipt; `undefined` for a plain tag. */
      readonly isConfirmed: boolean | undefined;
    }
  | { readonly failure: string };

export interface PresentOptions {
  readonly address: string;
  /** A plain tag, or a card that cannot be copied. */
  readonly tag: string | ProofCard;
  readonly mtu?: number;
  readonly onPending?: (result: AuthorizationResult) => void;
  /** Called with the text that is written. */
  readonly onWritten?: (text: string) => void;
  /** Called once. */
  readonly onDone: (outcome: PresentOutcome) => void;
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

  /** Connects, subscribes, writes the tag or the proof, waits for the final result, and disconnects. */
  present(options: PresentOptions): IO {
    let connection: CentralConnection | undefined;
    let timer: Timer | undefined;
    let done = false;
    const finish = (outcome: PresentOutcome) => {
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
        new Presentation(opened, options, finish).start();
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

/** One presented card on a connection. */
class Presentation {
  readonly #connection: CentralConnection;
  readonly #options: PresentOptions;
  readonly #finish: (outcome: PresentOutcome) => void;
  #proof: Proof | undefined;

  constructor(
    connection: CentralConnection,
    options: PresentOptions,
    finish: (outcome: PresentOutcome) => void,
  ) {
    this.#connection = connection;
    this.#options = options;
    this.#finish = finish;
  }

  start(): void {
    const { tag } = this.#options;
    const onValue = (value: Uint8Array<ArrayBuffer>) => this.#handleResult(value);
    this.#connection.subscribe(RESULT_UUID, onValue, ({ error }) => {
      if (error !== undefined) this.#fail(`the station refused the subscription (ATT error ${error})`);
      else if (typeof tag === "string") this.#write(tag);
      else this.#prove(tag);
    });
  }

  #prove(card: ProofCard): void {
    const isKnown = this.#connection.characteristics().some(({ uuid }) => uuid === CHALLENGE_UUID);
    if (!isKnown) {
      this.#fail("the station knows no cards that cannot be copied");
      return;
    }
    this.#connection.read(CHALLENGE_UUID, ({ value, error }) => {
      this.#proof = value && prove(card, value);
      if (this.#proof) this.#write(this.#proof.text);
      else
        this.#fail(
          `the station gave no challenge (${error === undefined ? "malformed" : `ATT error ${error}`})`,
        );
    });
  }

  #write(text: string): void {
    this.#options.onWritten?.(text);
    this.#connection.write(TAG_UUID, encodeUTF8(text), ({ error }) => {
      if (error !== undefined) this.#fail(`the station refused the write (ATT error ${error})`);
    });
  }

  #handleResult(value: Uint8Array<ArrayBuffer>): void {
    const result = readResult(value);
    if (!result) this.#fail("the station sent a result that is not of the protocol");
    else if (result.state === "pending") this.#options.onPending?.(result);
    else if (!this.#proof) this.#finish({ result, isConfirmed: undefined });
    else this.#readReceipt(this.#proof, result);
  }

  /** Reads the result again: only a read value has the receipt. */
  #readReceipt(proof: Proof, result: AuthorizationResult): void {
    this.#connection.read(RESULT_UUID, ({ value }) => {
      const latest = value && readResult(value);
      this.#finish({ result, isConfirmed: latest?.code === result.code && proof.isConfirmedBy(latest) });
    });
  }

  #fail(failure: string): void {
    this.#finish({ failure });
  }
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
