/** Remainders of half bytes. A table of 16 values takes a sixteenth of the flash of one for whole bytes. */
const REMAINDERS: readonly number[] = Object.freeze([
  0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000,
  0x9c01, 0x8801, 0x4400,
]);

/** Returns the CRC-16 of the bytes from `from` to `to` (MODBUS over Serial Line V1.02, section 6.2.2). */
export function crc16(bytes: Uint8Array, from: number, to: number): number {
  let crc = 0xffff;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    crc = (crc >> 4) ^ (REMAINDERS[(crc ^ byte) & 15] ?? 0);
    crc = (crc >> 4) ^ (REMAINDERS[(crc ^ (byte >> 4)) & 15] ?? 0);
  }
  return crc;
}
