import { beforeEach, describe, expect, test } from "@jest/globals";
import {
  AUTHORIZED,
  Bench,
  ManualServer,
  type Phone,
  REJECTED,
  TAG,
} from "../../host-tests/suites/units/tag-service-bench.js";
import type { GATTConnection } from "../board/index.js";
import { encodeHex, encodeUTF8 } from "../bytes/index.js";
import { CHALLENGE_UUID, RESULT_UUID } from "./index.js";

/** First 8 bytes of SHA-256("cafe-1"). */
const STATION = "437d4a98";
const PROOF = "p1:ka5tqgx2m7bd4wzn:lgGqmSxrn3062BvpcltRVA";
const OTHER_PROOF = "p1:ka5tqgx2m7bd4wzn:AAAAAAAAAAAAAAAAAAAAAA";
const RECEIPT = "136da0d275500490";

let bench: Bench;

beforeEach(() => {
  bench = new Bench();
});

const challengeOf = (phone: Phone) => encodeHex(bench.read(phone, CHALLENGE_UUID));
const nonceOf = (phone: Phone) => challengeOf(phone).slice(16);

describe("TagService's challenge", () => {
  test("has 8 bytes of the hash of the device id and a nonce of 16 bytes", () => {
    const challenge = challengeOf(bench.connect());
    expect(challenge).toHaveLength(2 * 24);
    expect(challenge.slice(0, 8)).toBe(STATION);
  });

  test("stays the same for a connection, and differs between connections", () => {
    const [phone, other] = [bench.connect(), bench.connect()];
    expect(challengeOf(phone)).toBe(challengeOf(phone));
    expect(nonceOf(phone)).not.toBe(nonceOf(other));
    expect(challengeOf(phone).slice(0, 16)).toBe(challengeOf(other).slice(0, 16));
  });

  test("is passed to the source with a proof, and is new right after the write", () => {
    const phone = bench.connect();
    const [station, nonce] = [challengeOf(phone).slice(0, 16), nonceOf(phone)];
    bench.write(phone, PROOF);
    expect(bench.sources[0]?.challenges).toEqual([{ station, nonce }]);
    expect(nonceOf(phone)).not.toBe(nonce);
  });

  test("is new after each attempt, also with a plain tag", () => {
    const phone = bench.connect();
    const nonces = [nonceOf(phone)];
    bench.write(phone, TAG);
    expect(bench.sources[0]?.challenges).toEqual([undefined]);
    bench.answer(REJECTED);
    nonces.push(nonceOf(phone));
    bench.write(phone, PROOF);
    bench.answer(REJECTED);
    nonces.push(nonceOf(phone));
    expect(new Set(nonces).size).toBe(3);
    expect(bench.sources[0]?.challenges.at(-1)?.nonce).toBe(nonces[1]);
  });

  test("is not valid for a proof that is written again", () => {
    const phone = bench.connect();
    bench.write(phone, PROOF);
    bench.answer(REJECTED);
    bench.write(phone, PROOF);
    bench.write(phone, OTHER_PROOF);
    expect(bench.sources[0]?.challenges.map((challenge) => challenge !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  test("is not valid after 30 s, if the connection lasts so long", () => {
    bench = new Bench({}, () => ({ io: { GATTServer: ManualServer } }));
    const connection: GATTConnection = { maximumWrite: 20, notify: () => {}, close: () => {} };
    const { onConnect, services } = ManualServer.options ?? { services: [] };
    const [tag] = services.flatMap(({ characteristics }) => characteristics);
    const write = (text: string) => {
      tag?.onWrite?.(encodeUTF8(text).buffer, connection);
      bench.advance(0);
    };
    onConnect?.(connection);
    bench.advance(30_000);
    write(PROOF);
    bench.advance(30_001);
    write(OTHER_PROOF);
    expect(bench.sources[0]?.challenges.map((challenge) => challenge !== undefined)).toEqual([true, false]);
  });
});

describe("TagService's result with a receipt", () => {
  test("has 14 bytes when it is read, and 6 in the notification", () => {
    const phone = bench.connect();
    const lengths: number[] = [];
    phone.connection.subscribe(
      RESULT_UUID,
      (value) => lengths.push(value.length),
      () => {},
    );
    bench.write(phone, PROOF);
    bench.answer({ ...AUTHORIZED, receipt: RECEIPT });
    expect(lengths).toEqual([6, 6]);
    expect(encodeHex(bench.read(phone, RESULT_UUID))).toBe(`0102c8000101${RECEIPT}`);
    bench.write(phone, TAG);
    expect(bench.read(phone, RESULT_UUID)).toHaveLength(6);
    bench.answer(AUTHORIZED);
    expect(bench.read(phone, RESULT_UUID)).toHaveLength(6);
  });
});
