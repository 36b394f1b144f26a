import { describe, expect, test } from "@jest/globals";
import { virtualCrypto } from "../../host-tests/virtual/board/crypto.js";
import { Random } from "../../host-tests/virtual/world/random.js";
import { decodeHex, encodeHex, encodeUTF8 } from "../bytes/index.js";
import {
  hmacSHA256,
  isCardId,
  parseCardProof,
  proofOf,
  receiptOf,
  stationKeyOf,
  stationOf,
  writeCardProof,
} from "./index.js";

const crypto = virtualCrypto(new Random(1));
/** The vector of docs/protocol.md, section 8. */
const SECRET = Uint8Array.from({ length: 32 }, (_, i) => 32 + i);
const STATION = "9bfe92c29bb3d174";
const NONCE = "000102030405060708090a0b0c0d0e0f";
const CARD_ID = "ka5tqgx2m7bd4wzn";
const PROOF = "lgGqmSxrn3062BvpcltRVA";
const KEY = stationKeyOf(crypto, SECRET, STATION);

describe("hmacSHA256", () => {
  test.each([
    [
      "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
      "Hi There",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ],
    [
      "4a656665",
      "what do ya want for nothing?",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    ],
    [
      "aa".repeat(131),
      "Test Using Larger Than Block-Size Key - Hash Key First",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    ],
  ])("RFC 4231: the key %s gives the vector's MAC", (key, message, mac) => {
    expect(encodeHex(hmacSHA256(crypto, decodeHex(key) ?? new Uint8Array(), encodeUTF8(message)))).toBe(mac);
  });

  test.each([
    ["5a".repeat(0), "message", "eb08c1f56d5ddee07f7bdf80468083da06b64cf4fac64fe3a90883df5feacae4"],
    ["5a".repeat(63), "message", "1e790456a72e90984a55ba51e9a02e8663e33ee74334be97481e7c40f82fb2c2"],
    ["5a".repeat(64), "message", "67437bb07e3af377548cc5d9cc6cf9a45a0611033cd59e800e8a27fd4ba418fa"],
    ["5a".repeat(65), "message", "51a150878fcd81ffca19e1efd75865087e60a5f4ab44c204e5012b8d3467fac2"],
  ])("a key of about one block gives the MAC of another implementation (%s)", (key, message, mac) => {
    expect(encodeHex(hmacSHA256(crypto, decodeHex(key) ?? new Uint8Array(), encodeUTF8(message)))).toBe(mac);
  });
});

describe("a card's proof", () => {
  test("station, key, proof and receipts are those of the protocol's vector", () => {
    expect(stationOf(crypto, "station-1")).toBe(STATION);
    expect(encodeHex(KEY)).toBe("474fbfcebbf35e6a49657c50451ce69ea70eb3163c7f6d18424c0efefbb75916");
    expect(proofOf(crypto, KEY, { station: STATION, nonce: NONCE, cardId: CARD_ID })).toBe(PROOF);
    expect(receiptOf(crypto, KEY, { nonce: NONCE, code: 200 })).toBe("136da0d275500490");
    expect(receiptOf(crypto, KEY, { nonce: NONCE, code: 403 })).toBe("17fde1605f7a9287");
  });

  test("another station, nonce, card or secret gives another proof", () => {
    const base = { station: STATION, nonce: NONCE, cardId: CARD_ID };
    const other = "0".repeat(32);
    const proofs = [
      proofOf(crypto, KEY, { ...base, station: other.slice(16) }),
      proofOf(crypto, KEY, { ...base, nonce: other }),
      proofOf(crypto, KEY, { ...base, cardId: "a".repeat(16) }),
      proofOf(crypto, stationKeyOf(crypto, SECRET, other.slice(16)), base),
      proofOf(
        crypto,
        stationKeyOf(
          crypto,
          SECRET.map((byte) => byte ^ 1),
          STATION,
        ),
        base,
      ),
    ];
    expect(new Set([PROOF, ...proofs]).size).toBe(6);
  });

  test("a written proof is parsed again, and is a tag of 42 characters", () => {
    const text = writeCardProof({ cardId: CARD_ID, proof: PROOF });
    expect(text).toBe(`p1:${CARD_ID}:${PROOF}`);
    expect(text).toHaveLength(42);
    expect(parseCardProof(text)).toEqual({ cardId: CARD_ID, proof: PROOF });
  });

  test.each([
    "GUEST-0001",
    `p2:${CARD_ID}:${PROOF}`,
    `p1:${CARD_ID.toUpperCase()}:${PROOF}`,
    `p1:${CARD_ID.slice(1)}:${PROOF}`,
    `p1:${CARD_ID}:${PROOF.slice(1)}`,
    `p1:${CARD_ID}:${PROOF}A`,
    `p1:${CARD_ID}:${PROOF.slice(1)}=`,
    ` p1:${CARD_ID}:${PROOF}`,
  ])("%j is a plain tag", (text) => {
    expect(parseCardProof(text)).toBeUndefined();
  });

  test("a card id has 16 characters of lower-case base32", () => {
    expect(isCardId(CARD_ID)).toBe(true);
    for (const text of ["", CARD_ID.toUpperCase(), `${CARD_ID}a`, `${CARD_ID.slice(1)}1`, `${CARD_ID}\n`]) {
      expect(isCardId(text)).toBe(false);
    }
  });
});
