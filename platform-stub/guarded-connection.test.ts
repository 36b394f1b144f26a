import { describe, expect, test } from "@jest/globals";
import { Random } from "../host-tests/virtual/world/random.js";
import { MAX_BYTES_AFTER_LOGIN, MAX_BYTES_BEFORE_LOGIN, PacketGuard } from "./guarded-connection.js";

/** A packet of this type with a remaining length (MQTT 3.1.1 2.2.3). */
function packet(length: number, first = 0x10): Uint8Array {
  const header = [first];
  let rest = length;
  do {
    header.push((rest % 128) + (rest >= 128 ? 0x80 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Uint8Array.from([...header, ...new Uint8Array(length).fill(0xff)]);
}

describe("PacketGuard", () => {
  test("accepts a packet of 4 KiB before login and refuses a longer one at its header", () => {
    expect(new PacketGuard().accepts(packet(MAX_BYTES_BEFORE_LOGIN))).toBe(true);
    expect(new PacketGuard().accepts(packet(MAX_BYTES_BEFORE_LOGIN + 1).subarray(0, 3))).toBe(false);
  });

  test("accepts a packet of 64 KiB after login and refuses a longer one at its header", () => {
    const guard = new PacketGuard();
    guard.maxBytes = MAX_BYTES_AFTER_LOGIN;
    expect(guard.accepts(packet(MAX_BYTES_AFTER_LOGIN, 0x30))).toBe(true);
    expect(guard.accepts(packet(MAX_BYTES_AFTER_LOGIN + 1, 0x30).subarray(0, 4))).toBe(false);
  });

  test("refuses a length of more than 4 bytes", () => {
    expect(new PacketGuard().accepts(Uint8Array.from([0x10, 0x80, 0x80, 0x80]))).toBe(true);
    expect(new PacketGuard().accepts(Uint8Array.from([0x10, 0x80, 0x80, 0x80, 0x80]))).toBe(false);
  });

  test("finds the long packet after random others, in random pieces", () => {
    const seed = 31;
    const random = new Random(seed);
    for (let run = 0; run < 300; run++) {
      const guard = new PacketGuard();
      const others = Array.from({ length: random.int(5) }, () => packet(random.int(300)));
      const stream = Buffer.concat([...others, packet(MAX_BYTES_BEFORE_LOGIN + 1 + random.int(9000))]);
      const end = Buffer.concat(others).length + 3;
      let accepted = 0;
      while (accepted < stream.length) {
        const piece = stream.subarray(accepted, accepted + 1 + random.int(40));
        if (!guard.accepts(piece)) break;
        accepted += piece.length;
      }
      if (accepted >= end) throw new Error(`seed ${seed}, run ${run}: accepted ${accepted} of ${end} bytes`);
    }
  });
});
